"""Telling people what of a run needs them, by Airflow's own notifiers."""
