"""What the API sends by itself: a receiver, and the inbox that keeps each payload. Imports :mod:`core` only."""
