"""Which reads of a run add no rows, since the dataset has what they say: its plan knew only what was there before.

The rule, in one sentence: **an image gets rows when its content is new to the dataset, or when it is not what this
image showed last.** So two runs over the same images, touched, renamed, moved and copied files give each identifier
once, and a photograph that shows A, then B, then A again gives three rows. What is left out is a *repeat*: a row in a
table of its own, beside the dataset, by which the image is done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.table_files import table_file
from airflow_provider_platerec_ocr.dataset.plan.keys import FirstTimes, fingerprint_keys
from airflow_provider_platerec_ocr.dataset.plan.published import Published, identity_hash
from airflow_provider_platerec_ocr.dataset.table.rows import is_understood

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_platerec_ocr.storage.path import StoragePath

THIS_RUN = ""
"""Who published a content first, where it was an earlier row of the same run."""
ANOTHER_RUN = "another run"
"""Who did, where nobody knows any more."""


class RepeatSieve:
    """Parts the reads of one run into those that get rows and those that repeat what is there.

    :param dataset: its folder.
    :param own: the run's own files, which are about to be replaced: what they have stays.
    :param planned_at: when the plan was made; ``None`` where nobody knows.
    :param by_content: whether equal fingerprints are the same content; not so for other people's calls.
    """

    def __init__(
        self, dataset: StoragePath, own: Iterable[StoragePath], planned_at: datetime | None, *, by_content: bool
    ) -> None:
        own = list(own)
        self._published = Published(dataset, [place.path for place in own], planned_at)
        self._own = {number for place in own for number in _identities(place, dataset)}
        self._first = FirstTimes() if by_content else None
        self.publishers: Counter[str] = Counter()
        """How many reads repeat what which run has published; :data:`THIS_RUN` for this one."""

    def part(self, reads: Any) -> tuple[Any, Any]:
        """Return the reads that get rows, and the repeats with a column ``published_by``; both in the order given.

        :param reads: outcomes of status ``read``, see :func:`~.outcome_table.best_table`.
        """
        import pyarrow as pa

        suspects = self._suspects(reads)
        names = ["type", "image", "image_version", "fingerprint", "answer"]
        met = reads.select(names).take(pa.array(suspects, pa.int64()))
        facts = zip(*(column.to_pylist() for column in met.columns), strict=True)
        found = {place: self._repeats(suspects[place], *fact) for place, fact in zip(suspects, facts, strict=True)}
        left_out = {place: by for place, by in found.items() if by is not None}
        self.publishers.update(left_out.values())
        mask = pa.array([place not in left_out for place in range(reads.num_rows)], pa.bool_()) if left_out else None
        repeats = reads.take(pa.array(left_out, pa.int64()))
        repeats = repeats.append_column("published_by", pa.array(left_out.values(), pa.string()))
        return (reads if mask is None else reads.filter(mask)), repeats

    def _suspects(self, reads: Any) -> dict[int, _Met]:
        """Return the places of reads that may repeat something, and what was met; ascending."""
        found: dict[int, _Met] = {}
        if self._first is not None:
            marks = reads.column("fingerprint")
            keys = fingerprint_keys(marks)
            met = (~self._first.first(keys), self._published.known.known(keys), self._published.unread.known(keys))
            for place in (met[0] | met[1] | met[2]).nonzero()[0].tolist():
                if marks[place].is_valid:
                    found[place] = _Met(*(bool(each[place]) for each in met))
        if self._published.images:
            names = ("type", "image", "image_version")
            facts = zip(*(reads.column(name).to_pylist() for name in names), strict=True)
            for place, fact in enumerate(facts):
                if identity_hash(*fact) in self._published.images:
                    found[place] = _Met(image=True)
        return dict(sorted(found.items()))

    def _repeats(self, met: _Met, *fact: Any) -> str | None:
        """Return who published what a read says, ``None`` where it gets rows."""
        type_, image, version, mark, answer = fact
        if identity_hash(type_, image, version) in self._own:
            return None
        index = self._published.index
        publisher = (index.publisher(mark) if mark else None) or ANOTHER_RUN
        if met.image:
            return publisher
        if met.known:
            last = index.last_content(type_, image)
            return publisher if last in (None, hash(mark)) else None
        if met.here:
            return THIS_RUN
        return None if is_understood(image, answer) else publisher


@dataclass(frozen=True, slots=True)
class _Met:
    """Where the content of a read, or the image itself, was met before."""

    here: bool = False
    """In an earlier row of the same run."""
    known: bool = False
    """In the dataset."""
    unread: bool = False
    """In the dataset, as an answer that nobody could read."""
    image: bool = False
    """The image in this version is in the dataset since the plan was made."""


def _identities(place: StoragePath, dataset: StoragePath) -> Iterable[int]:
    for table in batches(table_file(place, dataset), ["type", "image", "image_version"]):
        yield from map(identity_hash, *(column.to_pylist() for column in table.columns))
