"""Speaks to the API and keeps what was paid for. Knows the rules in :mod:`..core`; neither Airflow nor tables."""
