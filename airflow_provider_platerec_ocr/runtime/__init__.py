"""What the Airflow face shares and only Airflow knows: connections, options, places, the facts of a task."""
