"""The views of the yard: who was seen and who is missing, and how sure the codes are."""
