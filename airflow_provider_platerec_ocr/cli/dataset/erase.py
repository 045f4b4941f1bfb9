"""The dataset's commands that delete: one image or code everywhere, and everything that is old."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.dataset.places import command, places_of, takes_places
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, complain, fingerprint, refuse_empty, say
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.images.wanted import FROM_LENGTH, Wanted
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.upkeep.forget import Forgetting
from airflow_provider_platerec_ocr.upkeep.retain import WHAT, Retention

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.upkeep.forget import Forgotten

NAMED = 5
"""Files of a place that are named; the others are counted."""
_AGE = re.compile(r"(\d+)\s*(d|w|y)?")
_DAYS = {"d": 1, "w": 7, "y": 365}
_EVERYWHERE = ("repeats", "dead_letters", "corrections", "workspace", "reports", "sweeps", "ledger", "inbox")


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
        parser.add_argument("--wait", type=float, default=0.0, metavar="MIN", help="minutes to wait for a run to end")
        takes_places(parser, *_EVERYWHERE)


def _forget(given: argparse.Namespace, clock: Clock) -> int:
    refuse_empty(given, "code", "image", "fingerprint")
    wanted = Wanted.of(code=given.code, image=given.image, fingerprint=given.fingerprint)
    if given.code is not None and not wanted.codes:
        message = f"{given.code!r} has neither a letter nor a digit."
        raise OCRInputError(message)
    places = places_of(given, needs_ledger=True)
    forgetting = Forgetting(places, wanted, clock=clock)
    really = given.yes and not given.dry_run
    with working("Looking through everything"):
        found = forgetting.erase(wait_s=given.wait * 60) if really else forgetting.find()
    _list(found, really=really)
    if any(len(code) < FROM_LENGTH for code in wanted.codes):
        say(f"A code of fewer than {FROM_LENGTH} signs is compared with whole codes only, not looked for in names.")
    if places.inbox is None:
        say("No inbox of webhooks is configured here: if there is one, name it with --inbox.")
    if not found.counts:
        say("Nothing of it is there.")
        return FINE
    if really:
        say(
            f"It is gone. What stays: a hash of {count_of(len(found.fingerprints), 'content')}, so that none is paid "
            f"for again, and of {count_of(len(found.images), 'image name')}, so that none is planned again."
        )
        return FINE
    return FINE if given.dry_run else complain("Nothing was done. If all of this is to be deleted, add --yes.")


def _list(found: Forgotten, *, really: bool) -> None:
    for place, number in found.counts.items():
        say(f"{place:<14} {number:>8,} {'deleted' if really else 'to be deleted'}")
        where = found.where[place]
        for name in where[:NAMED]:
            say(f"{'':<14} {name}")
        if len(where) > NAMED:
            say(f"{'':<14} … and {len(where) - NAMED:,} more")


def _retain(given: argparse.Namespace, clock: Clock) -> int:
    before = _moment(given.older_than, clock)
    only = tuple(given.only or WHAT)
    needs = bool({"table", "ledger"} & set(only))
    retention = Retention(places_of(given, needs_ledger=needs), before, only=only, clock=clock)
    really = given.yes and not given.dry_run
    with working("Looking for what is old"):
        done = retention.run(dry_run=not really, wait_s=given.wait * 60)
    say(f"Older than {before:%Y-%m-%d %H:%M} UTC:")
    for name in only:
        say(f"{name:<14} {done.counts.get(name, 0):>8,} {'deleted' if really else 'to be deleted'}")
    if done.in_doubt:
        complain(f"{count_of(done.in_doubt, 'old call')} in doubt, kept in the ledger: see `ledger … doubts`.")
    if really or given.dry_run or not done.counts:
        return FINDINGS if done.in_doubt else FINE
    return complain("Nothing was done. If all of this is to be deleted, add --yes.")


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
