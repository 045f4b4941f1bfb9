"""The ledger's commands that look and change nothing: show, info, doubts, check."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.ledger.entries import (
    command,
    entry_json,
    fingerprints_of,
    nothing_of,
    takes_an_image,
    title,
)
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, complain
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.ledger.describe import describe, owner, state
from airflow_provider_platerec_ocr.engine.ledger.identity import base_urls, read_identity
from airflow_provider_platerec_ocr.engine.ledger.size import size_of
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.engine.ledger.admin import Found, LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger


NAMES = ("show", "info", "doubts", "check")
"""Of the commands."""


def add_to(commands: Any) -> None:
    """Declare the commands."""
    show = command(commands, "show", _show, "tell all that is known of one image")
    takes_an_image(show)
    show.add_argument("--raw", action="store_true", help="print the raw answers too")
    info = command(commands, "info", _info, "tell which ledger this is, how old and how large")
    doubts = command(commands, "doubts", _doubts, "list every call in doubt, with its owner, age and image")
    check = command(commands, "check", _check, "read the whole ledger: what is in it, what is torn, is the store fit")
    for parser in (show, info, doubts, check):
        takes_output(parser)


def _show(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    prints = fingerprints_of(given, ledger)
    found = [entry for fingerprint in prints for entry in admin.find(fingerprint, given.type)]
    aside = [folder for fingerprint in prints for folder in admin.forgotten(fingerprint)]
    with Output(given.output) as out:
        out.put(entries=[], forgotten=aside)
        for entry in found:
            url = prints[entry.fingerprint]
            _tell_entry(out, entry, ledger, url=url, raw=given.raw)
            out.add("entries", entry_json(entry, ledger.lease_s, raw=given.raw) | {"base_url": url or None})
        for folder in aside:
            out.say(f"It was sent before and then forgotten: its claims and answers are in {folder}")
    if not found:
        return complain(nothing_of(prints) + (" The next run may send it once more." if aside else ""))
    return FINE


def _tell_entry(out: Output, entry: Found, ledger: Ledger, *, url: str, raw: bool) -> None:
    out.say(title(entry))
    if url:
        out.say(f"  sent under {url}")
    for line in describe(entry.history, ledger.lease_s):
        out.say(f"  {line}")
    for attempt in entry.history if raw else ():
        out.say(json.dumps(attempt.payload, indent=2))


def _info(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    identity, size = read_identity(ledger.store), size_of(ledger.store)
    by_type = ", ".join(f"{type_} {number:,}" for type_, number in size.answers.items())
    others, urls = sorted(identity.merged - {identity.id}), base_urls(ledger.store)
    rest = "" if size.exact else ", or later: not all was looked at"
    with Output(given.output) as out:
        out.say(f"place     {ledger.root}")
        out.say(
            f"id        {f'{identity.id}, {identity.age()}' if identity.id else 'none yet: the next run gives it one'}"
        )
        for other in others:
            out.say(f"          {other} was copied into it")
        out.say(f"answers   {str(size).rpartition(' ')[0]}{f' ({by_type})' if by_type else ''}")
        out.say(f"size      {'' if size.exact else 'about '}{size.size_bytes / 1e6:,.1f} MB in files")
        out.say(f"written   {_moment(size.last_write_s, admin.now())}{rest}")
        for url in urls:
            out.say(f"paid at   {url}")
        out.put(place=ledger.root.uri, id=identity.id or None, merged=others, answers=size.answers)
        out.put(rejected=size.rejected, size_bytes=size.size_bytes, exact=size.exact, base_urls=urls)
        out.put(written_at=None if size.last_write_s is None else _utc(size.last_write_s).isoformat())
    return FINE


def _utc(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _moment(at_s: float | None, now: datetime) -> str:
    """Return a time with how long ago it was."""
    if at_s is None:
        return "never, or the store does not tell"
    moment = _utc(at_s)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {timedelta(seconds=round((now - moment).total_seconds()))} ago"


def _doubts(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    every: list[Found] = []
    with working("Reading the ledger") as tell:
        for found in admin.doubts():
            every.append(found)
            tell(len(every))
    with Output(given.output) as out:
        out.put(doubts=[])
        for found in every:
            for attempt in admin.in_doubt(found):
                out.say(title(found))
                out.say(f"  attempt {attempt.number}: {state(attempt, ledger.lease_s)}; {owner(attempt)}")
            out.add("doubts", entry_json(found, ledger.lease_s))
        settle = f"… {ledger.root} settle FINGERPRINT --answer FILE | --released | …"
        out.say(
            f"{count_of(len(every), 'image')} in doubt. Settle each with: {settle}" if every else "Nothing is in doubt."
        )
    return FINDINGS if every else FINE


def _check(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    code = FINE
    with Output(given.output) as out:
        try:
            prove_exclusive(ledger.store)
            out.say(f"{ledger.root} creates exclusively, as a ledger must.")
        except OCRError as error:
            code = complain(str(error))
        with working("Reading the whole ledger"):
            tally = admin.check()
        for standing, count in sorted(tally.counts.items()):
            out.say(f"{count:>10}  {standing}")
        out.say(f"{tally.calls_twice:>10}  calls beyond the first for the same content, answered or in doubt")
        for found in tally.torn:
            out.say(f"torn: {title(found)}")
        for name in tally.strange:
            out.say(f"not a file of the ledger, or an end without its claim: {name}")
        out.put(exclusive=code == FINE, counts=dict(tally.counts), calls_twice=tally.calls_twice, strange=tally.strange)
        out.put(torn=[entry_json(found, ledger.lease_s) for found in tally.torn])
    return code or (FINDINGS if tally.torn or tally.counts["in doubt"] else FINE)
