"""Which reads a command is about."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.yard.reads import load, newest_day
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    import argparse


def takes_reads(parser: argparse.ArgumentParser) -> None:
    """Have a command be about some of a table's reads."""
    parser.add_argument("reads", metavar="READS", help="folder of the published table: a path or a URI")
    parser.add_argument("--since", type=_day, help="only reads of this day on (YYYY-MM-DD: the day of the run)")
    parser.add_argument("--until", type=_day, help="only reads up to this day")
    parser.add_argument("--type", help="only reads of this type, such as trailer_id")
    parser.add_argument(
        "--corrections-at", metavar="FOLDER", help="folder of the corrections (default: READS_corrections)"
    )


def reads_of(given: argparse.Namespace, *, last_day: bool) -> Any:
    """Return the reads, corrected.

    :param last_day: whether only the table's last day counts where no day is named.
    """
    place = any_place(given.reads, "READS")
    corrections = any_place(given.corrections_at or beside(str(given.reads), "corrections"), "CORRECTIONS")
    since, until = given.since, given.until
    if last_day and since is None and until is None:
        since = until = newest_day(place)
    types = [given.type] if given.type else None
    return load(place, corrections, since=since, until=until, types=types)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no day such as 2026-03-01"
        raise OCRInputError(message) from None
