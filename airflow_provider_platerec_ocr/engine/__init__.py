"""What speaks to the API and keeps what was paid for. Knows the rules in :mod:`..core`, and neither Airflow nor tables."""
