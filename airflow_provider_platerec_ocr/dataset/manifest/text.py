"""Manifests as text with one row a line: CSV with any of the usual delimiters, and plain lists.

One physical line is one row, always: a quote that is never closed spoils its own row and not the rest of the file. (A
file name with a line break in it therefore cannot stand in a CSV; it can in JSON lines and Parquet.)
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.redact import shorten
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.lines import read_lines
from airflow_provider_platerec_ocr.dataset.manifest.columns import Columns
from airflow_provider_platerec_ocr.dataset.manifest.row import COLUMNS, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_platerec_ocr.dataset.layout.lines import Line
    from airflow_provider_platerec_ocr.dataset.manifest.columns import Folders
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_NOTHING = (None,) * (len(COLUMNS) - 2)
_DELIMITERS = ",;\t|"
_EXCEL_HINT = re.compile(r'"?sep=(.|\\t)\1*"?', re.IGNORECASE)
"""What Excel writes, and reads, as the first line: which delimiter follows. It is no row and no header."""
_WHOLE = re.compile(r"\s*-?\d+\.0+\s*")
_CAMERA = COLUMNS.index("camera_id")


@dataclass(frozen=True, slots=True)
class CsvHead:
    """The beginning of a CSV: what its rows are read by."""

    names: list[str]
    """Of the columns, as they are written."""
    delimiter: str
    """One character."""
    lines: int
    """How many lines it takes: one, or two where Excel's hint stands before."""
    text: str
    """The line with the names."""


def csv_head(place: StoragePath, lines: Iterator[Line], *, tabs: bool = False) -> CsvHead | None:
    """Return the header, which the lines begin with, and what divides its fields; ``None`` where there is nothing.

    :param tabs: whether the file's name says that tabs do; else what makes the most of the header.
    :raises OCRManifestError: there is no header, or it cannot be read.
    """
    header, problem = next(lines, ("", ""))
    hint = _EXCEL_HINT.fullmatch(header.strip(" ")) if header else None
    count = 1
    if hint is not None:
        header, problem = next(lines, ("", ""))
        count = 2
    if header is None:
        message = f"The first line of {place} {problem}: no header can be read. Save it as UTF-8 text."
        raise OCRManifestError(message)
    if not header.strip():
        if any(text is None or text.strip() for text, _ in lines):
            message = f"The first line of {place} is empty: it must name the columns, image or upload_url among them."
            raise OCRManifestError(message)
        return None
    told = "" if hint is None else hint.group(1).replace("\\t", "\t")
    try:
        names, delimiter = _divided(header, told or ("\t" + _DELIMITERS if tabs else _DELIMITERS))
    except csv.Error as error:
        message = f"The header of {place} is not well-formed CSV: {error}. It must be one line, its quotes closed."
        raise OCRManifestError(message) from error
    return CsvHead(names, delimiter, count, header)


def _divided(header: str, delimiters: str) -> tuple[list[str], str]:
    """Return the header's names and their delimiter: the first that finds the columns, or else the most of them."""
    found: list[tuple[list[str], str]] = []
    problem: csv.Error | None = None
    for delimiter in delimiters:
        try:
            names = _fields(header, delimiter)
        except csv.Error as error:
            problem = problem or error
            continue
        if not {"image", "upload_url"}.isdisjoint(map(plain, names)):
            return names, delimiter
        found.append((names, delimiter))
    if problem is not None:
        raise problem
    return max(found, key=lambda each: len(each[0]))


