"""The ledger's commands that look and change nothing: show, doubts, check."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.common import (
    FINDINGS,
    FINE,
    command,
    complain,
    fingerprint_of,
    say,
    takes_an_image,
    title,
)
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.engine.ledger.describe import describe, owner, state
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
    command(commands, "doubts", _doubts, "list every call in doubt, with its owner, age and image")
    command(commands, "check", _check, "read the whole ledger: what is in it, what is torn, is the store fit")


def _show(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    found = admin.find(fingerprint_of(given), given.type)
    for entry in found:
        say(title(entry))
        for line in describe(entry.history, ledger.lease_s):
            say(f"  {line}")
        if given.raw:
            for attempt in entry.history:
                say(json.dumps(attempt.payload, indent=2))
    if not found:
        return complain("The ledger has no claim of it: it was never sent from here. The next run may send it.")
    return FINE


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
