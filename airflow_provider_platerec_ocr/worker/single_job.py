"""One image to read outside a batch, as a value that can be handed to another process, and the reading itself.

It is the same engine, ledger and limits as a shard's, without a workspace: how it ended goes back to the parent, and
the answer is in the ledger, whatever becomes of the parent.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.events import Events
from airflow_provider_platerec_ocr.core.images.alike import ByItself
from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reading.batch import Batch
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.engine.reading.toolbox import Toolbox
from airflow_provider_platerec_ocr.storage.path import StoragePath, place_below
from airflow_provider_platerec_ocr.webhook.answers import Answers
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.worker.ended import Ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, Owner, PlannedImage
    from airflow_provider_platerec_ocr.core.settings import ClientSettings

_THREADS = 4
"""Threads for the ledger and the image."""


@dataclass(frozen=True, slots=True)
class SingleJob:
    """One image to read. It holds the token, so it is never written down; it goes to the child through a pipe."""

    settings: ClientSettings
    """Account and limits."""
    image: PlannedImage
    """What to read."""
    owner: Owner
    """Who pays."""
    ledger: StoragePath
    """Folder of the ledger."""
    spill: Path
    """Folder on this machine for an answer that the ledger does not take."""
    roots: tuple[StoragePath, ...] = ()
    """Folders that the image may lie in, opened; no effect where ``content`` is given."""
    content: bytes | None = field(default=None, repr=False)
    """The image itself, where it is no file."""
    inbox: StoragePath | None = None
    """Folder of the inbox of webhooks, which settles what is in doubt; ``None`` where there is none."""
    options: ReadOptions = field(default_factory=ReadOptions)
    """The user's choices about reading."""
    shrink: bool = False
    """Whether an image over the limit is shrunk."""
    soft_timeout_s: float | None = None
    """Seconds after which no call starts any more; ``None``: no limit."""
    signed_urls: dict[tuple[str, str | None], str] = field(default_factory=dict, repr=False)
    """Identity of the image to its ``upload_url`` with the signature."""

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events | None = None) -> Ended:
        """Read the image on an event loop of its own and return its outcome; its answer is saved by then."""
        return asyncio.run(self._read(started, events or Events()))

    def leave_note(self, ended: Ended, begun: datetime) -> None:
        """Leave none: the answer is in the ledger, where the next try finds it."""

    async def _read(self, started: Callable[[Callable[[Exception], None]], None], events: Events) -> Ended:
        loop, stop, outcomes = asyncio.get_running_loop(), StopSignal(), []
        clock = SystemClock()
        begun = clock.monotonic()

        def end_early(reason: Exception) -> None:
            with suppress(RuntimeError):  # the loop is closed: the reading had ended by itself
                loop.call_soon_threadsafe(stop.set, reason)

        async def keep(outcome: Outcome) -> None:
            outcomes.append(outcome)

        started(end_early)
        progress = Progress(total=1)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="platerec") as pool:
            ledger = await loop.run_in_executor(pool, self._open_ledger)
            async with OCRClient(self.settings, clock=clock) as client:
                left_s = None if self.soft_timeout_s is None else begun + self.soft_timeout_s - clock.monotonic()
                toolbox = replace(self._toolbox(ledger, stop, progress, left_s), events=events)
                tools = toolbox.tools(client, pool)
                await Batch(tools, keep).run([self.image])
        last = outcomes[-1] if outcomes else None  # a doubt that was settled at the end comes twice
        read = last is not None and last.status == ReadStatus.READ
        return Ended(progress.counts(), None if read else tools.stop.reason, last)

    def _open_ledger(self) -> Ledger:
        lease_s = self.settings.lease_s
        ledger = Ledger.open(self.ledger, lease_s=lease_s, clock=SystemClock(), owner=self.owner, spill=self.spill)
        ledger.paid_under(self.settings.base_url)
        return ledger

    def _toolbox(self, ledger: Ledger, stop: StopSignal, progress: Progress, left_s: float | None) -> Toolbox:
        roots, opener = self.roots, lambda uri: place_below(self.roots, uri)
        if not roots or self.content is not None:
            held = StoragePath(_Held(self.content or b""), self.image.uri or "bytes/image.jpg", "memory")
            roots, opener = (held.parent,), lambda _: held
        return Toolbox(
            settings=self.settings,
            owner=self.owner,
            ledger=ledger,
            clock=SystemClock(),
            progress=progress,
            stop=stop,
            roots=roots,
            opener=opener,
            shrink=self.shrink,
            options=self.options,
            soft_timeout_s=left_s,
            late_answers=None if self.inbox is None else Answers(Inbox(self.inbox, clock=SystemClock())),
            signed_urls=self.signed_urls,
            run_facts={"single": True},
            fellows=ByItself(),
        )


class _Held:
    """The one "file" of bytes that are already in memory, with as much of fsspec as the image loader asks for."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def cat_file(self, _path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return the bytes between ``start`` and ``end``."""
        return self._content[start:end]

    def info(self, _path: str) -> dict[str, Any]:
        """Return what they are."""
        return {"type": "file", "size": len(self._content)}
