"""What several entries at once are to be forgotten or settled for: listed first, done only with ``--yes``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.ledger.entries import entry_json, title
from airflow_provider_platerec_ocr.cli.shared.common import FAILED, FINE, complain, refuse_empty
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRInputError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.ledger import selection
from airflow_provider_platerec_ocr.engine.ledger.describe import owner, state

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.cli.shared.output import Output
    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, LedgerDecision
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger


def takes_many(parser: argparse.ArgumentParser, flag: str, about: str) -> None:
    """Have a command also be about many entries, with ``flag`` instead of a fingerprint."""
    parser.add_argument(flag, action="store_true", dest="many", help=about)
    parser.add_argument(
        "--since", metavar="TIME", help="of those, only from then on: 2026-03-01 or 2026-03-01T22:00 (UTC)"
    )
    parser.add_argument("--yes", action="store_true", help="really do it; without it, they are only listed")


def check_choice(given: argparse.Namespace, flag: str) -> None:
    """Refuse a command that is about nothing, about one and many, or whose options mean nothing.

    :raises OCRInputError: it is.
    """
    refuse_empty(given, "what", "since", "type", "base_url")
    if given.many == (given.what is not None):
        message = f"Give either a fingerprint (or an image) or {flag}."
        raise OCRInputError(message)
    for name in ("since", "message"):
        if not given.many and getattr(given, name, None) is not None:
            message = f"--{name} chooses among many: it goes with {flag}."
            raise OCRInputError(message)


def forget_rejected(out: Output, given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    """List the rejections that were chosen; with ``--yes``, move their claims aside."""
    chosen = selection.rejected(admin, since=_since(given), message=given.message or "", type_=given.type)
    aside = admin.new_aside()
    number, left, folder = 0, 0, None
    out.put(entries=[])
    for found in chosen:
        out.say(f"{title(found)}  rejected {selection.rejection(found)}")
        out.add("entries", entry_json(found, ledger.lease_s))
        number += 1
        if given.yes:
            try:
                folder = admin.forget(found, aside)
            except OCRConfigError as error:
                left += 1
                complain(f"  left as it is: {error}")
    out.put(done=given.yes, forgotten=number - left if given.yes else 0, left=left, folder=folder)
    if not number:
        out.say("No rejection fits.")
        return FINE
    if not given.yes:
        return out.refuse_without_yes(
            f"Nothing was done: the next run may pay again for {count_of(number, 'image')}. To have that, add --yes."
        )
    if number > left:
        out.say(f"{count_of(number - left, 'image')} forgotten. Nothing was deleted: the files are in {folder}")
    return FAILED if left else FINE


def settle_doubts(
    out: Output, given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger, says: LedgerDecision
) -> int:
    """List the doubts that were chosen; with ``--yes``, write down how they ended."""
    number = settled = 0
    out.put(entries=[])
    for found, attempt in selection.doubts(admin, since=_since(given), type_=given.type):
        out.say(f"{title(found)}\n  attempt {attempt.number}: {state(attempt, ledger.lease_s)}; {owner(attempt)}")
        out.add("entries", entry_json(found, ledger.lease_s) | {"attempt": attempt.number})
        number += 1
        settled += given.yes and admin.write(found, attempt, says)
    out.put(done=given.yes, settled=settled, end=says.end.value, by=says.by, why=says.why)
    if not number:
        out.say("No doubt fits.")
        return FINE
    if not given.yes:
        line = f"Nothing was done. To settle {count_of(number, 'doubt')} as {says.end.value}, add --yes."
        return out.refuse_without_yes(line)
    out.say(f"{count_of(settled, 'doubt')} settled as {says.end.value} by {says.by}: {says.why}")
    if settled < number:
        return complain(f"{count_of(number - settled, 'doubt')} ended by somebody else just now. Look again with show.")
    return FINE


def _since(given: argparse.Namespace) -> datetime | None:
    """Return the time that was given, as UTC where it names no zone."""
    if given.since is None:
        return None
    try:
        moment = datetime.fromisoformat(given.since.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"--since is a day or a time such as 2026-03-01 or 2026-03-01T22:00, not {given.since!r}."
        raise OCRInputError(message) from error
