"""The ledger's commands that write what a person decides: settle and forget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.ledger.bulk import check_choice, forget_rejected, settle_doubts, takes_many
from airflow_provider_platerec_ocr.cli.ledger.entries import command, entry_json, one, takes_an_image
from airflow_provider_platerec_ocr.cli.shared.common import FINE, refuse_empty, user_name
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerDecision
from airflow_provider_platerec_ocr.engine.ledger.describe import verdict
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger


NAMES = ("settle", "forget")
"""Of the commands."""


def add_to(commands: Any) -> None:
    """Declare the commands."""
    settle = command(commands, "settle", _settle, "write down how a call in doubt ended")
    takes_an_image(settle, nargs="?")
    takes_many(settle, "--doubts", "instead of one: every call in doubt")
    how = settle.add_mutually_exclusive_group(required=True)
    how.add_argument("--answer", metavar="FILE", help="it was answered: the raw answer as JSON, or a spilled answer")
    how.add_argument("--released", action="store_true", help="it was certainly not billed: the next run may send it")
    how.add_argument("--rejected", metavar="REASON", help="the API will never read it: no run sends it again")
    settle.add_argument("--attempt", type=int, metavar="N", help="which attempt; needed where several are in doubt")
    settle.add_argument("--why", help="how you know; kept in the ledger")
    settle.add_argument("--by", default=user_name(), help="who settles it; kept in the ledger (default: %(default)s)")
    forget = command(commands, "forget", _forget, "move an image's claims aside, so that it is paid for again")
    takes_an_image(forget, nargs="?")
    takes_many(forget, "--rejected", "instead of one: every image that the API rejected")
    forget.add_argument("--message", metavar="TEXT", help="of those, only where the reason has this in it")
    for parser in (settle, forget):
        takes_output(parser)


def _settle(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    check_choice(given, "--doubts")
    refuse_empty(given, "answer", "rejected", "why", "by")
    why = given.why or given.rejected or "not said"
    if given.many:
        if given.answer is not None or given.attempt is not None:
            message = "--answer and --attempt speak of one call: they do not go with --doubts."
            raise OCRInputError(message)
        if given.yes:
            prove_exclusive(ledger.store)
        end = End.RELEASED if given.released else End.REJECTED
        with Output(given.output) as out:
            return settle_doubts(out, given, admin, ledger, LedgerDecision(end, by=given.by, why=why))
    found = one(admin, ledger, given)
    prove_exclusive(ledger.store)
    end, answer = End.RELEASED, None
    if given.answer is not None:
        end, answer = End.ANSWER, _answer(Path(given.answer), found.fingerprint)
    elif given.rejected is not None:
        end = End.REJECTED
    number = admin.settle(found, LedgerDecision(end, by=given.by, why=why, answer=answer), number=given.attempt)
    with Output(given.output) as out:
        out.say(f"Attempt {number} of {found.fingerprint} is settled as {end.value} by {given.by}: {why}")
        now = one(admin, ledger, given)
        out.say(verdict(now.history, ledger.lease_s))
        out.put(entries=[entry_json(now, ledger.lease_s) | {"attempt": number}])
        out.put(done=True, settled=1, end=end.value, by=given.by, why=why)
    return FINE


def _forget(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    check_choice(given, "--rejected")
    refuse_empty(given, "message")
    with Output(given.output) as out:
        if given.many:
            return forget_rejected(out, given, admin, ledger)
        found = one(admin, ledger, given)
        out.put(entries=[entry_json(found, ledger.lease_s)], done=given.yes, forgotten=0, left=0, folder=None)
        if not given.yes:
            what = redact(found.image) or "it"
            line = f"Nothing was done: the next run may pay again for {what}. If you want that, add --yes."
            return out.refuse_without_yes(line)
        folder = admin.forget(found)
        out.say(f"Forgotten; nothing was deleted, the files are in {folder}")
        out.put(forgotten=1, folder=folder)
    return FINE


def _answer(path: Path, fingerprint: str) -> dict[str, Any]:
    """Return the raw answer in a file: as the API gave it, or within a spilled answer or a line of the task log."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"{path} holds no JSON that can be read: {error}"
        raise OCRInputError(message) from error
    if isinstance(data, dict) and isinstance(data.get("answer"), dict) and "nonce" in data:
        if data.get("fingerprint") != fingerprint:
            message = f"{path} is the answer of {data.get('fingerprint')}, not of {fingerprint}."
            raise OCRInputError(message)
        data = data["answer"]
    if not isinstance(data, dict) or not isinstance(data.get("results"), list):
        message = f"{path} is no answer of the API: it has no list of results."
        raise OCRInputError(message)
    return data
