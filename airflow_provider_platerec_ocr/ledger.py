"""Where ``python -m airflow_provider_platerec_ocr.ledger`` comes in; the command itself is :mod:`.cli.ledger`."""

from __future__ import annotations

import sys

from airflow_provider_platerec_ocr.cli.ledger.command import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
