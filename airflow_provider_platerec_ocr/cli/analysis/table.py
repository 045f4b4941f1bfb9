"""Which reads a command is about."""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.yard.reads import load, newest_day
from airflow_provider_platerec_ocr.cli.shared.common import refuse_empty
from airflow_provider_platerec_ocr.cli.shared.places import any_place, place_that_is_there
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath


def takes_reads(parser: argparse.ArgumentParser, *, last_day: bool = False) -> None:
    """Have a command be about some of a table's reads.

    :param last_day: whether it is about one day where no span is named, as :func:`day_or_span` says.
    """
    first, last = (" (default: --until)", " (default: the table's last day)") if last_day else ("", "")
    parser.add_argument("reads", metavar="READS", help="folder of the published table: a path or a URI")
    parser.add_argument("--since", type=_day, help=f"only reads of this day on, YYYY-MM-DD: the day of the run{first}")
    parser.add_argument("--until", type=_day, help=f"only reads up to this day{last}")
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
    refuse_empty(given, "corrections_at")
    reads = any_place(given.reads, "READS")
    if given.corrections_at is not None:
        return reads, place_that_is_there(given.corrections_at, "--corrections-at")
    return reads, any_place(beside(str(given.reads), "corrections"), "CORRECTIONS")


def span_of(given: argparse.Namespace) -> tuple[date | None, date | None]:
    """Return the first and the last day that are asked about, where any are."""
    since, until = given.since, given.until
    if since is not None and until is not None and since > until:
        message = f"--since is {since} and --until is {until}: nothing lies between them."
        raise OCRInputError(message)
    return since, until


def day_or_span(given: argparse.Namespace) -> tuple[date, date]:
    """Return the first and the last day, as :class:`OCRReconcileOperator` has them.

    Without ``--until`` the last one is the table's, and without ``--since`` it is the only one.
    """
    since, until = span_of(given)
    last = until or newest_day(any_place(given.reads, "READS"))
    first = since or last
    if first > last:
        message = f"--since is {first}, and the table's last day is {last}: there are no reads to look at."
        raise OCRInputError(message)
    return first, last


def reads_of(given: argparse.Namespace, span: tuple[date | None, date | None] | None = None) -> Any:
    """Return the reads, corrected.

    :param span: the first and the last day; default: as they were given.
    """
    place, corrections = places_of(given)
    since, until = span or span_of(given)
    types = [given.type] if given.type else None
    return load(place, corrections, since=since, until=until, types=types)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"must be a day such as 2026-03-01, not {text!r}"
        raise argparse.ArgumentTypeError(message) from None
