"""Which reads a command is about."""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.yard.reads import load, newest_day
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath


def takes_reads(parser: argparse.ArgumentParser) -> None:
    """Have a command be about some of a table's reads."""
    parser.add_argument("reads", metavar="READS", help="folder of the published table: a path or a URI")
    parser.add_argument("--since", type=_day, help="only reads of this day on (YYYY-MM-DD: the day of the run)")
    parser.add_argument("--until", type=_day, help="only reads up to this day")
    parser.add_argument("--type", help="only reads of this type, such as trailer_id")
    parser.add_argument(
        "--corrections-at", metavar="FOLDER", help="folder of the corrections (default: READS_corrections)"
    )


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for programs: times as ISO 8601, the list's own columns as an object."""
    found = {name: format_timestamp(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return found | {"expected": json.loads(row["expected"]) if row.get("expected") else None}


def places_of(given: argparse.Namespace) -> tuple[StoragePath, StoragePath]:
    """Return where the table and its corrections lie."""
    corrections = given.corrections_at or beside(str(given.reads), "corrections")
    return any_place(given.reads, "READS"), any_place(corrections, "CORRECTIONS")


def span_of(given: argparse.Namespace) -> tuple[date | None, date | None]:
    """Return the first and the last day that are asked about, where any are."""
    since, until = given.since, given.until
    if since is not None and until is not None and since > until:
        message = f"--since is {since} and --until is {until}: nothing lies between them."
        raise OCRInputError(message)
    return since, until


def reads_of(given: argparse.Namespace, *, last_day: bool) -> Any:
    """Return the reads, corrected.

    :param last_day: whether only the table's last day counts where no day is named.
    """
    place, corrections = places_of(given)
    since, until = span_of(given)
    if last_day and since is None and until is None:
        since = until = newest_day(place)
    types = [given.type] if given.type else None
    return load(place, corrections, since=since, until=until, types=types)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"must be a day such as 2026-03-01, not {text!r}"
        raise argparse.ArgumentTypeError(message) from None
