"""What the ledger's commands share: how they are declared, what they say, and which entry they are about."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes, is_fingerprint
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL, normalize_base_url
from airflow_provider_platerec_ocr.engine.ledger.identity import base_urls

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
        "--base-url",
        help=f"host of the connection, for an image (default: {DEFAULT_BASE_URL}, then what the ledger was paid under)",
    )


def fingerprints_of(given: argparse.Namespace, ledger: Ledger) -> dict[str, str]:
    """Return the fingerprints that may be meant, each with its base URL, the likeliest first.

    That is the one that was given, for which nobody knows the base URL. An image has one for each base URL: the one
    that was given, else the API's and all that the ledger knows.

    :raises OCRInputError: it is neither a fingerprint nor an image, or the type is missing.
    """
    name = str(given.what)
    if is_fingerprint(name):
        return {name: ""}
    if not Path(name).is_file():
        message = f"{name!r} is neither a fingerprint (64 digits, lower-case hexadecimal) nor a file on this machine."
        raise OCRInputError(message)
    if not given.type:
        message = "For an image, say what was read from it with --type, such as --type vin."
        raise OCRInputError(message)
    content = Path(name).read_bytes()
    urls = [normalize_base_url(given.base_url)] if given.base_url else [DEFAULT_BASE_URL, *base_urls(ledger.store)]
    return {fingerprint_bytes(url, given.type, content): url for url in urls}


def one(admin: LedgerAdmin, ledger: Ledger, given: argparse.Namespace) -> Found:
    """Return the one entry that was asked for.

    :raises OCRInputError: there is none, or there are several.
    """
    prints = fingerprints_of(given, ledger)
    found = [entry for fingerprint in prints for entry in admin.find(fingerprint, given.type)]
    if len(found) == 1:
        return found[0]
    if len({entry.fingerprint for entry in found}) > 1:
        urls = ", ".join(prints[entry.fingerprint] for entry in found)
        message = f"It was sent under several base URLs ({urls}): say which with --base-url."
        raise OCRInputError(message)
    types = ", ".join(entry.type for entry in found)
    message = f"It was read as {types}: say which with --type." if found else nothing_of(prints)
    raise OCRInputError(message)


def nothing_of(prints: dict[str, str]) -> str:
    """Return what it means that the ledger has no claim of these fingerprints: less than one would think."""
    urls = ", ".join(url for url in prints.values() if url)
    if not urls:
        return (
            "The ledger has no claim of this fingerprint. That says nothing of the same image under another base URL "
            "or type, each of which gives it another fingerprint."
        )
    return (
        f"The ledger has no claim of it under {urls}. If the host of the connection was another one when it was sent, "
        "it was paid for under that one: say it with --base-url. Older versions did not write down under which."
    )


def refuse_empty(given: argparse.Namespace, *names: str) -> None:
    """Refuse options that were given without a value: in a script, that is a variable that was never set.

    :raises OCRInputError: one of them is empty.
    """
    for name in names:
        value = getattr(given, name)
        if value is not None and not str(value).strip():
            what = "The fingerprint or image" if name == "what" else f"--{name.replace('_', '-')}"
            message = f"{what} is empty, so nothing was done. Is a variable of your script not set?"
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


def user_name() -> str:
    """Return who is logged in, for what is kept with a name; a container may have a user without any."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
