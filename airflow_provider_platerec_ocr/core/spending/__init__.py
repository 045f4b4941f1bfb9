"""What a run may spend, and how the calls it was granted are shared out among those who make them."""
