"""All that a dataset knows of one image: rows of all its reads, problems, other names of its content, corrections.

What the ledger knows of it is told by :mod:`airflow_provider_platerec_ocr.engine.kept.steps`; who shows the story puts
the two together by the fingerprints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, REPEATS
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, repeats_schema
from airflow_provider_platerec_ocr.dataset.layout.table_files import each_file
from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery
from airflow_provider_platerec_ocr.dataset.search.search import default_columns, search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.dataset.search.search import FoundReads
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Row = dict[str, Any]

MOST_ROWS = 200
"""Rows of one image that are shown: the newest."""
MOST_OTHERS = 50
"""Dead letters and repeats of one image that are shown."""


@dataclass(frozen=True, slots=True)
class ImageStory:
    """What is known of one image; empty where nothing is."""

    rows: tuple[Row, ...] = ()
    """Of all its reads, the newest first, as shown; with ``raw``."""
    dead_letters: tuple[Row, ...] = ()
    """What was wrong with it, the newest first."""
    repeats: tuple[Row, ...] = ()
    """Under which names, and by which runs, its content was met again."""
    corrections: tuple[Row, ...] = ()
    """What persons said of it, the newest first."""
    broken: tuple[str, ...] = ()
    """What is wrong with files that could not be read."""
    total: int = 0
    """How many rows the table has of it, as far as was looked."""

    @property
    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """Type and fingerprint of every content that it had, the newest first."""
        rows = [*self.rows, *({**each, "read_type": each["type"]} for each in self.dead_letters)]
        pairs = ((row["read_type"], row["fingerprint"]) for row in rows)
        return tuple(dict.fromkeys((type_, mark) for type_, mark in pairs if type_ and mark))


def image_story(  # noqa: PLR0913  # one image and the places that know of it, by name
    dataset: StoragePath,
    *,
    image: str = "",
    fingerprint: str = "",
    dead_letters: StoragePath | None = None,
    repeats: StoragePath | None = None,
    corrections: StoragePath | None = None,
    seconds: float | None = None,
) -> ImageStory:
    """Return what the dataset knows of an image, by its name as in the column ``image``, or by its content.

    :param image: its name; empty where only the fingerprint is known.
    :param seconds: most time for each of at most two searches.
    """
    columns = [*default_columns(), "raw"]

    def look(query: ReadQuery) -> FoundReads:
        return search(dataset, query, limit=MOST_ROWS, columns=columns, corrections=corrections, seconds=seconds)

    pages = [look(ReadQuery(fingerprint=fingerprint))] if fingerprint else []
    name = image or next((row["image"] for page in pages for row in page.table.to_pylist()), "")
    pages += [look(ReadQuery(whole_image=name))] if name else []
    found = _newest(pages)
    names = {name, *(row["image"] for row in found)} - {""}
    marks = {fingerprint, *(row["fingerprint"] for row in found)} - {"", None}
    broken = [text for page in pages for text in page.broken]
    letters = _in_table(dead_letters, DEAD_LETTERS, {"image": names, "fingerprint": marks}, broken)
    again = _in_table(repeats, REPEATS, {"image": names, "fingerprint": marks}, broken)
    said = [each for page in pages for row in page.table.to_pylist() for each in page.corrections.of(row)]
    once = {(each["corrected_at"], each["read_key"], each["identifier_index"]): each for each in said}
    return ImageStory(
        rows=tuple(found),
        dead_letters=tuple(sorted(letters, key=lambda row: _moment(row["last_seen"]), reverse=True)),
        repeats=tuple(sorted(again, key=lambda row: _moment(row["published_at"]), reverse=True)),
        corrections=tuple(sorted(once.values(), key=lambda row: _moment(row["corrected_at"]), reverse=True)),
        broken=tuple(dict.fromkeys(broken)),
        total=max((page.total for page in pages), default=0),
    )


def _newest(pages: Iterable[FoundReads]) -> list[Row]:
    """Return the rows of all pages, each once, the newest first."""
    found: dict[tuple[Any, ...], Row] = {}
    for page in pages:
        for row in page.rows():
            key = tuple(row[name] for name in ("image", "image_version", "fingerprint", "run_id", "identifier_index"))
            found.setdefault((*key, row["code_as_read"] is None and row["corrected_by"] is not None), row)
    rows = list(found.values())
    rows.sort(key=lambda row: (str(row["date"] or ""), _moment(row["published_at"])), reverse=True)
    return rows


def _moment(value: Any) -> str:
    return "" if value is None else value.isoformat()


def _in_table(folder: StoragePath | None, table: str, wanted: dict[str, set[str]], broken: list[str]) -> list[Row]:
    """Return the rows of another table of which a column has a wanted value; what cannot be read is said."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = (dead_letters_schema() if table == DEAD_LETTERS else repeats_schema()).names
    sets = {name: pa.array(sorted(values), pa.string()) for name, values in wanted.items() if values}
    if folder is None or not sets:
        return []

    def of_file(file: TableFile) -> list[Row]:
        found: list[Row] = []
        for rows in batches(file, names, table):
            fits = pa.repeat(pa.scalar(value=False), rows.num_rows)
            for name, values in sets.items():
                fits = pc.or_(fits, pc.is_in(rows.column(name), value_set=values))
            found += rows.filter(fits).to_pylist()
        return found

    rows: list[Row] = []
    try:
        for _, found in each_file(folder, of_file):
            rows += found
    except OCRDatasetError as error:
        broken.append(str(error))
    return rows[-MOST_OTHERS:]
