"""What needs a person's eyes among the reads, and what they decide: the rules, the queue, and how it is kept."""
