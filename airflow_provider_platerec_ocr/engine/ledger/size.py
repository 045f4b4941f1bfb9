"""How much is in a ledger, by a look at names only: exact while it is small, a sample of its folders when it is large.

Fingerprints are evenly spread over 256 folders a type, so a few of them stand for all.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.ledger.identity import types_of
from airflow_provider_platerec_ocr.engine.ledger.records import split_name

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.store import Store

    _Entry = tuple[str, int, float | None]

ENOUGH = 2000
"""Names after which no further folder of a type is looked at."""
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Size:
    """What a ledger holds."""

    answers: dict[str, int] = field(default_factory=dict)
    """Files of answers, by type."""
    rejected: int = 0
    """Calls of all types that ended as rejected; among them are answers whose content was deleted since."""
    size_bytes: int = 0
    """Of all files of all types, without what the file system adds."""
    last_write_s: float | None = None
    """When the newest file that was looked at was written, in seconds since 1970; ``None`` where no store tells."""
    exact: bool = True
    """Whether everything was looked at; else the figures are estimates, and something newer may be there."""

    @property
    def total(self) -> int:
        """Answers of all types."""
        return sum(self.answers.values())

    def __str__(self) -> str:
        """Return the answers in words."""
        return f"{'' if self.exact else 'about '}{count_of(self.total, 'answer')}"


def size_of(store: Store, *, enough: int = ENOUGH) -> Size:
    """Return what is in a ledger; at most 256 listings a type, several at a time, and one where it is large.

    :param enough: names to look at before a folder of a type stands for the others.
    """
    size = Size()
    with ThreadPoolExecutor(_THREADS) as pool:
        for type_ in types_of(store):
            folders = [f"{type_}/{name}" for name in store.bare_names(type_)]
            size = _with(size, type_, _looked_at(store, folders, enough, pool), len(folders))
    return size


def _looked_at(store: Store, folders: list[str], enough: int, pool: ThreadPoolExecutor) -> list[list[_Entry]]:
    """Return the entries of so many folders of a type as are enough: one first, since one can be large."""
    looked: list[list[_Entry]] = []
    while len(looked) < len(folders) and sum(map(len, looked)) < enough:
        some = folders[len(looked) : len(looked) + (_THREADS if looked else 1)]
        looked += pool.map(store.entries, some)
    return looked


def _with(size: Size, type_: str, looked: list[list[_Entry]], folders: int) -> Size:
    """Return ``size`` with what the folders of a type that were looked at stand for."""
    share = folders / len(looked) if looked else 1.0
    entries = [entry for folder in looked for entry in folder]
    parts = [split_name(name) for name, _, _ in entries]
    ends = Counter(part[2] for part in parts if part is not None)
    times = [at_s for _, _, at_s in entries if at_s is not None]
    newest = max(times, default=size.last_write_s)
    return Size(
        answers=size.answers | {type_: round(share * ends[End.ANSWER])},
        rejected=size.rejected + round(share * ends[End.REJECTED]),
        size_bytes=size.size_bytes + round(share * sum(length for _, length, _ in entries)),
        last_write_s=newest if size.last_write_s is None or newest is None else max(newest, size.last_write_s),
        exact=size.exact and len(looked) == folders,
    )
