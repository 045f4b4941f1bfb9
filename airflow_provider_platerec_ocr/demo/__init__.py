"""``make demo`` and ``make up``: the example DAGs on a real Airflow, against the sandbox, on this machine only.

Nothing else imports this package. It starts processes, waits for them, and reads what they left.
"""
