"""The ledger's command line: look up, settle and forget what was paid for. It only parses, calls and prints.

The commands are in the modules beside it, each of which declares its own.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli import change, holds, look, reparse
from airflow_provider_platerec_ocr.cli.common import complain
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError, OCRInputError
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.path import fsspec_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

COMMANDS = (look, change, reparse, holds)
"""Modules that declare commands, in the order of the help."""
_ABOUT = """\
Look into the ledger of paid calls, settle what is in doubt, and forget what is to be paid for again.

A call is *in doubt* when it was claimed, its lease is over and nobody wrote down how it ended: it may have been
billed. By default the next run sends it once more; a person who knows better says so with `settle`."""
_EXAMPLES = """\
examples:
  %(prog)s /srv/ocr-ledger info
  %(prog)s /srv/ocr-ledger doubts
  %(prog)s s3://bucket/ocr-ledger show yard/4711.jpg --type vin
  %(prog)s /srv/ocr-ledger settle 9f86d0… --answer webhook.json --why "from the webhook's mail"
  %(prog)s /srv/ocr-ledger settle 9f86d0… --released --why "the vendor's log has no such call"
  %(prog)s /srv/ocr-ledger reparse
  %(prog)s /srv/ocr-ledger forget --rejected --since 2026-03-01 --message "unknown type"

exit codes: 0 fine, 1 refused or failed, 2 not understood, 3 something is in doubt or torn (doubts, check) or
unread (reparse)"""


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    clock = clock or SystemClock()
    try:
        place = open_place(given.ledger)
        ledger = Ledger.peek(place, lease_s=ClientSettings().lease_s, clock=clock)
        admin = LedgerAdmin(ledger, clock)
        if not ledger.store.names():
            return complain(f"There is no ledger in {place}: nothing is there. Check the path.")
        code: int = given.run(given, admin, ledger)
    except OCRError as error:
        return complain(str(error))
    return code


def open_place(uri: str) -> StoragePath:
    """Return the place of a path or URI as fsspec alone opens it: with the credentials of this shell, not Airflow's.

    :raises OCRInputError: it is empty, the URI names an Airflow connection, or nothing installed knows its scheme.
    """
    if not uri.strip():
        message = "LEDGER is empty. Say which ledger is meant: in a script, a variable may not be set."
        raise OCRInputError(message)
    scheme, found, rest = uri.partition("://")
    if found and "@" in rest.partition("/")[0] and scheme not in {"abfs", "abfss", "wasb", "wasbs"}:
        message = (
            f"{redact_url(uri)} names an Airflow connection, which this command does not read. Leave out what is "
            "before the @, and give the credentials through the environment (for S3: AWS_PROFILE, AWS_ENDPOINT_URL, …)."
        )
        raise OCRInputError(message)
    try:
        return fsspec_path(uri)
    except (ValueError, ImportError) as error:
        message = f"{redact_url(uri) if found else uri} cannot be opened: {error}"
        raise OCRInputError(message) from error


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    prog = "python -m airflow_provider_platerec_ocr.ledger"
    parser = argparse.ArgumentParser(prog=prog, description=_ABOUT, epilog=_EXAMPLES, formatter_class=form)
    parser.add_argument("ledger", help="path or URI of the ledger; object stores with this shell's own credentials")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
