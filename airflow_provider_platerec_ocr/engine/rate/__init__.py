"""When the next call may start: the account's rate, found or given, and shared by everybody who calls."""
