"""What a dataset has already: contents by fingerprint, and what each image showed last.

An export asks it, since other runs may have published after its plan was made. Fingerprints are always looked at,
16 bytes each; who published what, and when, only where one of them was met again. Nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.columns import batches, batches_of
from airflow_provider_platerec_ocr.dataset.layout.names import OTHERS_CALLS
from airflow_provider_platerec_ocr.dataset.layout.table_files import each_file, opened
from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys, KeyList, fingerprint_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath

CLOCKS_DIFFER = timedelta(minutes=10)
"""How far the clock of another worker may be behind that of the plan's."""
_KEYS = ("fingerprint", "identifier_count")


class Published:
    """The rows of a dataset but for some files; each of its files is opened once.

    :param dataset: its folder.
    :param without: paths of files that do not count, such as a run's own.
    :param since: from when on the images themselves are wanted, too; ``None`` for never.
    """

    def __init__(self, dataset: StoragePath, without: Iterable[str] = (), since: datetime | None = None) -> None:
        self._dataset = dataset
        self._without = frozenset(without)
        self._index: _Index | None = None
        known, unread, images = KeyList(), KeyList(), set[int]()
        moment = since and since - CLOCKS_DIFFER
        for file, found in each_file(dataset, lambda file: _contents(file, moment), among=self._is_other):
            images.update(found.images)
            if not OTHERS_CALLS.search(file.place.name):
                known.add((found.known,))
                unread.add((found.unread,))
        self.known = DoneKeys(known)
        """Keys of fingerprints whose answers are published."""
        self.unread = DoneKeys(unread)
        """Keys of those that are published as answers nobody could read."""
        self.images = frozenset(images)
        """Identities, as of :func:`identity_hash`, of images that were published from ``since`` on."""

    def _is_other(self, file: TableFile) -> bool:
        return file.place.path not in self._without

    def _counts(self, file: TableFile) -> bool:
        """Return whether the file's fingerprints say what was read; those of other people's calls are hearsay."""
        return self._is_other(file) and not OTHERS_CALLS.search(file.place.name)

    @property
    def index(self) -> _Index:
        """Who published what, and when; made when it is asked for first."""
        if self._index is None:
            self._index = _Index([some for _, some in each_file(self._dataset, _facts, among=self._counts)])
        return self._index


class _Index:
    """By image what it showed last, and by fingerprint who published it first; 40 bytes a row.

    :param facts: of each file, see :func:`_facts`, and its runs by their hashes.
    """

    def __init__(self, facts: list[tuple[Any, dict[int, str]]]) -> None:
        import numpy as np

        rows = np.concatenate([np.zeros((0, 4), dtype=np.int64), *(some for some, _ in facts)])
        self._runs = {number: run for _, runs in facts for number, run in runs.items()}
        by_image = rows[np.lexsort((rows[:, 2], rows[:, 0]))]
        self._last = by_image[np.append(by_image[1:, 0] != by_image[:-1, 0], True)[: len(rows)], :2]
        by_content = rows[np.lexsort((rows[:, 2], rows[:, 1]))]
        self._first = by_content[np.append(True, by_content[1:, 1] != by_content[:-1, 1])[: len(rows)]][:, [1, 3]]

    def last_content(self, type_: str, image: str) -> int | None:
        """Return the hash of what the image showed last; nothing where it is not in the dataset."""
        return _value(self._last, hash((type_, image)))

    def publisher(self, fingerprint: str) -> str | None:
        """Return the run that published a content first."""
        run = _value(self._first, hash(fingerprint))
        return None if run is None else self._runs.get(run)


def _value(table: Any, key: int) -> int | None:
    """Return the second column of the row whose first is ``key``; the table is sorted by it."""
    import numpy as np

    place = int(np.searchsorted(table[:, 0], key))
    return int(table[place, 1]) if place < len(table) and table[place, 0] == key else None


def identity_hash(type_: str, image: str, version: str | None) -> int:
    """Return a number for an image in one version, for this process alone."""
    return hash((type_, image, version))


def _facts(file: TableFile) -> tuple[Any, dict[int, str]]:
    """Return hashes of image and content, time of publication and hash of the run, row by row, and the runs."""
    import numpy as np

    found, runs = [np.zeros((0, 4), dtype=np.int64)], {}
    for batch in batches(file, ["type", "image", "fingerprint", "published_at", "run_id"]):
        table = batch.filter(batch.column("fingerprint").is_valid())
        types, images, marks, names = (table.column(n).to_pylist() for n in ("type", "image", "fingerprint", "run_id"))
        moments = table.column("published_at").cast("int64").fill_null(0).to_numpy()
        columns = (
            list(map(hash, zip(types, images, strict=True))),
            list(map(hash, marks)),
            moments,
            list(map(hash, names)),
        )
        found.append(np.column_stack([np.asarray(column, dtype=np.int64) for column in columns]))
        runs.update({hash(name): name for name in set(names) if name is not None})
    return np.concatenate(found), runs


@dataclass(frozen=True, slots=True)
class _Contents:
    """What one file has published."""

    known: bytes
    """Keys of fingerprints, one after the other."""
    unread: bytes
    """The same of answers that nobody could read."""
    images: list[int]
    """Identities of what was published lately."""


def _contents(file: TableFile, moment: datetime | None) -> _Contents:
    """Return what a file has; images only where they were published from ``moment`` on, and none that is unread."""
    known, unread, images = [], [], list[int]()
    with opened(file.place) as parquet:
        names = list(_KEYS)
        if moment is not None and not _is_older(parquet, moment):
            names += ["type", "image", "image_version", "published_at"]
        for batch in batches_of(parquet, file, names):
            table = batch.filter(batch.column("fingerprint").is_valid())
            keys = fingerprint_keys(table.column("fingerprint"))
            is_known = table.column("identifier_count").is_valid().to_numpy()
            known.append(keys[is_known].tobytes())
            unread.append(keys[~is_known].tobytes())
            if len(names) > len(_KEYS):
                images += _lately(batch, moment)
    return _Contents(b"".join(known), b"".join(unread), images)


def _lately(batch: Any, moment: datetime | None) -> list[int]:
    import pyarrow.compute as pc

    late = pc.greater_equal(batch.column("published_at"), moment)
    table = batch.filter(pc.and_(late, batch.column("identifier_count").is_valid()))
    facts = (table.column(name).to_pylist() for name in ("type", "image", "image_version"))
    return [identity_hash(*fact) for fact in zip(*facts, strict=True)]


def _is_older(parquet: Any, moment: datetime) -> bool:
    """Return whether a file's statistics say that all of it was published before ``moment``."""
    names = parquet.schema_arrow.names
    if "published_at" not in names:
        return True  # version 1: what its plan did not know, the fingerprints tell
    column = names.index("published_at")
    groups = (parquet.metadata.row_group(i).column(column).statistics for i in range(parquet.num_row_groups))
    return all(group is not None and group.has_min_max and _is_before(group.max, moment) for group in groups)


def _is_before(value: Any, moment: datetime) -> bool:
    return getattr(value, "tzinfo", None) is not None and bool(value < moment)
