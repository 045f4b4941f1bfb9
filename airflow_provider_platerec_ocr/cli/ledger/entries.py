"""What the ledger's commands share: how they are declared, and which entry they are about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes, is_fingerprint, why_no_fingerprint
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL, normalize_base_url
from airflow_provider_platerec_ocr.engine.ledger.identity import base_urls

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.engine.ledger.admin import Found, LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

    Run = Callable[[argparse.Namespace, LedgerAdmin, Ledger], int]


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
        message = f"{name!r} is neither a fingerprint nor a file on this machine: {why_no_fingerprint(name)}."
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


def title(found: Found) -> str:
    """Return the line that names an entry."""
    return f"{found.fingerprint}  type {found.type}  {redact(found.image)}".rstrip()


def entry_json(found: Found, lease_s: float, *, raw: bool = False) -> dict[str, Any]:
    """Return an entry as programs are given it.

    :param raw: whether the raw answers go along.
    """
    attempts = [
        {
            "number": attempt.number,
            "state": _state(attempt, lease_s),
            "age_s": attempt.age_s,
            **attempt.owner.to_json(),
            "row": attempt.facts.get("row"),
        }
        | ({"payload": attempt.payload} if raw else {})
        for attempt in found.history
    ]
    image = redact(found.image)
    return {"fingerprint": found.fingerprint, "type": found.type, "image": image, "attempts": attempts}


def _state(attempt: Attempt, lease_s: float) -> str:
    if attempt.is_in_doubt(lease_s):
        return "in_doubt"
    return "under_way" if attempt.end is None else str(attempt.end.value)
