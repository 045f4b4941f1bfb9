"""The commands of the analyses."""
