"""What an execution works with: the product's own classes, or others with one step left out or turned round.

Nothing is patched: an execution is handed the classes it works with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.purse import RunPurse
from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
from airflow_provider_platerec_ocr.engine.reading.answer_writer import AnswerWriter
from airflow_provider_platerec_ocr.engine.reading.outage import Rejections
from airflow_provider_platerec_ocr.engine.reading.paid_call import PaidCaller
from airflow_provider_platerec_ocr.engine.reading.resolver import Resolver
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.engine.ledger.records import Claim
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from support.explorer.process import Process


class WatchedLedger(Ledger):
    """The product's; the books learn which claim a process thinks it has."""

    _process: Process

    def watch(self, process: Process) -> None:
        self._process = process

    def claim(self, type_: str, fingerprint: str, number: int, facts: dict[str, Any]) -> Claim | None:
        claim = super().claim(type_, fingerprint, number, facts)
        if claim is not None:
            self._process.world.books.holds(self._process, claim)
        return claim


class WatchedAnswerWriter(AnswerWriter):
    """The product's; whether it fails can be seen, whatever rule is taken out."""

    @property
    def fails(self) -> bool:
        return bool(self._troubled)


class WiredResolver(Resolver):
    """The product's, with the paid_caller it is given."""

    def __init__(self, context: ReadContext, answer_writer: AnswerWriter, paid_caller: PaidCaller) -> None:
        super().__init__(context, answer_writer)
        self._paid_caller = paid_caller


@dataclass(frozen=True)
class Rules:
    """What an execution works with; the defaults are the product's."""

    exclusive: bool = True
    """Whether the store's creation is exclusive."""
    probes: bool = True
    """Whether a ledger is opened with its probe."""
    adopts: bool = True
    """Whether opening a ledger takes in what was spilled on this machine."""
    drains: bool = True
    """Whether a process takes SIGTERM as the wish to drain."""
    spares_calls: bool = True
    """Whether a stop leaves the calls in flight alone."""
    lease_s: float | None = None
    """Instead of the time from claim to POST, a call and a save."""
    store: type[Store] = Store
    ledger: type[WatchedLedger] = WatchedLedger
    answer_writer: type[WatchedAnswerWriter] = WatchedAnswerWriter
    paid_caller: type[PaidCaller] = PaidCaller
    resolver: type[WiredResolver] = WiredResolver
    rejections: type[Rejections] = Rejections
    purse: type[RunPurse] = RunPurse
    purse_files: type[PurseFiles] = PurseFiles
    doubts_the_dead: bool = True
    """Whether what a killed try had drawn comes back only as far as the ledger says that it was not spent."""


PRODUCT = Rules()
