"""What read tasks did, as lines in part files: written as they go, read back by a later try and by the export.

Each part file appears whole, so a killed task leaves no torn lines, only fewer. What is lost that way was not paid for
in vain: the answers are in the ledger, and the next try finds them there.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.dataset.layout.names import OUTCOMES
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, read_whole, threads_for, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
FLUSH_EVERY = 500
MAX_AGE_S = 30.0
_RANK: dict[str, int] = {
    ReadStatus.FORGOTTEN: 4,
    ReadStatus.READ: 3,
    ReadStatus.REJECTED: 2,
    ReadStatus.IN_DOUBT: 1,
    ReadStatus.CARRIED_OVER: -1,
}
"""Final outcomes win over others, an answer over a refusal, and over all that it was deleted. A doubt that no answer
ended stays named whatever a later try met, and that nothing was sent says less than anything else."""
_SETTLED = frozenset({ReadStatus.READ, ReadStatus.REJECTED, ReadStatus.FORGOTTEN})
_PART = r"\d{3,}-[0-9a-f]{8}-\d{5,}\.jsonl"


class OutcomeWriter:
    """Appends the outcomes of one try of one shard; any thread may call it.

    :param workspace: the run's workspace.
    :param shard: index of the shard.
    :param try_number: Airflow's try, from 1; the later try wins where two know about the same image.
    :param flush_every: outcomes in a part file.
    :param max_age_s: seconds after which an append writes what has been waiting.
    """

    def __init__(  # noqa: PLR0913  # two places and four numbers, the latter by name
        self,
        workspace: StoragePath,
        shard: int,
        try_number: int,
        *,
        flush_every: int = FLUSH_EVERY,
        max_age_s: float = MAX_AGE_S,
        clock: Clock | None = None,
    ) -> None:
        self._folder = _folder(workspace, shard)
        self._start = f"{try_number:03d}-{secrets.token_hex(4)}"
        self._flush_every = flush_every
        self._max_age_s = max_age_s
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._waiting: list[str] = []
        self._since = 0.0
        self._part = 0

    def append(self, outcome: Outcome) -> None:
        """Take one outcome, and write a part file where one is due.

        :raises OSError: the file cannot be written; what waits is kept for the next flush.
        """
        with self._lock:
            if self.take(outcome):
                self.flush()

    def take(self, outcome: Outcome) -> bool:
        """Take one outcome without writing; return whether enough have come together or the first is old."""
        with self._lock:
            now = self._clock.monotonic()
            if not self._waiting:
                self._since = now
            self._waiting.append(to_line(outcome))
            return len(self._waiting) >= self._flush_every or now - self._since >= self._max_age_s

    def flush(self) -> None:
        """Write what waits as one part file; nothing happens where nothing waits."""
        with self._lock:
            if not self._waiting:
                return
            name = f"{self._start}-{self._part:05d}.jsonl"
            write_whole(self._folder / name, "".join(self._waiting).encode())
            self._waiting = []
            self._part += 1

    def close(self) -> None:
        """Write what still waits."""
        self.flush()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what still waits, whatever happened."""
        self.close()


def _folder(workspace: StoragePath, shard: int) -> StoragePath:
    return workspace / f"{OUTCOMES}/{shard:05d}"


def read_parts(workspace: StoragePath, shard: int) -> Iterator[tuple[StoragePath, bytes]]:
    """Yield the part files of a shard with their content, oldest try first."""
    parts = find_files(_folder(workspace, shard), _PART, deep=False)
    for place, data in zip(parts, ordered_map(read_whole, parts, threads=threads_for(workspace)), strict=True):
        yield place, data or b""


def read_outcomes(workspace: StoragePath, shard: int) -> Iterator[Outcome]:
    """Yield all outcomes of a shard, oldest try first; an image may come several times.

    A line that cannot be read is logged and left out: its image then counts as one without an outcome.
    """
    for place, data in read_parts(workspace, shard):
        for number, line in enumerate(data.splitlines(), start=1):
            try:
                yield Outcome.from_json(json.loads(line))
            except (ValueError, TypeError, AttributeError) as error:
                log.warning("Line %d of %s is no outcome and is left out: %s", number, place, error)


def best_outcomes(workspace: StoragePath, shard: int) -> list[Outcome]:
    """Return exactly one outcome for each image that has any, by row: answer, rejection, doubt, else the latest."""
    found = list(read_outcomes(workspace, shard))
    return [found[index] for index in best_of((item.row, item.status, item.at) for item in found)]


def best_of(outcomes: Iterable[tuple[int, str, str | None]]) -> list[int]:
    """Return the positions of the outcomes that count, by row; given are row, status and time of each in order."""
    best: dict[int, tuple[int, str, int]] = {}
    for position, (row, status, at) in enumerate(outcomes):
        rank = (_RANK.get(status, 0), at or "", position)
        if row not in best or rank > best[row]:
            best[row] = rank
    return [best[row][2] for row in sorted(best)]


def settled_rows(workspace: StoragePath, shard: int) -> dict[int, str]:
    """Return the rows that need no further try, with their status: ``read`` or ``rejected``."""
    found: dict[int, str] = {}
    for outcome in read_outcomes(workspace, shard):
        if outcome.status in _SETTLED and found.get(outcome.row) != ReadStatus.READ:
            found[outcome.row] = outcome.status
    return found
