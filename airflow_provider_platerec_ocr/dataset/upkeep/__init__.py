"""Keeping a published table over the years: fewer files, rows that go, rows that come again from the ledger."""
