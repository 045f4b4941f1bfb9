"""The list of units that are expected: any file that a manifest may be, with a column ``code`` and what else it has."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.units import Units
from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.dataset.manifest.columns import ALL, Columns, Layout
from airflow_provider_platerec_ocr.dataset.manifest.manifest import raw_rows
from airflow_provider_platerec_ocr.dataset.manifest.own_json import ObjectWriter
from airflow_provider_platerec_ocr.dataset.manifest.row import COLUMNS, plain
from airflow_provider_platerec_ocr.dataset.table.reading import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_platerec_ocr.dataset.manifest.columns import Folders
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

CODE = "code"
_LIKELY = ("vin", "unit", "unit_number", "unit_id", "container", "container_number", "trailer", "trailer_id", "number")
_SHOWN = 20
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")
_EXACT = 2**53
"""Whole numbers from here on lose digits as floating ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One unit of the list."""

    row: int
    """Number of the data row, from 1."""
    code: str
    """As the list has it; empty where its field is."""
    own: str | None = None
    """The other columns of its row, as one JSON object."""


class _UnitColumns(Columns):
    """Finds the column of the codes where a manifest's reader looks for images; all others come along."""

    def __init__(self, code_column: str, option: str) -> None:
        super().__init__([ALL])
        self._code, self._option = plain(code_column), option

    def layout(
        self, place: StoragePath, names: Sequence[Any], folders: Folders = (), *, is_header: bool = True
    ) -> Layout:
        """Return where the values stand: the code in the place of the image.

        :raises OCRManifestError: there is no such column, or it is there twice.
        """
        written = [str(name).strip("\ufeff").strip() for name in names]
        taken = {plain(name) for name in written}
        written += [name for name, _ in folders if plain(name) not in taken]
        found = [plain(name) for name in written]
        if is_header and found.count(self._code) != 1:
            raise _no_code(place, self._code, written, found, self._option)
        at, nothing = found.index(self._code) if self._code in found else len(written), len(written)
        own = [index for index, name in enumerate(found) if name and index != at]
        return Layout(
            known=(at, *(nothing,) * (len(COLUMNS) - 1)),
            own=tuple(own),
            write=ObjectWriter([written[index] for index in own], self.notes),
            tail=[*(value for name, value in folders if plain(name) not in taken), None],
        )


def _no_code(place: StoragePath, code: str, written: list[str], found: list[str], option: str) -> OCRManifestError:
    if code in found:
        return OCRManifestError(f"{place} has the column {code} twice. Keep one of them.")
    near = next((name for name in _LIKELY if name in found), None)
    near = near or next(iter(difflib.get_close_matches(code, found, n=1)), None)
    given = f"{option} {near}" if option.startswith("--") else f"{option}={near!r}"
    hint = f"If it is {near!r}, give {given}." if near else f"Name the one with the codes in {option}."
    shown = ", ".join(shorten(name, 40) for name in written[:_SHOWN]) or "none"
    return OCRManifestError(f"{place} has no column {code}; it has: {shown}. {hint}")


def read_expected(
    uri: str, *, opener: Opener | None = None, code_column: str = CODE, option: str = "code_column"
) -> list[Expected]:
    """Return the units of a list, in its order.

    :param uri: a CSV, JSON or Parquet file, a plain list of codes, a folder or a glob of such files.
    :param opener: opens it, instead of fsspec.
    :param code_column: the column of the codes.
    :param option: what the caller's user calls that parameter.
    :raises OCRManifestError: it cannot be read, or has no such column; a row that cannot be read names itself.
    """
    if uri.lower().endswith(_WORKBOOKS):
        message = f"{redact(uri)} is a workbook, which cannot be read. Save its sheet as CSV, and give that."
        raise OCRManifestError(message)
    units = []
    for row, values, problem in raw_rows(
        uri, (opener or partial(open_folder, options={}))(uri), columns=_UnitColumns(code_column, option)
    ):
        if problem:
            message = f"Row {row:,} of {redact(uri)} {problem}. A unit that is not read would be missing: mend the row."
            raise OCRManifestError(message)
        units.append(
            Expected(
                row, _text(values[0], row, redact(uri)), values[len(COLUMNS)] if len(values) > len(COLUMNS) else None
            )
        )
    return units


def expected_of(rows: Iterable[Mapping[str, Any] | str], code_column: str = CODE) -> list[Expected]:
    """Return the units of a query's result, as an upstream task returns it: codes, or one object a row.

    :raises OCRManifestError: a row has no such column.
    """
    units = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            units.append(Expected(number, _text(row, number)))
            continue
        names = {plain(str(name)): name for name in row}
        if plain(code_column) not in names:
            shown = ", ".join(shorten(str(name), 40) for name in list(row)[:_SHOWN]) or "none"
            message = f"Row {number:,} of the expected units has no column {code_column}; it has: {shown}."
            raise OCRManifestError(message)
        code = row[names[plain(code_column)]]
        own = {str(name): value for name, value in row.items() if plain(str(name)) != plain(code_column)}
        said = json.dumps(own, ensure_ascii=False, default=str, separators=(",", ":")) if own else None
        units.append(Expected(number, _text(code, number), said))
    return units


def checked(rows: Sequence[Expected], name: str) -> Sequence[Expected]:
    """Return the rows of a list; an empty list is fine.

    :param name: what it is called, in a message.
    :raises OCRManifestError: it has rows, and none of them is a unit.
    """
    units = Units.of(rows)
    if rows and not units.units:
        message = f"No row of {redact(name)} is a unit. {' '.join(units.warnings())}"
        raise OCRManifestError(message)
    return rows


def _text(value: Any, row: int, name: str = "the expected units") -> str:
    """Return a code as text: a spreadsheet has fleet numbers as numbers, and one with gaps as 4711.0.

    A number so large that its last digits are lost is written as a spreadsheet does, which no unit is.
    """
    if value is None or value != value:  # noqa: PLR0124  # NaN is all that is not itself
        return ""
    if isinstance(value, (bool, bytes, list, tuple, dict)):
        message = f"Row {row:,} of {name} has a {type(value).__name__} as its code, not a text or a number."
        raise OCRManifestError(message)
    if isinstance(value, float) and value.is_integer():
        return str(int(value)) if abs(value) < _EXACT else f"{value:.5E}"
    text = str(value).strip()
    return text.removesuffix(".0") if text.removesuffix(".0").isdigit() else text
