"""The only place where a file is made: paths, whole and exclusive writes, listings, a store's probe and its clock.

A leaf below ledger, inbox and dataset. It knows names and bytes, and nothing of what they mean.
"""
