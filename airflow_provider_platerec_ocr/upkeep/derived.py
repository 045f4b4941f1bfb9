"""What analyses made of a table: files that can be made again, so one that holds what is to be deleted goes whole.

A reconciliation leaves a Parquet file for programs in a folder of days, and among the reports the same rows as Parquet,
CSV and Excel under the same name. Where only some of these are left, each is looked into by itself.
"""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.dataset.layout.names import PARQUET_FILE, beside
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, remove
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.upkeep.places import Places

FOLDERS = ("reconciliations", "sightings")
"""Ends of the folders' names beside the dataset."""
ELSEWHERE = r"(reconciliation|sightings)(-.*)?\.parquet"
"""Files in folders that somebody named, where other files may lie as well."""
AMONG_REPORTS = r"(reconciliation|sightings)(-.*)?\.(parquet|csv|xlsx)"
"""Files among the reports, under the name of the Parquet file in the folder of days; without more of a name, those that
the command wrote into a folder."""
NOT_DERIVED = rf"(?!{AMONG_REPORTS}$).*"
"""The other files among the reports."""
_DAY = "date="
_CELL = re.compile(rb"<t[^>]*>(.*?)</t>", re.DOTALL)


class Derived:
    """The files that analyses left of a dataset, beside it and wherever else they wrote.

    :param reports: folders of the reports.
    :param elsewhere: folders of reconciliations and sightings that lie not beside the dataset.
    """

    def __init__(self, dataset: StoragePath, *reports: StoragePath, elsewhere: Sequence[StoragePath] = ()) -> None:
        self._folders = [(beside(dataset, name), PARQUET_FILE) for name in FOLDERS]
        self._folders += [(folder, ELSEWHERE) for folder in elsewhere]
        self._shown_in = (*reports, *elsewhere)

    def about(self, wanted: Wanted) -> list[StoragePath]:
        """Return the files that say something of what is to be deleted, those among the reports among them."""
        tables, shown = list(self._tables()), list(self._shown())
        among = (place for place in shown if place.name.endswith(".parquet"))
        parquet = {place.uri: place for place in (*tables, *among)}.values()
        found = [place for place in parquet if _is_about(place, wanted)]
        known, stems = {_stem(place) for place in parquet}, {_stem(place) for place in found}
        there = {place.uri for place in found}
        for place in shown:
            if place.uri in there:
                continue
            if _stem(place) in stems or (_stem(place) not in known and _is_about(place, wanted)):
                found.append(place)
        return found

    def before(self, day: date) -> list[StoragePath]:
        """Return the files of days before this one; where no table says the day, it is when the file was written."""
        tables = list(self._tables())
        old = [place for place in tables if (_day_of(place) or day) < day]
        known, stems = {_stem(place) for place in tables if _day_of(place)}, {_stem(place) for place in old}
        shown = self._shown()
        return old + [
            place
            for place in shown
            if _stem(place) in stems or (_stem(place) not in known and _written(place, day) < day)
        ]

    def _tables(self) -> Iterator[StoragePath]:
        found = (place for folder, pattern in self._folders for place in find_files(folder, pattern))
        yield from {place.uri: place for place in found}.values()

    def _shown(self) -> Iterator[StoragePath]:
        found = (place for folder in self._shown_in for place in find_files(folder, AMONG_REPORTS, deep=False))
        yield from {place.uri: place for place in found}.values()


def of(places: Places) -> Derived:
    """Return the files that analyses left of a dataset."""
    return Derived(places.dataset, places.reports, *places.other_reports, elsewhere=places.analyses)


def erase(places: Iterable[StoragePath]) -> None:
    """Remove files."""
    for place in places:
        remove(place)


def _stem(place: StoragePath) -> str:
    return place.name.rpartition(".")[0]


def _written(place: StoragePath, unknown: date) -> date:
    at_s = Store(place.parent).modified_s(place.name)
    return unknown if at_s is None else datetime.fromtimestamp(at_s, UTC).date()


def _is_about(place: StoragePath, wanted: Wanted) -> bool:
    data = read_whole(place)
    if data is None:
        return False
    readers: dict[str, Callable[[bytes], Iterator[Any]]] = {"csv": _in_csv, "xlsx": _in_excel}
    read = readers.get(place.name.rpartition(".")[2], _in_parquet)
    try:
        return any(_says(value, wanted) for value in read(data))
    except Exception:  # noqa: BLE001  # each library has its own kinds; what cannot be read may hold anything
        return True


def _in_parquet(data: bytes) -> Iterator[Any]:
    table = pq.read_table(io.BytesIO(data))
    for name in _TEXTS:
        if name in table.schema.names:
            yield from table.column(name).to_pylist()


def _in_csv(data: bytes) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        for cell in row:
            yield _parts(cell)


def _in_excel(data: bytes) -> Iterator[list[str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for name in book.namelist():
            for text in _CELL.findall(book.read(name)):
                yield _parts(html.unescape(text.decode()))


def _parts(cell: str) -> list[str]:
    """Return a cell, and the texts that were joined in it; a sign in front keeps Excel from computing it."""
    return [cell, *(part.removeprefix("'") for part in cell.split("; "))]


_TEXTS = ("code", "read_codes", "candidates", "not_listed", "images", "expected")


def _says(value: Any, wanted: Wanted) -> bool:
    if isinstance(value, list):
        return any(_says(each, wanted) for each in value)
    if not value:
        return False
    named = {image for image, _ in wanted.versions}
    return wanted.has_code(value) or wanted.has_image(value) or value in named or wanted.in_text(value)


def _day_of(place: StoragePath) -> date | None:
    name = place.parent.name
    try:
        return date.fromisoformat(name.removeprefix(_DAY)) if name.startswith(_DAY) else None
    except ValueError:
        return None
