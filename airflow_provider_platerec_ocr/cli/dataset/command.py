"""The dataset's command line: look after a published table and all that lies beside it. It only parses, calls, prints.

The commands are in the modules beside it, each of which declares its own.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.dataset import erase, files, look, say
from airflow_provider_platerec_ocr.cli.shared.common import guarded
from airflow_provider_platerec_ocr.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock

PROG = "python -m airflow_provider_platerec_ocr.dataset"
COMMANDS = (look, say, files, erase)
"""Modules that declare commands, in the order of the help."""
_ABOUT = """\
Look after a dataset: see what is there, correct a code, make few files of many, make the table again from the ledger,
delete one image or one code everywhere, and keep everything for so long and no longer."""
_EXAMPLES = """\
examples:
  %(prog)s info /srv/reads
  %(prog)s correct /srv/reads 1M8GDM9AXKP042788 --image /yard/4711.jpg --by jane --why "seen at the gate"
  %(prog)s view /srv/reads --for duckdb | duckdb
  %(prog)s compact s3://bucket/reads
  %(prog)s rebuild /srv/reads --ledger /srv/ocr-ledger
  %(prog)s forget /srv/reads --code 1M8GDM9AXKP042788 --dry-run
  %(prog)s retain /srv/reads --older-than 400d --yes

exit codes: 0 fine, 1 refused or failed, 2 not understood, 3 something was left as it was (compact, retain)"""


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = PROG) -> int:
    """Run one command and return its exit code.

    :param arguments: the words after the command's name; ``None`` for those of this process.
    :param prog: what the command is called, for its help.
    """
    named = parser(prog)
    names = _names(named)
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) > 1 and words[1] in names and words[0] not in names:  # in the order of the ledger's command
        words[:2] = words[1::-1]
    given = named.parse_args(words)
    return guarded(lambda: int(given.run(given, clock or SystemClock())))


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    form = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(prog=prog, description=_ABOUT, epilog=_EXAMPLES, formatter_class=form)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return made


def _names(made: argparse.ArgumentParser) -> frozenset[str]:
    actions = (action.choices for action in made._actions if isinstance(action.choices, dict))  # noqa: SLF001  # no other way
    return frozenset(name for choices in actions for name in choices)


if __name__ == "__main__":
    sys.exit(main())
