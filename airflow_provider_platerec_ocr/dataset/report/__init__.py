"""What a run did and what it cost, held against the account's own count."""
