"""Who hears of calls and runs in the task's process: Airflow's metrics, spans, the task's own state, a user's own.

None of them can touch a paid call: the calls live in another process, and each listener here in a thread of its own.
"""
