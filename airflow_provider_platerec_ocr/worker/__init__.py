"""The process in which a shard's calls live: engine and dataset wired together, without Airflow.

A call takes 20 to 30 s; a task that is marked failed or cleared is killed after 5 s, one that is killed with -9 at
once. So the calls run in a small child process in a session of its own, which outlives its parent for just as long as
the calls in flight need, saves their answers into the ledger, starts nothing new, and ends.
"""
