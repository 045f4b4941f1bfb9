"""What analyses made of a table: files that can be made again, so one that holds what is to be deleted goes whole."""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.storage.path import StoragePath

FOLDERS = ("reconciliations", "sightings")
"""Ends of the folders' names beside the dataset."""
FOR_PEOPLE = r"reconciliation-[^/]*\.(csv|xlsx)"
"""Files for people, which lie among the reports, under the name of the Parquet file that they show."""
_DAY = "date="


class Derived:
    """The files that analyses left beside a dataset, in the places that they have by default."""

    def __init__(self, dataset: StoragePath, reports: StoragePath) -> None:
        self._folders = [beside(dataset, name) for name in FOLDERS]
        self._reports = reports

    def about(self, wanted: Wanted) -> list[StoragePath]:
        """Return the files that say something of what is to be deleted, those for people among them."""
        return self._with_those_for_people(place for place in self._tables() if _is_about(place, wanted))

    def before(self, day: date) -> list[StoragePath]:
        """Return the files of days before this one."""
        return self._with_those_for_people(place for place in self._tables() if (_day_of(place) or day) < day)

    def _tables(self) -> Iterator[StoragePath]:
        for folder in self._folders:
            yield from find_files(folder, r"[^._].*\.parquet")

    def _with_those_for_people(self, tables: Iterable[StoragePath]) -> list[StoragePath]:
        found = list(tables)
        stems = {place.name.removesuffix(".parquet") for place in found}
        if not stems:
            return []
        shown = find_files(self._reports, FOR_PEOPLE, deep=False)
        return [*found, *(place for place in shown if place.name.rpartition(".")[0] in stems)]


def erase(places: Iterable[StoragePath]) -> None:
    """Remove files."""
    for place in places:
        remove(place)


def _is_about(place: StoragePath, wanted: Wanted) -> bool:
    data = read_whole(place)
    if data is None:
        return False
    try:
        table = pq.read_table(io.BytesIO(data))
    except Exception:  # noqa: BLE001  # pyarrow has its own kinds; what cannot be read may hold anything
        return True
    columns = [name for name in _TEXTS if name in table.schema.names]
    return any(_says(value, wanted) for name in columns for value in table.column(name).to_pylist())


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
