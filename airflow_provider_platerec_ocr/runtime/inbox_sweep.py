"""The sweep through the inbox of webhooks: what is new, whose it is, its publication; in steps that may be repeated.

No step relies on the one before having been made by the same process: a sweep is written into the log whole, published
from there, and marked. It knows no Airflow.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.dataset.plan.done import done_keys
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.table.received import publish_outcomes, publishable
from airflow_provider_platerec_ocr.runtime.received_call import Origin, outcome_of
from airflow_provider_platerec_ocr.runtime.sweep_log import Sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.runtime.received_call import OurCalls
    from airflow_provider_platerec_ocr.runtime.sweep_log import SweepLog
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.webhook.inbox import Inbox
    from airflow_provider_platerec_ocr.webhook.payload import Payload

PAYLOADS_PER_SWEEP = 1000
"""Most payloads of one sweep, which is one file of the log and one of the dataset."""
LONGEST_WAIT_S = 90.0
"""Most seconds for what is still being received; the inbox holds nothing back for longer than 60 s."""
CLOCKS_DIFFER_S = 2.0
"""Seconds by which the receiver's clock may be ahead of this one."""
LOOK_EVERY_S = 1.0
COUNTS = ("payloads", "reads", "rows", "nothing_found", "dead_letters", "ours", "settled", "known", "files", "sweeps")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sweeper:
    """Takes what is new in an inbox into a dataset."""

    inbox: Inbox
    """Where payloads are."""
    log: SweepLog
    """How far the inbox was read for this dataset."""
    ours: OurCalls
    """Knows the calls of our own."""
    dataset: StoragePath
    """Folder of the reads."""
    dead_letters: StoragePath
    """Folder of the dead letters."""
    run: RunRef
    """Whose rows they will be."""
    types: dict[str | None, str]
    """What the others read, by camera; ``None`` for all that are not named."""
    clock: Clock
    """Where time comes from."""
    at_once: int = PAYLOADS_PER_SWEEP
    """Most payloads of one sweep."""
    run_ids: set[str] = field(default_factory=set)
    """Runs whose rows were published: this one's, and those that died before they could."""
    _counts: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        """Return what was found and published, for XCom and asset events."""
        return {"calls_billed": 0} | {name: self._counts[name] for name in COUNTS}

    def sweep(self) -> None:
        """Take everything that is in the inbox now, also what the inbox holds back for a moment."""
        begun = self.clock.now() + timedelta(seconds=CLOCKS_DIFFER_S)
        give_up = self.clock.monotonic() + LONGEST_WAIT_S
        while True:
            last = self._publish_waiting()
            after = last.until if last else ""
            if not self.inbox.waits(after, begun):
                break
            payloads = list(self.inbox.scan(after, self.at_once))
            if payloads:
                self._take(last, payloads)
            elif self.clock.monotonic() >= give_up:
                log.warning("The inbox still holds something back; the next sweep takes it.")
                break
            else:
                self.clock.pause(LOOK_EVERY_S)
        self.log.tidy()

    def _publish_waiting(self) -> Sweep | None:
        """Publish every sweep that may not have been, and return the last one."""
        last, waiting = self.log.open()
        for sweep in waiting:
            self._publish(sweep)
        return last

    def _take(self, last: Sweep | None, payloads: Sequence[Payload]) -> None:
        """Write the next sweep into the log, unless somebody else is faster."""
        known = self.log.recent_ids()
        fresh = [payload for payload in payloads if payload.id not in known]
        origins = Counter[str]()
        others = []
        for payload, origin in zip(fresh, self.ours.sort(fresh), strict=True):
            origins[origin] += 1
            if origin is Origin.FORGOTTEN:
                self.inbox.forget(payload.id)
            if origin is Origin.OTHERS:
                others.append(payload)
        outcomes = [outcome_of(payload, row, self._type(payload)) for row, payload in enumerate(others, start=1)]
        news = self._unpublished(outcomes) if last is None else outcomes
        sweep = Sweep(
            number=last.number + 1 if last else 1,
            until=payloads[-1].cursor,
            dag_id=self.run.dag_id,
            run_id=self.run.run_id,
            date=self.run.date,
            at=format_timestamp(self.clock.now()),
            ids=tuple(payload.id for payload in payloads),
            outcomes=publishable(news, self.run),
        )
        if self.log.begin(sweep):
            self._counts["payloads"] += len(payloads)
            self._counts["ours"] += len(fresh) - origins[Origin.OTHERS]
            self._counts["settled"] += origins[Origin.SETTLED]
            self._counts["known"] += len(payloads) - len(fresh) + len(outcomes) - len(news)

    def _unpublished(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Leave out what the tables have; asked where there is no log, which may have been lost."""
        done = done_keys(self.dataset, self.dead_letters, retry_rejected=False)
        return [each for each in outcomes if identity_key(each.type, each.image, each.image_version) not in done]

    def _publish(self, sweep: Sweep) -> None:
        """Publish a sweep and mark it; the same sweep gives the same bytes, whoever publishes it."""
        if sweep.outcomes:
            run = RunRef(sweep.dag_id, sweep.run_id, sweep.date, group=f"inbox-{sweep.number:010d}")
            try:
                result = publish_outcomes(
                    sweep.outcomes, dataset=self.dataset, dead_letters=self.dead_letters, run=run, at=sweep.at
                )
            except OSError:
                if self.log.is_done(sweep):  # somebody else published it meanwhile, and tidied our half
                    return
                raise
            self.run_ids.add(sweep.run_id)
            for name in ("reads", "rows", "nothing_found"):
                self._counts[name] += getattr(result, name)
            self._counts["dead_letters"] += sum(result.dead_letters.values())
            self._counts["files"] += len(result.files)
        self._counts["sweeps"] += 1
        self.log.finish(sweep)

    def _type(self, payload: Payload) -> str:
        camera = payload.data.get("camera_id")
        return self.types.get(str(camera), self.types[None])
