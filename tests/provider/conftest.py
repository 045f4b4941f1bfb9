"""A migrated Airflow for the tests that run DAGs."""

from __future__ import annotations

import pytest

from support import airflow_home as home


@pytest.fixture(scope="session")
def airflow_home() -> home.AirflowHome:
    """Return the process's Airflow with its database made."""
    return home.migrate(home.claim())
