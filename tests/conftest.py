"""Settings for the whole suite: no test ever touches the Airflow of whoever runs it."""

from __future__ import annotations

from support import airflow_home

airflow_home.claim()
