"""What reading needs, in one frozen bundle, so that its parts are handed in and never looked up.

It is built once per task by the wiring. File system and ledger calls block, so they run in the pool given here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_platerec_ocr.core.backoff import Backoff
from airflow_provider_platerec_ocr.core.events import Events
from airflow_provider_platerec_ocr.core.images.alike import Fellows
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.purse import OpenPurse
from airflow_provider_platerec_ocr.engine.reading.progress import log_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.engine.client.client import OCRClient
    from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
    from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
    from airflow_provider_platerec_ocr.engine.reading.progress import Progress
    from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Choices of the user about reading."""

    in_doubt: InDoubtPolicy = InDoubtPolicy.RESEND
    """What to do with calls of unknown outcome."""
    as_base64: bool = False
    """Send bytes as base64 instead of as a file."""
    prefetch: int = 24
    """Most images whose bytes are in memory at once, waiting to be sent."""
    refusals_per_image: int = 8
    """503s in a row after which one image is left for the next run."""
    give_up_after_s: float = 900.0
    """Seconds without a single success after which the task stops and leaves the rest to Airflow's retry."""
    unknown_in_a_row: int = 20
    """Calls of unknown outcome in a row after which the task stops: each may have been billed."""
    unread_in_a_row: int = 5
    """Whole answers in a row that are no reads after which the task stops: the API speaks another dialect."""
    rejected_in_a_row: int = 20
    """Rejections in a row with the same words, and no read between them, after which the task stops."""
    ledger_patience_s: float = 10.0
    """Seconds for which a ledger that cannot be asked or claimed in is tried again before the task stops."""
    save_for_s: float = 600.0
    """Seconds for which saving an answer is tried again where there is no soft deadline."""
    fail_without_calls: bool = False
    """Stop where an image finds no call that the plan had for it, instead of carrying it over."""


@dataclass(frozen=True, slots=True)
class ReadContext:
    """One task's tools for reading images."""

    client: OCRClient
    ledger: Ledger
    limiter: StartLimiter
    loader: ImageLoader
    settings: ClientSettings
    clock: Clock
    pool: Executor
    stop: StopSignal
    progress: Progress
    owner: Owner = field(default_factory=Owner)
    options: ReadOptions = field(default_factory=ReadOptions)
    backoff: Backoff = field(default_factory=Backoff)
    deadline: float | None = None
    """Soft deadline on the clock's monotonic time, after which nothing new starts."""
    late_answers: Callable[[str, str], dict[str, Any] | None] | None = None
    """Returns the raw answer that came another way for a type and a fingerprint, else ``None``; blocks, may raise."""
    signed_urls: Mapping[tuple[str, str | None], str] = field(default_factory=dict, repr=False)
    """Identity of an image to its full ``upload_url``; its signature is a secret and lives in memory only."""
    run_facts: Mapping[str, Any] = field(default_factory=dict)
    """What the ledger keeps of the run with each call: its day, manifest and dataset."""
    purse: OpenPurse = field(default_factory=OpenPurse)
    """Where each paid call takes one of those that its run was granted."""
    events: Events = field(default_factory=lambda: Events(log_line))
    """Where what happens is told."""
    fellows: Fellows = field(default_factory=Fellows)
    """The other shards of the run, as far as rejections go."""

    async def io(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Run a blocking function in the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(function, *args, **kwargs))

    async def rest(self, seconds: float) -> None:
        """Sleep for ``seconds``, or until the stop signal."""
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()
