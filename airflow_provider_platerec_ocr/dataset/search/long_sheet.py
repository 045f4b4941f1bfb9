"""A sheet of Excel with very many rows, as fast as it can be zipped.

XlsxWriter makes the file, its styles and its head, and takes some ten microseconds a cell: half a minute for a yard
with 200,000 units. Here the rows are put into that file's sheet as the text that they are (ECMA-376, inline strings).
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.redact import whole_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_SHEET = "xl/worksheets/sheet1.xml"
_STYLED = re.compile(r'<c r="[AB]2" s="(\d+)">')
_ROW = re.compile(r'<row r="2".*?</row>', re.DOTALL)
_SIZE = re.compile(r"<dimension [^>]*/>")
_DIFFICULT = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_|^\s|\s$")
"""Texts with one of these need care; nearly none has."""
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_TOGETHER = 2_000
_LEVEL = 1
"""Of compression: the next ones take twice the time, and save a fifth."""
_DAY_ZERO = date(1899, 12, 30)
_MOMENT_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_DAY = timedelta(days=1)
SAMPLES: tuple[datetime, date] = (datetime(2026, 3, 1, tzinfo=UTC), date(2026, 3, 1))
"""The first two cells of the row that the file comes with, which tell the styles of times and days."""


def with_rows(
    book: bytes, names: Sequence[str], rows: Iterable[Mapping[str, Any]], plain: Callable[[Any], Any]
) -> bytes:
    """Return an Excel file with rows below its head.

    :param book: the file with its head, and one row of :data:`SAMPLES`, which goes.
    :param plain: makes of a value what a cell holds: a text, a number, a boolean, a day, a time in UTC, or nothing.
    """
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as given,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as made,
    ):
        for part in given.infolist():
            if part.filename != _SHEET:
                made.writestr(part, given.read(part))
        sheet = given.read(_SHEET).decode()
        moment, day = _STYLED.findall(sheet)
        head, tail = _ROW.split(_SIZE.sub("", sheet))
        with made.open(_SHEET, "w") as entry:
            entry.write(head.encode())
            lines = _lines(names, rows, plain, (moment, day))
            while some := "".join(islice(lines, _TOGETHER)):
                entry.write(some.encode())
            entry.write(tail.encode())
    return target.getvalue()


def _lines(
    names: Sequence[str], rows: Iterable[Mapping[str, Any]], plain: Callable[[Any], Any], styles: tuple[str, str]
) -> Iterator[str]:
    columns = [(name, _letters(place)) for place, name in enumerate(names)]
    for number, row in zip(count(2), rows, strict=False):
        cells = []
        for name, letters in columns:
            value = row.get(name)
            if value is None:
                continue
            if type(value) is not str or len(value) > _SHORT:
                value = plain(value)
            cells.append(_cell(f"{letters}{number}", value, styles))
        yield f'<row r="{number}">{"".join(cells)}</row>'


_SHORT = 30_000
"""Texts up to this length are taken as they are."""


def _cell(at: str, value: Any, styles: tuple[str, str]) -> str:
    if isinstance(value, str):
        if not _DIFFICULT.search(value):
            return f'<c r="{at}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{_escaped(whole_text(value))}</t></is></c>'
    if isinstance(value, bool):
        return f'<c r="{at}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, datetime):
        return f'<c r="{at}" s="{styles[0]}"><v>{(value - _MOMENT_ZERO) / _DAY!r}</v></c>'
    if isinstance(value, date):
        return f'<c r="{at}" s="{styles[1]}"><v>{(value - _DAY_ZERO).days}</v></c>'
    return f'<c r="{at}"><v>{value!r}</v></c>'


def _escaped(text: str) -> str:
    """Return a text as XML; a sign that XML cannot hold as its number between underscores, as Excel itself does."""
    found = _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    return found.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _letters(place: int) -> str:
    """Return a column's name: A to Z, AA, AB and so on."""
    rest, last = divmod(place, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)
