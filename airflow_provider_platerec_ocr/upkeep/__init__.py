"""What is done to a dataset and all that lies beside it, by a person or a DAG, and never by a run on its way.

Deleting, keeping for so long, making again: each goes over the table, the workspaces, the inbox and the ledger, which
do not know of one another.
"""
