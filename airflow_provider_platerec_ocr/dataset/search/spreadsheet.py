"""Rows as a file for people: CSV that Excel opens as it is, and an Excel file.

What stands in a code was read off a photograph, and names of files come from anybody: no cell may become a formula, in
whatever program opens the file.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.identity import safe_name
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.redact import whole_text
from airflow_provider_platerec_ocr.dataset.search.long_sheet import SAMPLES, with_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FILE_COLUMNS = (
    *("code", "code_normalized", "code_as_read", "corrected_by", "corrected_at", "taken_back"),
    *("confidence", "check_digit_ok", "code_system", "orientation", "repaired"),
    *("identifier_index", "identifier_count", "type", "camera_id", "timestamp", "image", "image_version", "image_name"),
    *(
        "filename",
        "read_at",
        "published_at",
        "run_date",
        "calls_billed",
        "manifest",
        "manifest_row",
        "manifest_columns",
    ),
    *("fingerprint", "dag_id", "run_id"),
)
"""Columns of a CSV or an Excel file, in order: what is looked for first, then where it comes from."""
MOST_ROWS = 10_000
"""Rows of one file: what a person looks through. For all of a table there is ``read_dataset``."""
MOST_IN_EXCEL = 1_048_575
"""Rows of a sheet below its head."""
_FORMULA = frozenset("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20")
"""Signs with which a cell begins that some program takes for a formula, the wide ones of East Asia among them."""
_LONGEST_CELL = 32_767
"""Characters that Excel takes; more of a cell is cut."""
_BOM = "\ufeff"


def file_rows(rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Return rows as they go into a file."""
    for row in rows:
        yield {**row, **{name: safe_name(row.get(name)) for name in ("image", "image_name", "manifest")}}


def csv_of(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield a CSV bit by bit: UTF-8 with the mark that makes Excel read it as such, commas, lines that end in CRLF.

    A text that a program could take for a formula gets an apostrophe in front.
    """
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    sink.write(_BOM)
    writer.writerow(map(_safe, names))
    for row in rows:
        writer.writerow([_safe(row.get(name)) for name in names])
        if sink.tell() > 64 * 1024:
            yield sink.getvalue().encode()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue().encode()


def _safe(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = _plain(value)
    return f"'{text}" if text[:1] in _FORMULA else text


def _plain(value: Any) -> str:
    """Return a value as text: nothing for null, times in UTC, no sign that files cannot have."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return format_timestamp(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return whole_text(value.isoformat() if isinstance(value, date) else str(value)).replace("\0", "")


def xlsx_of(names: Sequence[str], rows: Iterable[Mapping[str, Any]], *, many: bool = False) -> bytes:
    """Return an Excel file with one sheet; texts are texts, whatever they look like, and times are UTC.

    :param many: whether there are so many rows that it matters how fast they are written, see :mod:`.long_sheet`.
    :raises OCRConfigError: XlsxWriter is not installed; the message says how.
    """
    try:
        import xlsxwriter
    except ImportError:
        message = (
            "Excel files need XlsxWriter, which is not installed here: pip install "
            "'airflow-provider-platerec-ocr[excel]'. CSV goes without, and Excel opens that as well."
        )
        raise OCRConfigError(message) from None
    if many and len(names) > 1:
        head = xlsx_of(names, [dict(zip(names, SAMPLES, strict=False))])
        return with_rows(head, names, rows, _held)
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet, bold = book.add_worksheet("reads"), book.add_format({"bold": True})
    forms = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd"}
    kinds = {kind: book.add_format({"num_format": form}) for kind, form in forms.items()}
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, bold)
    for line, row in enumerate(rows, start=1):
        for column, name in enumerate(names):
            _write(sheet, (line, column), row.get(name), kinds)
    book.close()
    return target.getvalue()


_EXACT = 2**53
"""Whole numbers from here on lose digits in Excel."""
_FIRST_DAY = date(1900, 3, 1)
"""Excel knows no day before 1900, and a wrong one in its February."""


def _held(value: Any) -> Any:
    """Return what a cell holds of a value that is not null: itself where Excel knows its kind, else a text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and abs(value) < _EXACT:  # no NaN is
        return value
    if isinstance(value, date) and (value.date() if isinstance(value, datetime) else value) >= _FIRST_DAY:
        return value
    return _plain(value)[:_LONGEST_CELL]


def _write(sheet: Any, at: tuple[int, int], value: Any, kinds: Mapping[Any, Any]) -> None:
    held = None if value is None else _held(value)
    if held is None:
        return
    if isinstance(held, bool):
        sheet.write_boolean(*at, held)
    elif isinstance(held, datetime):
        sheet.write_datetime(*at, held.replace(tzinfo=None), kinds[datetime])
    elif isinstance(held, date):
        sheet.write_datetime(*at, held, kinds[date])
    elif isinstance(held, str):
        sheet.write_string(*at, held)
    else:
        sheet.write_number(*at, held)
