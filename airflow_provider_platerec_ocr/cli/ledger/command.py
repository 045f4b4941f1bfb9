"""The ledger's command line: look up, settle and forget what was paid for. It only parses, calls and prints.

The commands are in the modules beside it, each of which declares its own.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.ledger import change, holds, look, reparse
from airflow_provider_platerec_ocr.cli.shared.common import complain, guarded
from airflow_provider_platerec_ocr.cli.shared.places import any_place, configured
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock

PROG = "python -m airflow_provider_platerec_ocr.ledger"
COMMANDS = (look, change, reparse, holds)
"""Modules that declare commands, in the order of the help."""
_ABOUT = """\
Look into the ledger of paid calls, settle what is in doubt, and forget what is to be paid for again.

A call is *in doubt* when it was claimed, its lease is over and nobody wrote down how it ended: it may have been
billed. By default the next run sends it once more; a person who knows better says so with `settle`."""
_NO_LEDGER = (
    "Airflow's configuration names no ledger, and there is none in AIRFLOW_HOME. Name it first: {prog} LEDGER COMMAND."
)
_EXAMPLES = """\
examples:
  %(prog)s info
  %(prog)s /srv/ocr-ledger info
  %(prog)s /srv/ocr-ledger doubts
  %(prog)s s3://bucket/ocr-ledger show yard/4711.jpg --type vin
  %(prog)s /srv/ocr-ledger settle 9f86d0… --answer webhook.json --why "from the webhook's mail"
  %(prog)s /srv/ocr-ledger settle 9f86d0… --released --why "the vendor's log has no such call"
  %(prog)s /srv/ocr-ledger reparse
  %(prog)s /srv/ocr-ledger forget --rejected --since 2026-03-01 --message "unknown type"

exit codes: 0 fine, 1 refused or failed, 2 not understood, 3 something is in doubt or torn (doubts, check) or
unread (reparse)"""


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = PROG) -> int:
    """Run one command and return its exit code.

    :param arguments: the words after the command's name; ``None`` for those of this process.
    :param prog: what the command is called, for its help.
    """
    words = _with_ledger(list(sys.argv[1:] if arguments is None else arguments))
    if words is None:
        return complain(_NO_LEDGER.format(prog=prog))
    given = parser(prog).parse_args(words)
    return guarded(lambda: _run(given, clock or SystemClock()))


def _run(given: argparse.Namespace, clock: Clock) -> int:
    place = any_place(given.ledger, "LEDGER")
    ledger = Ledger.peek(place, lease_s=ClientSettings().lease_s, clock=clock)
    if not ledger.store.names():
        return complain(f"There is no ledger in {place}: nothing is there. Check the path.")
    code: int = given.run(given, LedgerAdmin(ledger, clock), ledger)
    return code


def _with_ledger(words: list[str]) -> list[str] | None:
    """Return the words with the ledger of Airflow's configuration in front, where they name none.

    ``None`` where the configuration names none either, and a command is meant that needs one.
    """
    names = {name for module in COMMANDS for name in module.NAMES}
    if words[:1] and words[0] in names and words[1:2] and words[1] in names:
        return words  # a ledger in a folder of that name
    if not words or words[0] not in names:
        return words
    place = configured("ledger", "ledger")
    if place is None and not {"-h", "--help"} & set(words):
        return None
    return [place or "LEDGER", *words]


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    form = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(prog=prog, description=_ABOUT, epilog=_EXAMPLES, formatter_class=form)
    about = "path or URI of the ledger; a URI may name an Airflow connection (default: as Airflow's configuration says)"
    made.add_argument("ledger", metavar="LEDGER", help=about)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return made


if __name__ == "__main__":
    sys.exit(main())
