"""What read tasks counted, as one small file for each try of a shard in the run's workspace.

Outcomes say how images ended; only the task that made the calls knows how many were refused on the way. A file is
replaced as its try goes on, so one that was killed leaves its counts of a moment before. Summing over all files gives
the run's counts, whatever was retried or cleared: a try that found all images settled counts nothing.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.layout.names import OUTCOMES
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, read_whole, threads_for, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
_NAME = r"\d{3,}-[0-9a-f]{8}\.json"


@dataclass(frozen=True, slots=True)
class TryCounts:
    """What one try of one shard did."""

    shard: int
    """The shard's number, from 0."""
    try_number: int
    """Airflow's try, from 1."""
    calls: int = 0
    """Calls started."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Calls that were refused or not sent, by error name; not billed as far as is known."""
    unknown: int = 0
    """Calls whose outcome is not known."""
    resent: int = 0
    """Calls in doubt that were sent once more."""
    read: int = 0
    """Images that the API read; those that the ledger knew are not among them."""
    ended: bool = False
    """Whether the try came to its end; else it was killed, or still runs."""
    error: str = ""
    """Why it failed; empty where it did not."""


class TryFile:
    """The file of one try, which is written several times.

    :param workspace: the run's workspace.
    """

    def __init__(self, workspace: StoragePath, shard: int, try_number: int) -> None:
        name = f"{try_number:03d}-{secrets.token_hex(4)}.json"
        self._place = workspace / f"{OUTCOMES}/{shard:05d}/{name}"

    def write(self, counts: TryCounts) -> None:
        """Write the counts as they are; a failure is logged, since nothing that was paid for hangs on them."""
        try:
            write_whole(self._place, json.dumps(asdict(counts)).encode())
        except OSError as error:
            log.warning("The counts of this try are missing in the run's report: %s", error)


@dataclass(frozen=True, slots=True)
class TrySums:
    """What all tries of a run did."""

    tries: int = 0
    """How many there were."""
    calls: int = 0
    """Calls started."""
    refused: dict[str, int] = field(default_factory=dict)
    """Calls refused or not sent, by error name."""
    unknown: int = 0
    """Calls whose outcome is not known."""
    resent: int = 0
    """Calls in doubt that were sent once more."""
    cut_off: int = 0
    """Tries that were killed: what they did after their last note is not in these counts."""
    errors: dict[int, str] = field(default_factory=dict)
    """Shards whose last try failed or was killed, with the reason."""


def read_tries(workspace: StoragePath) -> list[TryCounts]:
    """Return the counts of all tries, by shard and try; a file that cannot be read is logged and left out."""
    found = []
    places = find_files(workspace / OUTCOMES, _NAME)
    for place, data in zip(places, ordered_map(read_whole, places, threads=threads_for(workspace)), strict=True):
        try:
            found.append(TryCounts(**json.loads(data or b"")))
        except (ValueError, TypeError) as error:
            log.warning("%s holds no counts and is left out: %s", place, error)
    return sorted(found, key=lambda item: (item.shard, item.try_number))


def sum_tries(tries: list[TryCounts]) -> TrySums:
    """Return what they come to."""
    refused: Counter[str] = Counter()
    for item in tries:
        refused.update(item.refused)
    last = {item.shard: item for item in tries}
    return TrySums(
        tries=len(tries),
        calls=sum(item.calls for item in tries),
        refused=dict(sorted(refused.items())),
        unknown=sum(item.unknown for item in tries),
        resent=sum(item.resent for item in tries),
        cut_off=sum(not item.ended for item in tries),
        errors={
            shard: item.error or "its process was killed"
            for shard, item in last.items()
            if item.error or not item.ended
        },
    )
