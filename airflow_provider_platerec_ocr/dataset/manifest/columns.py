"""Which column of a table is which, and those of its own that come along with each image as one JSON object."""

from __future__ import annotations

import difflib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.redact import shorten
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from airflow_provider_platerec_ocr.dataset.manifest.own_json import ObjectWriter
from airflow_provider_platerec_ocr.dataset.manifest.row import COLUMNS, did_you_mean, missing_column, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
ALL = "*"
"""Stands for every column that has no meaning of its own here."""
_SHOWN = 20
Folders = tuple[tuple[str, str | None], ...]
"""Names and values that a table has from its folders, such as ``gate=7``."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values of one table's rows stand: in its fields, then its folders' values, then ``None``."""

    known: tuple[int, ...]
    """For each of :data:`.row.COLUMNS`."""
    own: tuple[int, ...]
    """Of the columns that come along."""
    write: Callable[[Sequence[Any]], str | None]
    """Makes the JSON of those."""
    tail: list[str | None]
    """What follows after the fields of each row."""


class Columns:
    """What is asked of a manifest's columns, and which it turns out to have, however many tables it is made of.

    :param wanted: columns that come along; :data:`ALL` for all of those without a meaning here.
    """

    def __init__(self, wanted: Iterable[str] = (), notes: ManifestNotes | None = None) -> None:
        self._wanted = tuple(dict.fromkeys(name.strip() for name in wanted))
        self.notes = ManifestNotes() if notes is None else notes
        """Takes the counts of what is left aside."""
        self._seen: dict[str, None] = {}
        self._missing = {name for name in self._wanted if name != ALL}
        self._noted: set[str] = set()

    @property
    def come_along(self) -> bool:
        """Whether any of the manifest's own columns were asked for."""
        return bool(self._wanted)

    def layout(
        self, place: StoragePath, names: Sequence[Any], folders: Folders = (), *, is_header: bool = True
    ) -> Layout:
        """Return where the values of a table with these columns stand.

        :param names: as they are written.
        :param is_header: whether they are those of a whole table, and not of a single row.
        :raises OCRManifestError: a table has neither ``image`` nor ``upload_url``, or one that counts twice.
        """
        written = [str(name).strip("\ufeff").strip() for name in names]
        taken = {plain(name) for name in written}
        written += [name for name, _ in folders if plain(name) not in taken]
        found = [plain(name) for name in written]
        self._seen.update(dict.fromkeys(written))
        own = self._own(written, found)
        if is_header:
            if "image" not in found and "upload_url" not in found:
                raise missing_column(place, written)
            _refuse_twice(place, [name for name in COLUMNS if name in found], found)
            _refuse_twice(place, [name for index, name in enumerate(written) if index in own.values()], written)
            self._note_ignored(place, [name for index, name in enumerate(written) if index not in own.values()])
        nothing = len(written)
        return Layout(
            known=tuple(found.index(name) if name in found else nothing for name in COLUMNS),
            own=tuple(own.values()),
            write=ObjectWriter(list(own), self.notes),
            tail=[*(value for name, value in folders if plain(name) not in taken), None],
        )

    def check(self, uri: str) -> None:
        """Refuse a column that was asked for and that no table has; a manifest without any table says nothing.

        :raises OCRConfigError: naming it, and the nearest there is.
        """
        if not self._seen:
            return
        for name in sorted(self._missing):
            near = difflib.get_close_matches(plain(name), [plain(each) for each in self._seen], n=1)
            shown = ", ".join(shorten(each, 40) for each in list(self._seen)[:_SHOWN] if each)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has: {shown}."
            message = f"manifest_columns: {uri} has no column {name!r}. {hint}"
            raise OCRConfigError(message)

    def _own(self, written: list[str], found: list[str]) -> dict[str, int]:
        """Return the columns that come along, by the names they come under; what is not there stands at the end."""
        own: dict[str, int] = {}
        for name in self._wanted:
            if name == ALL:
                fresh = (index for index, each in enumerate(found) if each and each not in COLUMNS)
                own |= {written[index]: index for index in fresh if index not in own.values()}
                continue
            own[name] = len(written)
            if name in written or plain(name) in found:
                own[name] = written.index(name) if name in written else found.index(plain(name))
                self._missing.discard(name)
        return own

    def _note_ignored(self, place: StoragePath, names: list[str]) -> None:
        """Log, in one line, which columns are left aside; of tables that are alike, once."""
        ignored = [name for name in names if plain(name) not in COLUMNS]
        shown = ", ".join(ignored[:_SHOWN])
        if ignored and shown not in self._noted:
            self._noted.add(shown)
            hint = did_you_mean(names)
            log.info("%s: ignoring columns that have no meaning here: %s. %s", place, shown, hint)


def _refuse_twice(place: StoragePath, wanted: Iterable[str], found: list[str]) -> None:
    twice = sorted({name for name in wanted if found.count(name) > 1})
    if twice:
        message = f"{place} has the column {twice[0]} twice. Keep one of them."
        raise OCRManifestError(message)
