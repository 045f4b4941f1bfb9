"""Answers that were kept and could not be read."""
