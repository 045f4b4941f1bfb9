"""Dead letters as a state: one row a problem while it lasts, in the file of the run that met it last.

A run that meets a problem again takes its row over, with the day of its beginning; a run that reads the image closes
it. So files of other runs are written anew, whole and under their names, after this run's own have appeared: a crash in
between leaves a problem twice, and the next publication once. All of this happens while this run has the turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.dataset.layout.columns import batches, whole
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS
from airflow_provider_platerec_ocr.dataset.layout.schema import SCHEMA_VERSION, dead_letters_schema
from airflow_provider_platerec_ocr.dataset.layout.table_files import all_files
from airflow_provider_platerec_ocr.dataset.table.writer import replace_file
from airflow_provider_platerec_ocr.storage.files import remove

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_FACTS = (
    *("type", "image", "image_version", "reason", "permanent", "manifest", "row", "message", "dag_id"),
    *("first_seen", "last_seen", "times", "closed_at", "schema_version"),
)
_NEVER = datetime.min.replace(tzinfo=UTC)
Problem = tuple[str | None, ...]
"""What makes two letters the same problem: image, version and reason, or a manifest's row and what is wrong with it."""


def problem_of(letter: dict[str, Any], *, any_manifest: bool = False) -> Problem:
    """Return which problem a letter tells of.

    :param any_manifest: leave out which manifest a bad row is of, since version 1 did not write it down.
    """
    if letter["reason"] == Reason.ROW_INVALID or letter["image"] is None:
        manifest = None if any_manifest else letter["manifest"]
        return manifest, letter["image"] or str(letter["row"]), letter["message"]
    return letter["type"], letter["image"], letter["image_version"], letter["reason"]


@dataclass(slots=True)
class LetterRow:
    """One row of the dead letters, where it lies, and what is to become of it."""

    file: int
    """Number of its file."""
    place: int
    """Its row there."""
    subject: tuple[str | None, str | None]
    """Type and image."""
    problem: Problem
    first: datetime
    last: datetime
    times: int
    closed: datetime | None
    permanent: bool
    bad_row: bool
    manifest: str | None
    dag_id: str | None
    version: int
    goes: bool = False
    """Whether another row stands for it from now on."""
    changed: bool = False
    """Whether it is to be written anew."""

    def covers(self, moment: datetime) -> bool:
        """Return whether a run at ``moment`` is counted in it."""
        return self.first <= moment <= max(self.last, self.closed or self.last)


