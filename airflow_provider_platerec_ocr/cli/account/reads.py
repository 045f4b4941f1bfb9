"""The command ``reads``: look for reads in the published table, as the page in Airflow does, from a shell."""

from __future__ import annotations

import argparse
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.account.opening import parser_of, run
from airflow_provider_platerec_ocr.cli.shared.common import FINE, at_least, fingerprint, refuse_empty, write
from airflow_provider_platerec_ocr.cli.shared.output import CSV, Output
from airflow_provider_platerec_ocr.cli.shared.places import any_place, place_that_is_there
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.identifiers import TRAILER, VIN
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.corrections.overlay import ADDED
from airflow_provider_platerec_ocr.dataset.layout.table_files import refuse_unknown_types
from airflow_provider_platerec_ocr.dataset.search.find import find_reads
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK
from airflow_provider_platerec_ocr.dataset.search.query import FILTERS, CheckDigit, SearchStatus, filter_of
from airflow_provider_platerec_ocr.dataset.search.spreadsheet import FILE_COLUMNS, csv_of, file_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock

    Row = Mapping[str, Any]

_ABOUT = """\
Look for reads in a dataset, the newest first: by code, image, camera, day and what they came to. Each filter that is
given counts. It costs nothing."""
_EXAMPLES = """\
  %(prog)s /srv/reads --code 1M8GDM
  %(prog)s /srv/reads --day 2026-03-01 --check-digit failed --output csv > doubtful.csv
  %(prog)s s3://aws_default@bucket/reads --camera gate-7 --since 2026-03-01 --max-confidence 80%% --output json"""
_TEXTS = {
    "code": "a code or part of one; case, marks and spaces do not count",
    "image": "part of the image's path, URI or URL, or of what the manifest calls it",
    "camera": "the camera's id, whole",
    "fingerprint": "of the content, whole",
    "type": "only this type, such as vin, or several, divided by commas",
    "since": "only from this day on (YYYY-MM-DD: the day of the run)",
    "until": "only up to this day",
    "min_confidence": "at least this: 0.8, or 80%%",
    "max_confidence": "at most this",
    "check_digit": f"one of {', '.join(CheckDigit)}; none: there is a code, and none applies to it",
    "status": f"one of {', '.join(SearchStatus)}",
}
"""What the help says of each filter of :data:`FILTERS`."""
_SHOWN = (
    ("DAY", "run_date"),
    ("CODE", "code"),
    ("CONFIDENCE", "confidence"),
    ("CHECK DIGIT", "check_digit_ok"),
    ("TYPE", "type"),
    ("CAMERA", "camera_id"),
    ("CORRECTED BY", "corrected_by"),
    ("IMAGE", "image"),
)
_CHECK = {True: "ok", False: "FAILED"}


def main(words: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = "reads") -> int:
    """Run the command and return its exit code."""
    return run(parser(prog), _reads, words, clock)


def parser(prog: str = "reads") -> argparse.ArgumentParser:
    """Return the command's parser: the filters of ``find_reads`` as options."""
    made = parser_of(prog, _ABOUT, _EXAMPLES, "", CSV)
    made.add_argument("dataset", metavar="DATASET", help="the dataset's folder, or one of its partitions")
    for name in FILTERS:
        made.add_argument(f"--{name.replace('_', '-')}", type=_reader(name), help=_TEXTS[name])
    made.add_argument("--day", type=_reader("since"), help="only this day, instead of --since and --until")
    made.add_argument("--limit", type=at_least(1), default=100, metavar="N", help="most rows (default: %(default)s)")
    made.add_argument("--offset", type=at_least(0), default=0, metavar="N", help="rows to go past (default: 0)")
    made.add_argument("--as-read", action="store_true", help="let no correction count: what the API said")
    made.add_argument("--corrections", help="folder of the corrections (default: DATASET_corrections)")
    return made


def _reader(name: str) -> Callable[[str], Any]:
    if name == "fingerprint":
        return fingerprint

    def read(text: str) -> Any:
        try:
            return filter_of(name, text) if text.strip() else text  # an empty one is refused with more words
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _reads(given: argparse.Namespace, _clock: Clock) -> int:
    refuse_empty(given, "dataset", "day", "corrections", *FILTERS)
    filters = {name: getattr(given, name) for name in FILTERS}
    if given.day is not None:
        if given.since is not None or given.until is not None:
            message = "--day is one day: it does not go with --since or --until."
            raise OCRInputError(message)
        filters |= {"since": given.day, "until": given.day}
    if given.corrections is not None and not given.as_read:
        place_that_is_there(given.corrections, "--corrections")
    own = [name for name in given.type or () if name not in {VIN, TRAILER}]
    refuse_unknown_types(any_place(given.dataset), own or None)
    with working("Looking for reads"):
        frame = find_reads(
            given.dataset,
            **filters,
            limit=given.limit,
            offset=given.offset,
            corrected=not given.as_read,
            corrections=given.corrections,
            taken_back=True,
            columns=[name for name in FILE_COLUMNS if not given.as_read or name not in {*ADDED, TAKEN_BACK}],
            opener=any_place,
        )
    plain = frame.astype(object).where(frame.notna(), None)
    rows = list(file_rows({str(name): value for name, value in row.items()} for row in plain.to_dict("records")))
    if given.output == CSV:
        for part in csv_of(list(frame.columns), rows):
            write(part.decode())
        return FINE
    with Output(given.output) as out:
        if rows:
            out.table([head for head, _ in _SHOWN], [[_cell(name, row) for _, name in _SHOWN] for row in rows])
        out.say(_counted(len(rows), frame.attrs["total"], exact=frame.attrs["exact"]))
        out.put(dataset=given.dataset, total=frame.attrs["total"], exact=frame.attrs["exact"])
        out.put(reads=[{name: _plain(value) for name, value in row.items()} for row in rows])
    return FINE


def _counted(number: int, total: int, *, exact: bool) -> str:
    """Return how many rows these are of how many."""
    if exact and number == total:
        return count_of(number, "row") if number else "No read fits."
    return f"{number:,} of {'' if exact else 'more than '}{count_of(total, 'row')}"


def _cell(name: str, row: Row) -> Any:
    value = row.get(name)
    if name == "check_digit_ok":
        return _CHECK.get(value, value)  # type: ignore[arg-type]  # null, where none applies
    if name == "corrected_by" and row.get(TAKEN_BACK):
        return f"{value} (taken back)"
    return f"{value:.2f}" if name == "confidence" and value is not None else value


def _plain(value: Any) -> Any:
    """Return a value for programs: times and days as ISO 8601."""
    if isinstance(value, datetime):
        return format_timestamp(value)
    return value.isoformat() if isinstance(value, date) else value
