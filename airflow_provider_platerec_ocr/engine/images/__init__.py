"""From a place to the bytes that are sent: allowed roots, whole files, known formats, and shrinking."""
