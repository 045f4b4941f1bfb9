"""What a reconciliation adds to the pages of the runs whose reads it looked at; it fails nothing.

The files are written when this begins. Whatever goes wrong here is logged once, and the task stays as it is.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.results.nights import ERROR, by_need, facts_of, label_of
from airflow_provider_platerec_ocr.analysis.yard.outcome import Status, describe
from airflow_provider_platerec_ocr.core.images.page_marks import mark_of
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.dataset.report.nights import last_nights
from airflow_provider_platerec_ocr.dataset.report_page.page import ENDING
from airflow_provider_platerec_ocr.dataset.report_page.words import NOTHING
from airflow_provider_platerec_ocr.dataset.report_page.yard import YardRow, YardSection, key_of, with_section
from airflow_provider_platerec_ocr.storage.files import read_whole, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_platerec_ocr.analysis.results.nights import Summary
    from airflow_provider_platerec_ocr.dataset.report.nights import Night
    from airflow_provider_platerec_ocr.storage.path import StoragePath

SHOWN = 200
"""Rows of a section; the files have all."""
LOOKED_AT = 100
"""Runs whose pages are looked at for those of the days in question: the newest."""
_SIGNS, _CODE_SIGNS = 120, 40
"""Characters of a text, and of a code, that are shown."""
_CODES = 6
"""Codes of one cell."""
_BAD = frozenset({Status.MISSING, Status.AMBIGUOUS})
log = logging.getLogger(__name__)


def add_to_pages(
    reports: StoragePath, dataset: StoragePath, table: Any, summary: Summary, run_id: str | None
) -> list[StoragePath]:
    """Write the section into the pages of the runs of those days, and return where they are.

    :param reports: folder of the reports; it may hold those of other tables as well.
    :param dataset: the table whose reads were looked at.
    :param table: the reconciliation, see :func:`~...analysis.yard.outcome.reconciliation_schema`.
    :param run_id: of the only run that counted; ``None``: all of those days did.
    """
    written = []
    try:
        section = section_of(table, summary)
        for night in last_nights(reports, LOOKED_AT):
            if not _is_about(night, summary, run_id) or not _is_of(reports, night.run, dataset):
                continue
            place = reports / f"{night.run}{ENDING}"
            page = read_whole(place)
            drawn = with_section(page.decode(), section) if page is not None else None
            if drawn is not None:
                write_whole(place, drawn.encode("utf-8", "replace"))
                written.append(place)
        if not written:
            log.info(
                "The yard is on no report's page: %s has none of %s.", reports, _looked_for(dataset, summary, run_id)
            )
    except Exception as error:  # noqa: BLE001  # a page is worth no reconciliation
        log.warning("The yard could not be written into the report (%s: %s).", type(error).__name__, error)
    return written


def _is_about(night: Night, summary: Summary, run_id: str | None) -> bool:
    if run_id:
        return night.run_id == run_id
    return bool(night.date) and summary.since <= str(night.date) <= summary.until


def _looked_for(dataset: StoragePath, summary: Summary, run_id: str | None) -> str:
    when = f"the run {run_id}" if run_id else f"a run of {_span(summary)}"
    return f"{when} that published into {dataset}"


def _is_of(reports: StoragePath, run: str, dataset: StoragePath) -> bool:
    """Return whether a run published into this table, or nothing at all.

    A report names its files from the table's folder on. So where the reports lie beside the table, they are its own;
    elsewhere one of the files has to be there. Somebody else may have written whole addresses.
    """
    result = json.loads(read_whole(reports / f"{run}.json") or b"{}").get("result") or {}
    files = [str(file) for file in result.get("files") or ()]
    whole = [file for file in files if "://" in file or file.startswith("/")]
    if not files or whole:
        return all(file.startswith(f"{dataset.uri}/") for file in whole)
    return reports.uri == beside(dataset, "reports").uri or any(_is_there(dataset / file) for file in files)


def _is_there(place: StoragePath) -> bool:
    return bool(place.fs.exists(place.path))


def section_of(table: Any, summary: Summary) -> YardSection:
    """Return what the section shows: those rows first that need a person."""
    rows = by_need(table, SHOWN).to_pylist()
    left, counts = table.num_rows - len(rows), summary.counts
    listed = redact(summary.expected) or "a list that a task gave"
    held = f"The reads of {_span(summary) or 'this run'}, held against {listed}"
    return YardSection(
        key=key_of(summary.dag_id, summary.task_id),
        title="The yard: expected, seen, missing, extra, ambiguous",
        words=[
            f"{held} by {summary.dag_id}, {summary.task_id}, at {summary.written_at[:16].replace('T', ' ')} (UTC).",
            *describe(counts),
        ],
        tiles=_tiles(counts),
        rows=[_row(each) for each in rows],
        left_out=f"And {left:,} more: in the Parquet file and the CSV." if left else "",
    )


def _span(summary: Summary) -> str:
    return summary.until if summary.since == summary.until else f"{summary.since} to {summary.until}"


def _tiles(counts: Mapping[str, int]) -> list[tuple[str, str, str, str]]:
    seen = counts["matched"] + counts["matched_confusable"] + counts["matched_partial"]
    less = f"{counts['matched_confusable']:,} by a confusion, {counts['matched_partial']:,} in part"
    maybe = f"and {count_of(counts['ambiguous_reads'], 'code')} that may be several"
    return [
        ("Expected", f"{counts['units']:,}", "", ""),
        ("Seen", f"{seen:,}", less, ""),
        ("Missing", f"{counts['missing']:,}", "", "bad" if counts["missing"] else ""),
        ("Extra", f"{counts['extra']:,}", "not on the list", ""),
        ("Ambiguous", f"{counts['ambiguous']:,}", maybe, "bad" if counts["ambiguous"] else ""),
        ("Without a code", f"{counts['unreadable']:,}", "images", ""),
    ]


def _row(row: Mapping[str, Any]) -> YardRow:
    images = row["images"] or []
    codes = [code for name in ("read_codes", "candidates", "not_listed") for code in row.get(name) or []]
    return YardRow(
        mark=mark_of(image=images[0] if images else None, codes=[row["code"], *codes]),
        status=row["status"].replace("_", " "),
        tone="bad" if row["status"] in _BAD else "",
        code=shorten(row["code"] or NOTHING, _CODE_SIGNS),
        read=_read(row),
        seen=_seen(images, row["cameras"] or []),
        when=_when(row["first_seen"], row["last_seen"]),
        what=_pairs({label_of(name): value for name, value in facts_of(row).items() if not name.endswith(ERROR)}),
        own=_pairs(own_of(row)),
    )


def _pairs(found: Mapping[str, Any]) -> str:
    return "; ".join(f"{_cut(name)}: {_cut(_text(value))}" for name, value in found.items())


def _read(row: Mapping[str, Any]) -> str:
    """Return what was read, where it is not the code itself, and what follows from it."""
    other = [code for code in row["read_codes"] or [] if code != row["code"]]
    said = [_listed(other)] if other else []
    said += [str(row["characters"])] if row["characters"] else []
    said += [f"may be {_listed(row['candidates'])}"] if row["candidates"] else []
    others = row.get("not_listed")
    said += [f"or, on no list, {_listed(others)}"] if others else []
    return "; ".join(said)


def _listed(codes: Iterable[str]) -> str:
    every = list(codes)
    shown = ", ".join(map(_cut, every[:_CODES]))
    return shown if len(every) <= _CODES else f"{shown} and {len(every) - _CODES:,} more"


def _seen(images: list[str], cameras: list[str]) -> str:
    if not images:
        return ""
    more = f" and {count_of(len(images) - 1, 'image')} more" if len(images) > 1 else ""
    return f"{_cut(redact(images[0]))}{more}" + (f" ({_listed(cameras)})" if cameras else "")


def _when(first: Any, last: Any) -> str:
    if first is None:
        return ""
    return f"{first:%Y-%m-%d %H:%M}" + (f" to {last:%H:%M}" if last and f"{last:%H:%M}" != f"{first:%H:%M}" else "")


def own_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the list's own columns of a row."""
    found: dict[str, Any] = json.loads(row["expected"] or "{}")
    return {name: value for name, value in found.items() if value is not None}


def _text(value: Any) -> str:
    return redact(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return shorten(text, _SIGNS)
