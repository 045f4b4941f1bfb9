"""The page inside Airflow: views, templates and what they need. Loaded by the API server alone."""
