"""What each operator does once it runs: opens places, asks, wires the rooms below. No DAG file loads it."""
