"""The analyses' command line: who is in the yard, how sure the reads are, what it is. Nothing is paid, or changed."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.analysis import accuracy, decode, presence, reconcile
from airflow_provider_platerec_ocr.cli.shared.common import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

PROG = "python -m airflow_provider_platerec_ocr.analysis"
_ABOUT = "Hold reads against a list of units or the truth, and say what codes stand for. Nothing is paid, or changed."
_EXAMPLES = """\
examples:
  %(prog)s reconcile /srv/reads units.csv
  %(prog)s reconcile /srv/reads units.csv --since 2026-03-01 --until 2026-03-07 --into /tmp/yard
  %(prog)s presence /srv/reads --since 2026-03-01
  %(prog)s accuracy /srv/reads truth.csv --target 1%%
  %(prog)s accuracy /srv/reads --corrections --output json
  %(prog)s decode 1HGCM82633A004352 "MSKU 907032 3 45G1"

exit codes: 0 fine, 1 refused or failed, 2 not understood, 3 units are missing (reconcile)"""


def main(words: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run one command and return its exit code."""
    given = parser(prog).parse_args(sys.argv[1:] if words is None else words)
    return guarded(lambda: int(given.run(given)))


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    form = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(prog=prog, description=_ABOUT, epilog=_EXAMPLES, formatter_class=form)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for module in (reconcile, accuracy, presence, decode):
        module.add_to(commands)
    return made
