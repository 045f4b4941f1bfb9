"""A run's report as one page of HTML that needs nothing beside it; the only part of the dataset that knows Jinja."""
