"""What the API knows and how it is set: accounts, faults, the log of calls, webhooks, options, replies."""
