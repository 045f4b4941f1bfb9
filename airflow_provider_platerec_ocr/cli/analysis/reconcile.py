"""The command ``reconcile``: which units of a list were seen, which are missing, what else is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.yard.expected import checked, read_expected
from airflow_provider_platerec_ocr.analysis.yard.files import flat_rows, write_all
from airflow_provider_platerec_ocr.analysis.yard.knowledge import decoder, learned
from airflow_provider_platerec_ocr.analysis.yard.outcome import describe, looked_at
from airflow_provider_platerec_ocr.analysis.yard.reconcile import reconcile
from airflow_provider_platerec_ocr.analysis.yard.seen import sight, signs_by_code
from airflow_provider_platerec_ocr.analysis.yard.what import Told, with_what
from airflow_provider_platerec_ocr.cli.analysis.table import day_or_span, places_of, plain, reads_of, takes_reads
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, at_least
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.errors import OCRInputError

if TYPE_CHECKING:
    import argparse

_SHOWN = ("status", "code", "read_codes", "candidates", "not_listed", "characters", "reads")


def add_to(commands: Any) -> None:
    """Declare the command."""
    about = "hold the reads of a day against a list of units"
    parser = commands.add_parser("reconcile", help=about, description=about[0].upper() + about[1:])
    takes_reads(parser, last_day=True)
    parser.add_argument("expected", metavar="EXPECTED", help="the list of units, with a column code")
    parser.add_argument("--code-column", default="code", help="the list's column with the codes (default: %(default)s)")
    parser.add_argument("--last-characters", type=at_least(4), metavar="N", help="let the last N characters be enough")
    parser.add_argument("--max-edits", type=int, choices=(0, 1, 2), default=1, help="characters that may be confused")
    parser.add_argument("--window-minutes", type=at_least(0), default=10, help="longest pause within one sighting")
    parser.add_argument(
        "--confusions",
        default="default",
        metavar="HOW",
        help="which characters are taken for one another: default (a table); corrections (the table, and what persons "
        "corrected); or a truth file (the table, and what it shows) (default: %(default)s)",
    )
    parser.add_argument("--into", metavar="FOLDER", help="also write Parquet, CSV and Excel there")
    parser.add_argument("--all", action="store_true", help="show also what was matched exactly")
    takes_output(parser)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    _refuse_file(given.into)
    span = day_or_span(given)
    table = reads_of(given, span)
    rows = read_expected(
        given.expected,
        opener=lambda uri: any_place(uri, "EXPECTED"),
        code_column=given.code_column,
        option="--code-column",
    )
    known = learned(given.confusions, *places_of(given), opener=lambda uri: any_place(uri, "--confusions"))
    evidence: dict[str, Any] = {"confusions": known.confusions, "decodes": decoder()}
    _, agreed = sight(table, window=timedelta(minutes=given.window_minutes), **evidence)
    units = checked(rows, given.expected)
    found = reconcile(agreed, units, max_edits=given.max_edits, partial=given.last_characters, **evidence)
    shown = found.table if given.all else found.without_matched()
    told = Told(signs_by_code(agreed))
    counts = found.counts
    files = []
    if given.into:
        files = write_all(with_what(found.table, told), any_place(given.into, "FOLDER"), "reconciliation")
    with Output(given.output) as out:
        out.table(
            [name.upper().replace("_", " ") for name in _SHOWN],
            [[row[name] for name in _SHOWN] for row in flat_rows(shown)],
        )
        out.say(looked_at(*span, table.num_rows))
        for text in (*found.units.warnings(), *describe(counts)):
            out.say(text)
        if known.pairs:
            out.say(str(known))
        out.put(since=str(span[0]), until=str(span[1]), reads=table.num_rows)
        out.put(counts=counts, missing_share=found.missing_share, confusions=known.summary())
        if not out.for_people:
            out.put(rows=[plain(row) for row in with_what(shown, told).to_pylist()])
        for place in files:
            out.say(f"Written: {place}")
            out.add("files", place.uri)
    return FINDINGS if counts["missing"] else FINE


def _refuse_file(into: str | None) -> None:
    """Refuse a file where a folder is wanted, before anything is looked at."""
    place = any_place(into, "--into") if into is not None else None
    if place is not None and place.is_local and Path(place.path).is_file():
        message = f"--into is a folder, and {place} is a file."
        raise OCRInputError(message)
