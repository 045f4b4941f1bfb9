"""How the commands about an account and its runs begin: their parser, their end, and where log lines go."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.shared.common import guarded
from airflow_provider_platerec_ocr.cli.shared.output import takes_output
from airflow_provider_platerec_ocr.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock

    Run = Callable[[argparse.Namespace, Clock], int]

_CODES = "\n\nexit codes: 0 fine, 1 refused or failed, 2 not understood, 3 {three}"


def parser_of(prog: str, about: str, examples: str, three: str = "", *more: str) -> argparse.ArgumentParser:
    """Return the parser of one command.

    :param examples: one a line, with ``%(prog)s`` for the command.
    :param three: what exit code 3 says; empty where it never comes.
    :param more: forms of the answer besides a table and JSON.
    """
    codes = _CODES.format(three=three) if three else _CODES.partition(", 3")[0]
    form = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        prog=prog, description=about, epilog=f"examples:\n{examples}{codes}", formatter_class=form
    )
    takes_output(made, *more)
    return made


def run(parser: argparse.ArgumentParser, command: Run, words: Sequence[str] | None, clock: Clock | None = None) -> int:
    """Parse the words, run the command, return its exit code."""
    given = parser.parse_args(words)
    with logs_aside():
        return guarded(lambda: command(given, clock or SystemClock()))


@contextmanager
def logs_aside(level: int = logging.WARNING) -> Iterator[None]:
    """Have what is logged go to the standard error, from warnings on: Airflow's own log may go among the answers."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root.handlers[:] = [handler]
    root.setLevel(level)
    try:
        yield
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
