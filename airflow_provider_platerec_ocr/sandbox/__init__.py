"""A local OCR API that really reads images: the contract of the Plate Recognizer OCR Cloud API, without its price.

The package stands alone on purpose: it imports nothing else of this project, so that a wrong field name in the client
cannot cancel out against the same mistake here. Importing it loads neither the OCR engine nor OpenCV; those wait until
images are to be read. Start it with ``python -m airflow_provider_platerec_ocr.sandbox``.
"""
