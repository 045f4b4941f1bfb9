"""Where ``python -m airflow_provider_platerec_ocr.dataset`` comes in; the command itself is :mod:`..cli.dataset`."""

from __future__ import annotations

import sys

from airflow_provider_platerec_ocr.cli.dataset.command import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
