"""An answer's body, whatever it is: kept to the byte, and as JSON as far as it goes."""
