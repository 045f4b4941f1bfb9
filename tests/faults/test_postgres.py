"""The PostgreSQL that whole Airflows run on: when it was ended, nothing more is heard of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import PATIENCE_S

pytestmark = [pytest.mark.slow]

PROGRAM = """
import io, logging
from support.postgres import postgres
stream = io.StringIO()
logging.basicConfig(level=logging.INFO, stream=stream)
with postgres() as environment:
    print(*environment)
stream.close()
"""
"""Logs to a stream that is closed before Python ends, as pytest's are."""


def test_a_server_that_was_ended_says_nothing_when_python_ends() -> None:
    mine = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", PROGRAM]

    done = subprocess.run(command, env=mine, capture_output=True, text=True, check=False, timeout=PATIENCE_S)  # noqa: S603

    assert (done.returncode, done.stderr) == (0, "")
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" in done.stdout
