"""Speaks to the API and keeps what was paid for. Knows the rules in :mod:`..core`; neither Airflow nor tables.

From the bottom up: :mod:`.client` and :mod:`.ledger`, :mod:`.rate` and :mod:`.images`, and above them :mod:`.reading`.
"""
