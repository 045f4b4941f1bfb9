"""Where ``python -m airflow_provider_platerec_ocr`` comes in; the command itself is :mod:`.cli.command`."""

from __future__ import annotations

import sys

from airflow_provider_platerec_ocr.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
