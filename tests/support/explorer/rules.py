"""What an execution works with: the product's own classes, or others with one step left out or turned round.

Nothing is patched: an execution is handed the classes it works with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.engine.ledger import Ledger
from airflow_provider_platerec_ocr.engine.paying import Payer
from airflow_provider_platerec_ocr.engine.saving import Saver
from airflow_provider_platerec_ocr.engine.settling import Settler
from airflow_provider_platerec_ocr.engine.store import Store

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.records import Claim
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


class WatchedSaver(Saver):
    """The product's; whether it fails can be seen, whatever rule is taken out."""

    @property
    def fails(self) -> bool:
        return bool(self._troubled)


class WiredSettler(Settler):
    """The product's, with the payer it is given."""

    def __init__(self, context: ReadContext, saver: Saver, payer: Payer) -> None:
        super().__init__(context, saver)
        self._payer = payer


@dataclass(frozen=True)
class Rules:
    """What an execution works with; the defaults are the product's."""

    exclusive: bool = True
    """Whether the store's creation is exclusive."""
    probes: bool = True
    """Whether a ledger is opened with its probe."""
    adopts: bool = True
    """Whether opening a ledger takes in what was spilled on this machine."""
    lease_s: float | None = None
    """Instead of the time from claim to POST, a call and a save."""
    store: type[Store] = Store
    ledger: type[WatchedLedger] = WatchedLedger
    saver: type[WatchedSaver] = WatchedSaver
    payer: type[Payer] = Payer
    settler: type[WiredSettler] = WiredSettler


PRODUCT = Rules()
