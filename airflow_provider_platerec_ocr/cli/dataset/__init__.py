"""The dataset's command: look after a published table and all that lies beside it."""
