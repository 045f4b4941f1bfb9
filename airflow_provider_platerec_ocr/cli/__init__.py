"""What a person types in a shell. Each module is one command: arguments and words; the rooms below do the work."""
