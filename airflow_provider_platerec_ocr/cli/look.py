"""The ledger's commands that look and change nothing: show, info, doubts, check."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.common import (
    FINDINGS,
    FINE,
    command,
    complain,
    fingerprints_of,
    nothing_of,
    say,
    takes_an_image,
    title,
)
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.engine.ledger.describe import describe, owner, state
from airflow_provider_platerec_ocr.engine.ledger.identity import base_urls, read_identity
from airflow_provider_platerec_ocr.engine.ledger.size import size_of
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger


def add_to(commands: Any) -> None:
    """Declare the commands."""
    show = command(commands, "show", _show, "tell all that is known of one image")
    takes_an_image(show)
    show.add_argument("--raw", action="store_true", help="print the raw answers too")
    command(commands, "info", _info, "tell which ledger this is, how old and how large")
    command(commands, "doubts", _doubts, "list every call in doubt, with its owner, age and image")
    command(commands, "check", _check, "read the whole ledger: what is in it, what is torn, is the store fit")


def _show(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    prints = fingerprints_of(given, ledger)
    found = [entry for fingerprint in prints for entry in admin.find(fingerprint, given.type)]
    for entry in found:
        say(title(entry))
        if url := prints[entry.fingerprint]:
            say(f"  sent under {url}")
        for line in describe(entry.history, ledger.lease_s):
            say(f"  {line}")
        if given.raw:
            for attempt in entry.history:
                say(json.dumps(attempt.payload, indent=2))
    aside = [folder for fingerprint in prints for folder in admin.forgotten(fingerprint)]
    for folder in aside:
        say(f"It was sent before and then forgotten: its claims and answers are in {folder}")
    if not found:
        return complain(nothing_of(prints) + (" The next run may send it once more." if aside else ""))
    return FINE


def _info(_given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    identity, size = read_identity(ledger.store), size_of(ledger.store)
    by_type = ", ".join(f"{type_} {number:,}" for type_, number in size.answers.items())
    say(f"place     {ledger.root}")
    say(f"id        {f'{identity.id}, {identity.age()}' if identity.id else 'none yet: the next run gives it one'}")
    for other in sorted(identity.merged - {identity.id}):
        say(f"          {other} was copied into it")
    say(f"answers   {str(size).rpartition(' ')[0]}{f' ({by_type})' if by_type else ''}")
    say(f"size      {'' if size.exact else 'about '}{size.size_bytes / 1e6:,.1f} MB in files")
    rest = "" if size.exact else ", or later: not all was looked at"
    say(f"written   {_moment(size.last_write_s, admin.now())}{rest}")
    for url in base_urls(ledger.store):
        say(f"paid at   {url}")
    return FINE


def _moment(at_s: float | None, now: datetime) -> str:
    """Return a time with how long ago it was."""
    if at_s is None:
        return "never, or the store does not tell"
    moment = datetime.fromtimestamp(at_s, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {timedelta(seconds=round((now - moment).total_seconds()))} ago"


def _doubts(_given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    number = 0
    for number, found in enumerate(admin.doubts(), 1):  # noqa: B007  # counted for the line below
        for attempt in admin.in_doubt(found):
            say(title(found))
            say(f"  attempt {attempt.number}: {state(attempt, ledger.lease_s)}; {owner(attempt)}")
    if not number:
        say("Nothing is in doubt.")
        return FINE
    say(f"{number} in doubt. Settle each with: … {ledger.root} settle FINGERPRINT --answer FILE | --released | …")
    return FINDINGS


def _check(_given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    code = FINE
    try:
        prove_exclusive(ledger.store)
        say(f"{ledger.root} creates exclusively, as a ledger must.")
    except OCRError as error:
        code = complain(str(error))
    tally = admin.check()
    for standing, count in sorted(tally.counts.items()):
        say(f"{count:>10}  {standing}")
    say(f"{tally.calls_twice:>10}  calls beyond the first for the same content, answered or in doubt")
    for found in tally.torn:
        say(f"torn: {title(found)}")
    for name in tally.strange:
        say(f"not a file of the ledger, or an end without its claim: {name}")
    return code or (FINDINGS if tally.torn or tally.counts["in doubt"] else FINE)
