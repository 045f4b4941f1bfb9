"""Manifests as text: CSV and TSV, JSON lines, and plain lists.

One physical line is one row, always: a quote that is never closed spoils its own row and not the rest of the file. (A
file name with a line break in it therefore cannot stand in a CSV; it can in JSON lines and Parquet.)
"""

from __future__ import annotations

import csv
import json
import logging
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.layout.lines import read_lines
from airflow_provider_platerec_ocr.dataset.manifest.row import (
    COLUMNS,
    did_you_mean,
    missing_column,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.dataset.layout.lines import Line
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
_NOTHING = (None,) * (len(COLUMNS) - 2)
LOOK_AHEAD = 100
"""Rows of JSON lines that are looked at before a manifest counts as one without the needed columns."""


def note_ignored(place: StoragePath, found: list[str]) -> None:
    """Log, in one line, which columns are left aside."""
    ignored = [name for name in found if name not in COLUMNS]
    if ignored:
        hint = did_you_mean(found)
        log.info("%s: ignoring columns that have no meaning here: %s. %s", place, ", ".join(ignored[:20]), hint)


def read_csv(place: StoragePath, *, tabs: bool = False, lines: Iterator[Line] | None = None) -> Iterator[RawRow]:
    """Yield the rows below the header; commas, or semicolons where the header has those instead, or tabs.

    :param lines: the header and some of the lines, instead of all of them; rows are numbered within them then.
    """
    lines = read_lines(place) if lines is None else lines
    header, problem = next(lines, ("", ""))
    if header is None:
        message = f"The first line of {place} {problem}: no header can be read. Save it as UTF-8 text."
        raise OCRManifestError(message)
    if not header.strip():
        if any(text is None or text.strip() for text, _ in lines):
            message = f"The first line of {place} is empty: it must name the columns, image or upload_url among them."
            raise OCRManifestError(message)
        return
    delimiter = "\t" if tabs else ";" if ";" in header and "," not in header else ","
    names = [name.strip().lower() for name in _fields(header.rstrip("\r"), delimiter)]
    _check_names(place, names)
    pick = itemgetter(*(names.index(name) if name in names else len(names) for name in COLUMNS))
    for row, (text, trouble) in enumerate(lines, start=1):
        if text is None:
            yield row, (), trouble
            continue
        line = text.rstrip("\r")
        if not line.strip():
            continue
        try:
            fields = _fields(line, delimiter)
        except csv.Error as error:
            yield row, (), f"is not well-formed CSV: {error}"
            continue
        if len(fields) != len(names):
            yield row, (), f"has {len(fields)} fields where the header has {len(names)}"
            continue
        fields.append(None)
        yield row, pick(fields), ""


def _fields(line: str, delimiter: str) -> list[Any]:
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter, strict=True))


def _check_names(place: StoragePath, names: list[str]) -> None:
    if "image" not in names and "upload_url" not in names:
        raise missing_column(place, names)
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        message = f"{place} has the column {twice[0]} twice. Keep one of them."
        raise OCRManifestError(message)
    note_ignored(place, names)


def read_jsonl(place: StoragePath, *, lines: Iterator[Line] | None = None) -> Iterator[RawRow]:
    """Yield the rows of a file with one JSON object a line.

    :param lines: some of the lines, instead of all of them; rows are numbered within them then.

    :raises OCRManifestError: none of the first :data:`LOOK_AHEAD` objects has ``image`` or ``upload_url``.
    """
    rows = _json_objects(read_lines(place) if lines is None else lines)
    head = list(islice(rows, LOOK_AHEAD))
    objects = [item for _, item in head if isinstance(item, dict)]
    found = list(dict.fromkeys(str(key) for item in objects for key in item))
    if objects and "image" not in found and "upload_url" not in found:
        raise missing_column(place, found)
    note_ignored(place, found)
    for row, item in chain(head, rows):
        if isinstance(item, str):
            yield row, (), item
        else:
            yield row, tuple(map(item.get, COLUMNS)), ""


def _json_objects(lines: Iterator[Line]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for row, (text, problem) in enumerate(lines, start=1):
        if text is None:
            yield row, problem
        elif text.strip():
            yield row, _json_object(text)


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        item = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    if not isinstance(item, dict):
        return f"is not a JSON object but {type(item).__name__}"
    return item


def read_list(place: StoragePath, *, lines: Iterator[Line] | None = None) -> Iterator[RawRow]:
    """Yield one row for each line that is not blank: a path, an object's URI, or an http(s) URL for the API.

    :param lines: some of the lines, instead of all of them; rows are numbered within them then.
    """
    yield from _listed(read_lines(place) if lines is None else lines)


def _listed(lines: Iterable[tuple[str | None, str]]) -> Iterator[RawRow]:
    for row, (text, problem) in enumerate(lines, start=1):
        if text is None:
            yield row, (), problem
            continue
        name = text.strip()
        if not name:
            continue
        is_url = name[:8].lower().startswith(("http://", "https://"))
        yield row, (None, name, *_NOTHING) if is_url else (name, None, *_NOTHING), ""
