"""Apache Airflow provider for the Plate Recognizer OCR Cloud API.

This file holds the version, the only place where it is written, and imports nothing: Airflow loads it to ask for
``provider_info`` at every start.
"""

__version__ = "0.1.0"
