"""The ledger's command: look up, settle and forget what was paid for."""
