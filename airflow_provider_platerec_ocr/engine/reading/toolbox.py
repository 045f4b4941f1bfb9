"""The one place where a reading's tools are put together, for a shard and for a single image alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.events import Events
from airflow_provider_platerec_ocr.core.images.alike import Fellows
from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader
from airflow_provider_platerec_ocr.engine.ledger.purse import OpenPurse
from airflow_provider_platerec_ocr.engine.ledger.reservations import account_id
from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
from airflow_provider_platerec_ocr.engine.reading.context import ReadContext, ReadOptions
from airflow_provider_platerec_ocr.engine.reading.progress import log_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.engine.client.client import OCRClient
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
    from airflow_provider_platerec_ocr.engine.reading.progress import Progress
    from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What a reading is told, from which its tools are made."""

    settings: ClientSettings
    """Account and limits."""
    owner: Owner
    """Who pays."""
    ledger: Ledger
    """Where it is written down."""
    clock: Clock
    """Where time comes from."""
    progress: Progress
    """What is counted."""
    stop: StopSignal
    """Ends the reading early."""
    roots: Sequence[StoragePath]
    """Folders that images may lie in; at least one."""
    opener: Opener
    """Opens an image's place."""
    shrink: bool = False
    """Whether images over the limit are shrunk."""
    options: ReadOptions = field(default_factory=ReadOptions)
    """The user's choices about reading."""
    soft_timeout_s: float | None = None
    """Seconds from :meth:`tools` on after which nothing new starts; ``None``: no limit."""
    late_answers: Callable[[str, str], dict[str, Any] | None] | None = None
    """See :attr:`.context.ReadContext.late_answers`."""
    signed_urls: Mapping[tuple[str, str | None], str] = field(default_factory=dict, repr=False)
    """Identity of an image to its ``upload_url`` with the signature."""
    run_facts: Mapping[str, Any] = field(default_factory=dict)
    """See :attr:`.context.ReadContext.run_facts`."""
    planned_shards: int = 1
    """Shards of the run that share the account's rate."""
    purse: OpenPurse = field(default_factory=OpenPurse)
    """See :attr:`.context.ReadContext.purse`."""
    events: Events = field(default_factory=lambda: Events(log_line))
    """See :attr:`.context.ReadContext.events`."""
    fellows: Fellows = field(default_factory=Fellows)
    """See :attr:`.context.ReadContext.fellows`."""

    def tools(self, client: OCRClient, pool: Executor) -> ReadContext:
        """Return the tools; on the event loop on which they are used.

        :param pool: for what blocks: ledger, images, and the board of the account's rate.
        """
        settings = self.settings
        return ReadContext(
            client=client,
            ledger=self.ledger,
            limiter=StartLimiter(
                clock=self.clock,
                ceiling_per_s=settings.rate_per_s,
                max_in_flight=settings.max_in_flight,
                board=PaceBoard(self.ledger.board(account_id(settings))),
                planned_shards=self.planned_shards,
                executor=pool,
                lease_s=settings.lease_s,
            ),
            loader=ImageLoader(
                roots=self.roots, opener=self.opener, max_bytes=settings.max_upload_bytes, shrink=self.shrink
            ),
            settings=settings,
            clock=self.clock,
            pool=pool,
            stop=self.stop,
            progress=self.progress,
            owner=self.owner,
            options=self.options,
            deadline=None if self.soft_timeout_s is None else self.clock.monotonic() + self.soft_timeout_s,
            late_answers=self.late_answers,
            signed_urls=self.signed_urls,
            run_facts=self.run_facts,
            purse=self.purse,
            events=self.events,
            fellows=self.fellows,
        )
