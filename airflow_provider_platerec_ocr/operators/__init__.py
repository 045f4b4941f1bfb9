"""Operators: arguments in, one call down, one return."""
