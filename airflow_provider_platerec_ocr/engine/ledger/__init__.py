"""All claims and how they ended, what they reserve, and what a person may do about them."""