class LetterBook:
    """All dead letters of a folder.

    :param folder: of the dead letters.
    :param own: paths of the files that this run is about to write anew.
    """

    def __init__(self, folder: StoragePath, own: Container[str] = ()) -> None:
        found = all_files(folder, lambda file: (file, _letters_of(file)))
        self._folder = folder
        self._files = [file for file, _ in found]
        self._own = {number for number, (file, _) in enumerate(found) if file.place.path in own}
        self._by_problem: dict[Problem, list[LetterRow]] = {}
        self._open: dict[tuple[str | None, str | None], list[LetterRow]] = {}
        self._met: set[int] = set()
        for number, (_, letters) in enumerate(found):
            for letter in letters:
                letter.file = number
                self._take(letter)
        for alike in self._by_problem.values():
            _merge([letter for letter in alike if letter.closed is None])
        for alike in self._by_problem.values():
            for letter in alike:
                if letter.closed is None and not letter.goes:
                    self._open.setdefault(letter.subject, []).append(letter)

    def _take(self, letter: LetterRow) -> None:
        self._by_problem.setdefault(letter.problem, []).append(letter)

    @property
    def open_images(self) -> list[str]:
        """The images of which a problem lasts."""
        return sorted({image for _, image in self._open if image is not None})

    @property
    def is_of_version_1(self) -> bool:
        """Whether a problem that seems to last was written by version 1, which never closed any."""
        return any(letter.version == 1 for letters in self._open.values() for letter in letters)

    def meet(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Take a problem of this run; return the row to write, ``None`` where another run's row stands for it."""
        moment = row["ended_at"] or _NEVER
        alike = [letter for letter in self._alike(row) if not letter.goes]
        known = next((letter for letter in alike if letter.covers(moment)), None)
        if known is not None:
            self._met.add(id(known))
            if known.file not in self._own:
                return None
            return row | _state(known.first, known.last, known.times, known.closed)
        last = next((letter for letter in alike if letter.closed is None), None)
        self._close_others(row, moment, last)
        if last is None:
            return row
        last.goes = True
        self._met.add(id(last))
        again = last.file not in self._own  # a later try of the same run is not another one
        return row | _state(min(last.first, moment), max(last.last, moment), last.times + again, None)

    def _alike(self, row: dict[str, Any]) -> list[LetterRow]:
        return self._by_problem.get(problem_of(row)) or self._by_problem.get(problem_of(row, any_manifest=True)) or []

    def _close_others(self, row: dict[str, Any], moment: datetime, same: LetterRow | None) -> None:
        """Close what else was wrong with the image: it has another problem now."""
        if row["image"] is not None and row["reason"] != Reason.ROW_INVALID:
            for letter in self._open.get((row["type"], row["image"]), ()):
                if letter is not same:
                    _close(letter, moment)

    def read(self, type_: str | None, image: str, moment: datetime | None) -> None:
        """Close the problems of an image that was read at ``moment``."""
        for letter in self._open.get((type_, image), ()):
            _close(letter, moment or letter.last)

    def gone(self, manifest: str, dag_id: str, types: Container[str | None], moment: datetime) -> None:
        """Close the problems of a manifest that its last run did not meet, though it went through all of it.

        A permanent letter and a doubt stay: no run meets those again.

        :param types: of the images that were planned. :param moment: when the manifest was read.
        """
        for letters in self._open.values():
            for letter in letters:
                same = letter.dag_id == dag_id and letter.manifest in (None, manifest)
                of_image = letter.manifest is not None and not letter.permanent and not _is_doubt(letter)
                mine = letter.bad_row or (of_image and letter.subject[0] in types)
                if same and mine and id(letter) not in self._met:
                    _close(letter, moment)

    def write(self, staging: StoragePath) -> None:
        """Write the files of other runs anew in which something has changed."""
        changed: dict[int, list[LetterRow]] = {}
        for letters in self._by_problem.values():
            for letter in letters:
                if (letter.goes or letter.changed) and letter.file not in self._own:
                    changed.setdefault(letter.file, []).append(letter)
        for number in sorted(changed):
            self._rewrite(self._files[number], changed[number], staging)

    def _rewrite(self, file: TableFile, letters: list[LetterRow], staging: StoragePath) -> None:
        table = changed_table(whole(file, dead_letters_schema().names, DEAD_LETTERS), letters)
        if table.num_rows:
            replace_file(file.place, table, dead_letters_schema(), staging)
        else:
            remove(file.place)

    def table(self) -> Any:
        """Return all letters, one for each problem, as an Arrow table."""
        import pyarrow as pa

        letters = [letter for alike in self._by_problem.values() for letter in alike]
        parts = [dead_letters_schema().empty_table()]
        for number, file in enumerate(self._files):
            mine = [each for each in letters if each.file == number and (each.goes or each.changed)]
            parts.append(changed_table(whole(file, dead_letters_schema().names, DEAD_LETTERS), mine))
        return pa.concat_tables(parts).replace_schema_metadata(None)


def changed_table(table: Any, letters: Iterable[LetterRow]) -> Any:
    """Return the letters of a file with those that changed as they are now, and without those that are gone."""
    import pyarrow as pa

    letters = list(letters)
    if not letters:
        return table.cast(dead_letters_schema())
    rows = table.to_pylist()
    for letter in letters:
        rows[letter.place] |= _state(letter.first, letter.last, letter.times, letter.closed)
        rows[letter.place]["schema_version"] = SCHEMA_VERSION
    gone = {letter.place for letter in letters if letter.goes}
    return pa.Table.from_pylist(
        [row for place, row in enumerate(rows) if place not in gone], schema=dead_letters_schema()
    )


def reads_of(dataset: StoragePath, images: list[str]) -> list[tuple[str, str, datetime]]:
    """Return type, name and time of publication of those of the images that are in the dataset."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(images, pa.string())

    def found(file: TableFile) -> list[tuple[str, str, datetime]]:
        rows = []
        for table in batches(file, ["type", "image", "published_at"]):
            some = table.filter(pc.is_in(table.column("image"), value_set=wanted))
            rows += [(row["type"], row["image"], row["published_at"]) for row in some.to_pylist()]
        return rows

    return [row for rows in all_files(dataset, found) for row in rows]


def _letters_of(file: TableFile) -> list[LetterRow]:
    found: list[LetterRow] = []
    for table in batches(file, _FACTS, DEAD_LETTERS):
        for row in table.to_pylist():
            first = row["first_seen"] or row["last_seen"] or _NEVER
            found.append(
                LetterRow(
                    file=0,
                    place=len(found),
                    subject=(row["type"], row["image"]),
                    problem=problem_of(row),
                    first=first,
                    last=row["last_seen"] or first,
                    times=row["times"] or 1,
                    closed=row["closed_at"],
                    permanent=bool(row["permanent"]),
                    bad_row=row["reason"] == Reason.ROW_INVALID,
                    manifest=row["manifest"],
                    dag_id=row["dag_id"],
                    version=row["schema_version"] or 1,
                )
            )
    return found


def _merge(alike: list[LetterRow]) -> None:
    """Let one of several letters of one problem stand for all: version 1 wrote one each night, a crash leaves two."""
    if len(alike) <= 1:
        return
    kept = max(alike, key=lambda letter: (letter.last, letter.times))
    older = sum(letter.times for letter in alike if letter.version == 1)
    newer = max((letter.times for letter in alike if letter.version > 1), default=0)
    kept.first, kept.times, kept.changed = min(letter.first for letter in alike), older + newer, True
    for letter in alike:
        letter.goes = letter is not kept


def _close(letter: LetterRow, moment: datetime) -> None:
    """Close a letter, unless its problem was met again later."""
    if letter.closed is None and moment >= letter.last:
        letter.closed, letter.changed = moment, True


def _is_doubt(letter: LetterRow) -> bool:
    return letter.problem[-1] in {Reason.IN_DOUBT.value, Reason.IN_DOUBT_TWICE.value}


def _state(first: datetime, last: datetime, times: int, closed: datetime | None) -> dict[str, Any]:
    seen = {"first_seen": first, "last_seen": last}
    known = {name: None if moment == _NEVER else moment for name, moment in seen.items()}
    return known | {"times": times, "closed_at": closed}
