"""The hook: an Airflow connection as a client of the API."""
