"""What a run's rows look like in numbers, counted while they are published; the report shows it."""
