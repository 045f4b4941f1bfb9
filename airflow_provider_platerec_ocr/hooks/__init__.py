"""The bridge from Airflow connections and options to the engine."""
