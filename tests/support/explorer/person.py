"""A person who settles what is in doubt with the product's own command, and knows what really happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, LedgerDecision
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.store import Store
from support.explorer.clocks import WorkerClock
from support.explorer.laws import BILLED, REFUSED, SENT

if TYPE_CHECKING:
    from support.explorer.world import World


def settle(world: World) -> None:
    """Settle the first attempt in doubt of each image: with its answer, or as released where nothing was billed.

    A call that the API has not worked on yet is left alone: not even its account tells.
    """
    lease_s = world.scenario.call_s[0] + 4.0
    clock = WorkerClock(world, 0.0)
    ledger = Ledger(Store(world.store.place()), lease_s=lease_s, clock=clock, owner=Owner("admin"))
    admin = LedgerAdmin(ledger, clock)
    for _, mark in world.images:
        try:
            _settle(world, admin, mark)
        except OCRLedgerError:  # the store is down: the person looks at something else
            return


def _settle(world: World, admin: LedgerAdmin, mark: str) -> None:
    for found in admin.find(mark, "vin"):
        for attempt in admin.in_doubt(found)[:1]:
            calls = [call for call in world.books.calls if (call.fingerprint, call.number) == (mark, attempt.number)]
            if any(call.state == SENT for call in calls):
                continue
            billed = [call for call in calls if call.state == BILLED]
            end, answer = (End.ANSWER, billed[0].raw) if billed else (End.RELEASED, None)
            admin.settle(found, LedgerDecision(end, "a person", "looked it up", answer), number=attempt.number)
            world.books.seen.add(f"a person settles: {end}")
            for call in calls:
                call.state = BILLED if billed else REFUSED
