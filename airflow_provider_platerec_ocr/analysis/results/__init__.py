"""What analyses have left beside a table, and what persons have decided, read again for those who look at it."""
