"""Where ``python -m airflow_provider_platerec_ocr.analysis`` comes in; the command is :mod:`..cli.analysis`."""

from __future__ import annotations

import sys

from airflow_provider_platerec_ocr.cli.analysis.command import main

if __name__ == "__main__":
    sys.exit(main())
