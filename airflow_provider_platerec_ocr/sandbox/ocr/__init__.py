"""Reading an image for real: lines of text, and the codes in them."""
