"""The dataset's commands that delete: one image or code everywhere, and everything that is old."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.dataset.places import command, places_of, refuse_absent, takes_places
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, complain, fingerprint, minutes, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.images.wanted import FROM_LENGTH, Wanted
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.upkeep.forget import Forgetting
from airflow_provider_platerec_ocr.upkeep.retain import WHAT, Retention

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.upkeep.forget import Forgotten

NAMED = 100
"""Files of a place that are named in text; the others are counted. JSON has all."""
_AGE = re.compile(r"(\d+)\s*(d|w|y)?")
_DAYS = {"d": 1, "w": 7, "y": 365}
_ADD_YES = "Nothing was done. If all of this is to be deleted, add --yes."
_EVERYWHERE = (
    "repeats",
    "dead_letters",
    "corrections",
    "workspace",
    "reports",
    "sweeps",
    "analyses",
    "ledger",
    "inbox",
)


def add_to(commands: Any) -> None:
    """Declare the commands."""
    forget = command(commands, "forget", _forget, "delete one image or one code from everything that was made of it")
    which = forget.add_mutually_exclusive_group(required=True)
    which.add_argument("--code", help="a VIN or another code, in any spelling")
    which.add_argument("--image", help="an image as the table has it, in all its versions")
    which.add_argument("--fingerprint", type=fingerprint, help="one content, by the fingerprint that the table has")
    old = command(commands, "retain", _retain, "delete everything that is older than so many days")
    old.add_argument("--older-than", required=True, metavar="AGE", help="400d, 60w or 2y")
    old.add_argument("--only", action="append", choices=WHAT, help="only this; may be given several times")
    for parser in (forget, old):
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
        parser.add_argument("--yes", action="store_true", help="really do it; without it, it is only listed")
        parser.add_argument("--wait", type=minutes, default=0.0, metavar="MIN", help="minutes to wait for a run to end")
        takes_places(parser, *_EVERYWHERE)


def _forget(given: argparse.Namespace, clock: Clock) -> int:
    refuse_empty(given, "code", "image", "fingerprint")
    wanted = Wanted.of(code=given.code, image=given.image, fingerprint=given.fingerprint)
    if given.code is not None and not wanted.codes:
        message = f"{given.code!r} has neither a letter nor a digit."
        raise OCRInputError(message)
    places = places_of(given, needs_ledger=True)
    refuse_absent(given)
    forgetting = Forgetting(places, wanted, clock=clock)
    really = given.yes and not given.dry_run
    with working("Looking through everything"):
        found = forgetting.erase(wait_s=given.wait * 60) if really else forgetting.find()
    with Output(given.output) as out:
        _list(out, found, really=really)
        if any(len(code) < FROM_LENGTH for code in wanted.codes):
            out.say(f"A code of fewer than {FROM_LENGTH} signs is compared with whole codes, not looked for in names.")
        if places.inbox is None:
            out.say("No inbox of webhooks is configured here: if there is one, name it with --inbox.")
        out.put(dataset=places.dataset.uri, done=really, counts=found.counts, where=found.where)
        out.put(contents=len(found.fingerprints), image_names=len(found.images), inbox=places.inbox is not None)
        if not found.counts:
            out.say("Nothing of it is there.")
        elif really:
            out.say(
                f"It is gone. What stays: a hash of {count_of(len(found.fingerprints), 'content')}, so that none is "
                f"paid for again, and of {count_of(len(found.images), 'image name')}, so that none is planned again."
            )
        else:
            return out.refuse_without_yes(_ADD_YES, dry_run=given.dry_run)
    return FINE


def _list(out: Output, found: Forgotten, *, really: bool) -> None:
    for place, number in found.counts.items():
        out.say(f"{place:<14} {number:>8,} {'deleted' if really else 'to be deleted'}")
        _name(out, found.where[place])


def _name(out: Output, where: list[str]) -> None:
    for name in where[:NAMED]:
        out.say(f"{'':<14} {name}")
    if len(where) > NAMED:
        out.say(f"{'':<14} … and {len(where) - NAMED:,} more: --output json names all of them")


def _retain(given: argparse.Namespace, clock: Clock) -> int:
    before = _moment(given.older_than, clock)
    only = tuple(given.only or WHAT)
    needs = bool({"table", "ledger"} & set(only))
    places = places_of(given, needs_ledger=needs)
    refuse_absent(given)
    retention = Retention(places, before, only=only, clock=clock)
    really = given.yes and not given.dry_run
    with working("Looking for what is old"):
        done = retention.run(dry_run=not really, wait_s=given.wait * 60)
    with Output(given.output) as out:
        out.say(f"Older than {before:%Y-%m-%d %H:%M} UTC:")
        for name in only:
            out.say(f"{name:<14} {done.counts.get(name, 0):>8,} {'deleted' if really else 'to be deleted'}")
            _name(out, done.where.get(name, []))
        if done.in_doubt:
            complain(f"{count_of(done.in_doubt, 'old call')} in doubt, kept in the ledger: see `ledger … doubts`.")
        out.put(dataset=places.dataset.uri, done=really, before=format_timestamp(before), in_doubt=done.in_doubt)
        out.put(counts={name: done.counts.get(name, 0) for name in only}, where=done.where)
        if done.counts and not really and not given.dry_run:
            return out.refuse_without_yes(_ADD_YES)
    return FINDINGS if done.in_doubt else FINE


def _moment(text: str, clock: Clock) -> datetime:
    """Return when what is just so old was made."""
    found = _AGE.fullmatch(text.strip().lower())
    if not found or not int(found[1]):
        message = f"--older-than is an age such as 400d, 60w or 2y, not {text!r}."
        raise OCRInputError(message)
    try:
        return clock.now() - timedelta(days=int(found[1]) * _DAYS[found[2] or "d"])
    except OverflowError as error:
        message = f"--older-than {text} is before the first year."
        raise OCRInputError(message) from error
