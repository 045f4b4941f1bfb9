"""Figures that anyone can reproduce, one command each (``python -m benchmarks.NAME``); in short, ``make bench``.

They start what the tests start (the sandbox, Airflow), so the tests' own helpers are importable here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
