"""Airflow's own metrics of calls and runs: StatsD, Datadog or OpenTelemetry, wherever Airflow's own figures go.

Plain StatsD knows no tags, so whatever a figure is counted by is part of its name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.events import CallEnd, CallEvent, RunStep
from airflow_provider_platerec_ocr.core.models import ReadStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.events import Event, RunEvent

PREFIX = "platerec_ocr"
CALLS = f"{PREFIX}.calls"
REFUSALS = f"{PREFIX}.refusals"
BILLED = f"{PREFIX}.billed"
DOUBTS = f"{PREFIX}.doubts"
DURATION = f"{PREFIX}.call_duration"
IN_FLIGHT = f"{PREFIX}.in_flight"
RATE = f"{PREFIX}.rate"
CALLS_LEFT = f"{PREFIX}.calls_left"
IMAGES = f"{PREFIX}.images"
FROM_LEDGER = f"{PREFIX}.from_ledger"
PLANNED = f"{PREFIX}.run.planned"
IN_DOUBT = f"{PREFIX}.run.in_doubt"
DEAD_LETTERS = f"{PREFIX}.run.dead_letters"
RUN_BILLED = f"{PREFIX}.run.billed"
_TURNED_AWAY = (CallEnd.REFUSED, CallEnd.NOT_SENT)


def hearing(stats: Any) -> Callable[[Event], None]:
    """Return what makes metrics of events.

    :param stats: ``incr``, ``gauge`` and ``timing``, as Airflow's ``Stats`` has them.
    """

    def hear(event: Event) -> None:
        if isinstance(event, CallEvent):
            _call(stats, event)
        else:
            _run(stats, event)

    return hear


def _call(stats: Any, event: CallEvent) -> None:
    tags = {"dag_id": event.dag_id, "task_id": event.task_id, "type": event.type}
    stats.incr(f"{CALLS}.{event.end}", tags=tags)
    if event.billed:
        stats.incr(BILLED, tags=tags)
    if event.end in _TURNED_AWAY:
        stats.incr(f"{REFUSALS}.{event.http_status or CallEnd.NOT_SENT}", tags=tags)
    if event.end is CallEnd.UNKNOWN:
        stats.incr(DOUBTS, tags=tags)
    if event.end is not CallEnd.NOT_SENT:
        stats.timing(DURATION, timedelta(seconds=event.elapsed_s), tags=tags)


def _run(stats: Any, event: RunEvent) -> None:
    tags = {"dag_id": event.dag_id, "task_id": event.task_id, "map_index": str(event.map_index)}
    if event.calls_left is not None:
        stats.gauge(CALLS_LEFT, event.calls_left, tags={"dag_id": event.dag_id})
    if event.step in {RunStep.PROGRESS, RunStep.READ}:
        stats.gauge(IN_FLIGHT, event.in_flight or 0, tags=tags)
        stats.gauge(RATE, event.rate_per_s or 0.0, tags=tags)
    run = {"dag_id": event.dag_id}
    match event.step:
        case RunStep.READ:
            for status in ReadStatus:
                if count := event.counts.get(status, 0):
                    stats.incr(f"{IMAGES}.{status}", count=count, tags=run)
            if count := event.counts.get("from_ledger", 0):
                stats.incr(FROM_LEDGER, count=count, tags=run)
        case RunStep.PLANNED:
            stats.gauge(PLANNED, event.counts.get("planned", 0), tags=run)
        case RunStep.PUBLISHED:
            for name, key in ((IN_DOUBT, "in_doubt"), (DEAD_LETTERS, "dead_letters"), (RUN_BILLED, "calls_billed")):
                stats.gauge(name, event.counts.get(key, 0), tags=run)
        case _:
            pass
