"""Tells who looks on how far a shard is: a small file, written every few seconds by a thread that nobody waits for.

A store that hangs holds up that thread and nothing else; what it could not write in time is written over by what is
true by then.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.dataset.report.live import LiveFolder, ShardProgress

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from airflow_provider_platerec_ocr.storage.path import StoragePath

EVERY_S = 5.0
"""Seconds between two writes."""
LAST_S = 1.0
"""Most seconds for which the end of a shard waits for its last write."""
log = logging.getLogger(__name__)


class LatestWriter:
    """Writes values from a thread of its own; of several that come meanwhile, only the last.

    :param write: blocks as long as it likes; what it raises is logged once.
    """

    def __init__(self, write: Callable[[ShardProgress], None]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._latest: ShardProgress | None = None
        self._closed = False
        self._silent = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="platerec-live")
        self._thread.start()

    def put(self, value: ShardProgress) -> None:
        """Have a value written; never waits."""
        with self._changed:
            self._latest = value
            self._changed.notify()

    def close(self, within_s: float = LAST_S) -> None:
        """Wait for the last write, but no longer than this."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(within_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._latest is not None or self._closed)
                value, self._latest = self._latest, None
            if value is None:
                return
            try:
                self._write(value)
            except Exception as error:  # noqa: BLE001  # each store has its own kinds, and nothing hangs on this
                if not self._silent:
                    self._silent = True
                    log.warning("Nobody can look on while this shard is read: %s", redact(str(error)))


class LiveProgress:
    """One shard, as who looks on sees it.

    :param workspace: folder of the run.
    :param shard: its number, from 0. :param shards: of the run.
    """

    def __init__(self, workspace: StoragePath, shard: int, shards: int, owner: Owner, clock: Clock) -> None:
        self._clock = clock
        self._begun_s = clock.monotonic()
        self._first = ShardProgress(
            run=workspace.name,
            shard=shard,
            shards=shards,
            dag_id=owner.dag_id,
            run_id=owner.run_id,
            try_number=owner.try_number,
            started_at=format_timestamp(clock.now()),
        )
        self._last = self._first
        self._writer = LatestWriter(LiveFolder(workspace.parent).write)

    async def often(self, context: ReadContext) -> None:
        """Say how far it is, again and again until cancelled."""
        while True:
            self.say(context)
            await self._clock.sleep(EVERY_S)

    def say(self, context: ReadContext) -> None:
        """Say how far it is now."""
        progress, limiter = context.progress, context.limiter
        elapsed_s = max(self._clock.monotonic() - self._begun_s, 1e-9)
        fresh, left = progress.done - progress.settled_before, progress.total - progress.done
        self._last = replace(
            self._first,
            total=progress.total,
            done=progress.done,
            images_per_s=round(fresh / elapsed_s, 3),
            rate_per_s=round(limiter.rate_per_s or limiter.account_rate_per_s, 3),
            rate_given=limiter.rate_is_given,
            in_flight=limiter.in_flight,
            from_ledger=progress.from_ledger,
            dead_letters=progress.dead_letters,
            refused=dict(progress.refused),
            eta_s=round(left * elapsed_s / fresh, 1) if fresh else (None if left else 0.0),
            at=format_timestamp(self._clock.now()),
        )
        self._writer.put(self._last)

    def end(self, error: Exception | None = None) -> None:
        """Say that the try has ended; waits for a moment at most."""
        said = "" if error is None else shorten(redact(f"{type(error).__name__}: {error}"))
        at = format_timestamp(self._clock.now())
        self._writer.put(replace(self._last, in_flight=0, eta_s=None, at=at, ended=True, error=said))
        self._writer.close()
