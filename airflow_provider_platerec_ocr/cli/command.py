"""The front door without Airflow's own command: ``python -m airflow_provider_platerec_ocr COMMAND …``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.definition import ABOUT, COMMANDS, run

if TYPE_CHECKING:
    from collections.abc import Sequence

PROG = "python -m airflow_provider_platerec_ocr"
_EXAMPLES = """\
examples:
  %(prog)s quota
  %(prog)s plan /srv/yard/tonight.csv --dataset /srv/reads
  %(prog)s runs /srv/reads --output json
  %(prog)s ledger doubts

exit codes: 0 fine, 1 refused or failed, 2 not understood, 3 something needs a person. From Airflow 3.2 on,
`airflow platerec-ocr …` is the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        return run(words[0], words[1:], PROG)
    parser().parse_args(words)  # which shows the help, or says what is wrong
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser that knows the names of the commands."""
    form = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(prog=PROG, description=ABOUT, epilog=_EXAMPLES, formatter_class=form)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for name, (_, about) in COMMANDS.items():
        commands.add_parser(name, help=about)
    return made