def read_csv(
    place: StoragePath,
    columns: Columns | None = None,
    *,
    tabs: bool = False,
    folders: Folders = (),
    lines: Iterator[Line] | None = None,
) -> Iterator[RawRow]:
    """Yield the rows below the header; commas, semicolons, tabs or bars, whatever the header has.

    :param tabs: whether the file's name says that tabs divide its fields.
    :param folders: columns that the file has from its folders.
    :param lines: the head and some of the lines, instead of all of them; rows are numbered within them then.
    """
    lines = read_lines(place) if lines is None else lines
    head = csv_head(place, lines, tabs=tabs)
    if head is None:
        return
    layout = (columns or Columns()).layout(place, head.names, folders)
    pick = itemgetter(*layout.known)
    own = _own(layout.own)
    delimiter, tail, many = head.delimiter, layout.tail, len(head.names)
    least = many - _nameless_at_the_end(head.names)
    blank = f'{delimiter}" \t\v\f\xa0'
    camera = layout.known[_CAMERA] if layout.known[_CAMERA] < many else -1
    for row, (text, trouble) in enumerate(lines, start=1):
        if text is None:
            yield row, (), trouble
            continue
        if text == head.text or not text.strip(blank):  # of a file behind another; what Excel leaves of an emptied row
            continue
        try:
            fields = _fields(text, delimiter)
        except csv.Error as error:
            yield row, (), f"is not well-formed CSV: {error}"
            continue
        if len(fields) != many and not _made_fit(fields, least, many):
            yield row, (), f"has {count_of(len(fields), 'field')} where the header has {many}"
            continue
        fields += tail
        if camera >= 0 and ".0" in fields[camera]:
            fields[camera] = _whole_number(fields[camera])
        yield row, pick(fields) if own is None else (*pick(fields), layout.write(own(fields))), ""


def _fields(line: str, delimiter: str) -> list[Any]:
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        if '\\"' not in line:
            raise
    return next(csv.reader([line], delimiter=delimiter, strict=True, escapechar="\\", doublequote=False))  # Spark's


def _nameless_at_the_end(names: list[str]) -> int:
    return next((index for index, name in enumerate(reversed(names)) if name.strip()), 0)


def _made_fit(fields: list[Any], least: int, many: int) -> bool:
    """Cut empty fields at a row's end, or add those whose columns have no name, and return whether the row fits now."""
    while len(fields) > many and not fields[-1].strip():
        del fields[-1]
    if least <= len(fields) < many:
        fields += [""] * (many - len(fields))
    return len(fields) == many


def _own(indices: tuple[int, ...]) -> Callable[[list[Any]], list[Any]] | None:
    if not indices:
        return None
    return lambda fields: [fields[index] for index in indices]


def _whole_number(said: str) -> str:
    """Return ``7.0`` as the number it is: pandas has a column of camera numbers with gaps as floats."""
    return said.partition(".")[0].strip() if _WHOLE.fullmatch(said) else said


def read_list(
    place: StoragePath, columns: Columns | None = None, *, lines: Iterator[Line] | None = None
) -> Iterator[RawRow]:
    """Yield one row for each line that is not blank: a path, an object's URI, or an http(s) URL for the API.

    :param lines: some of the lines, instead of all of them; rows are numbered within them then.
    """
    yield from _listed(read_lines(place) if lines is None else lines, columns or Columns())


def _listed(lines: Iterable[Line], columns: Columns) -> Iterator[RawRow]:
    for row, (text, problem) in enumerate(lines, start=1):
        if text is None:
            yield row, (), problem
            continue
        name = text.strip()
        if not name:
            continue
        if name[0] == "#":
            columns.notes.hashes += 1
            columns.notes.examples.setdefault("HASH", shorten(name, 60))
        is_url = name[:8].lower().startswith(("http://", "https://"))
        yield row, (None, name, *_NOTHING) if is_url else (name, None, *_NOTHING), ""


def csv_part(place: StoragePath, lines: Iterator[Line], *, tabs: bool = False) -> Iterator[RawRow]:
    """Yield the rows of some of a CSV's lines, numbered within them."""
    head = read_lines(place)
    first = [line for _, line in zip(range(2), head, strict=False)]
    head.close()  # type: ignore[attr-defined]  # it is a generator: the file must not stay open
    found = csv_head(place, iter(first), tabs=tabs)
    return read_csv(place, tabs=tabs, lines=chain(first[: found.lines if found else 0], lines))
