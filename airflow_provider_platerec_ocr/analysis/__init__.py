"""What the table answers: who is in the yard, how sure that is, and what it is. Everything here reads; nothing pays."""
