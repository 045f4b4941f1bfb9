"""What persons say instead of the API: kept beside the dataset, laid over it when it is read. No run touches it."""
