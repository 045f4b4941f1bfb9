"""Rules: standard library only, no I/O, no Airflow, and no clock but :mod:`.clock`."""
