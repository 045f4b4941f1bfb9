"""What the ledger's commands share: how they are declared, what they say, and which entry they are about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes, is_fingerprint
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL, normalize_base_url

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.engine.ledger.admin import Found, LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

    Run = Callable[[argparse.Namespace, LedgerAdmin, Ledger], int]

FINE, FAILED, FINDINGS = 0, 1, 3
"""Exit codes; 2 is argparse's own, for a command that cannot be understood."""


def command(commands: Any, name: str, run: Run, about: str) -> argparse.ArgumentParser:
    """Declare a command about the whole ledger and return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about[0].upper() + about[1:])
    parser.set_defaults(run=run)
    return parser


def takes_an_image(parser: argparse.ArgumentParser, *, nargs: str | None = None) -> None:
    """Have a command be about one fingerprint or image.

    :param nargs: ``?`` where it may also be about others.
    """
    parser.add_argument(
        "what", metavar="FINGERPRINT|IMAGE", nargs=nargs, help="64 hex digits, or a file on this machine"
    )
    parser.add_argument("--type", help="what was read (vin, trailer_id); needed for an image")
    parser.add_argument(
        "--base-url", default=DEFAULT_BASE_URL, help="host of the connection, for an image (default: %(default)s)"
    )


def fingerprint_of(given: argparse.Namespace) -> str:
    """Return the fingerprint that was given, or that of the image that was.

    :raises OCRInputError: it is neither, or the type is missing.
    """
    name = str(given.what)
    if is_fingerprint(name):
        return name
    if not Path(name).is_file():
        message = f"{name!r} is neither a fingerprint (64 digits, lower-case hexadecimal) nor a file on this machine."
        raise OCRInputError(message)
    if not given.type:
        message = "For an image, say what was read from it with --type, such as --type vin."
        raise OCRInputError(message)
    return fingerprint_bytes(normalize_base_url(given.base_url), given.type, Path(name).read_bytes())


def one(admin: LedgerAdmin, given: argparse.Namespace) -> Found:
    """Return the one entry that was asked for.

    :raises OCRInputError: there is none, or there are several.
    """
    found = admin.find(fingerprint_of(given), given.type)
    if len(found) == 1:
        return found[0]
    types = ", ".join(entry.type for entry in found)
    message = f"It was read as {types}: say which with --type." if found else "The ledger has no claim of it."
    raise OCRInputError(message)


def refuse_empty(given: argparse.Namespace, *names: str) -> None:
    """Refuse options that were given without a value: in a script, that is a variable that was never set.

    :raises OCRInputError: one of them is empty.
    """
    for name in names:
        value = getattr(given, name)
        if value is not None and not str(value).strip():
            message = f"--{name} is empty, so nothing was done. Is a variable of your script not set?"
            raise OCRInputError(message)


def title(found: Found) -> str:
    """Return the line that names an entry."""
    return f"{found.fingerprint}  type {found.type}  {redact(found.image)}".rstrip()


def say(line: str) -> None:
    """Print a line of the answer."""
    sys.stdout.write(f"{line}\n")


def complain(line: str) -> int:
    """Print what went wrong, apart from answers, and return the exit code for it."""
    sys.stderr.write(f"{line}\n")
    return FAILED
