"""What all of a dataset's rooms agree on: columns, names of files and folders, lines of text."""
