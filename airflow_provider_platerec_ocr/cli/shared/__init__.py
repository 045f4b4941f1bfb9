"""What all commands share: how they speak, which places they open, how they say that they work."""
