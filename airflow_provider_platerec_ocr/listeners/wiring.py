"""Who listens to a task: found out from Airflow's configuration and the task's context. The one wiring of listeners."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import conf, stats, task_state, tell_of_own_traces
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.events import RunEvent, of_owner
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.listeners import metrics, spans, state
from airflow_provider_platerec_ocr.listeners.ears import Ears, Listener
from airflow_provider_platerec_ocr.listeners.named import named
from airflow_provider_platerec_ocr.runtime.places import option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.events import RunStep
    from airflow_provider_platerec_ocr.core.models import Owner

log = logging.getLogger(__name__)
FLUSH_S = 5.0
"""Seconds for which those who listen to a plan or an export are waited for."""
_METRICS = ("statsd_on", "statsd_datadog_enabled", "otel_on")


def ears_for(context: Context | None = None) -> Ears | None:
    """Return who listens to a task that makes calls; ``None`` where nobody does.

    :param context: of the task, whose own state keeps its progress; ``None`` outside of a batch.
    """
    try:
        listeners = [*_everywhere(), *_own_state(context)]
        return Ears(listeners) if listeners else None
    except Exception:
        log.exception("Nobody can listen to this task.")
        return None


def tell(step: RunStep, owner: Owner, counts: Mapping[str, Any], *, error: Exception | None = None) -> None:
    """Tell those who listen where a run is, from a task that makes no calls itself; it never raises.

    :param counts: as the task returns them.
    """
    try:
        listeners = _everywhere()
        if not listeners:
            return
        spend = counts.get("spend") or {}
        event = RunEvent(
            at=format_timestamp(SystemClock().now()),
            step=step,
            counts=counts,
            calls_left=spend.get("calls_left"),
            error=None if error is None else type(error).__name__,
            **of_owner(owner),
        )
        ears = Ears(listeners)
        ears.tell(event)
        ears.close(FLUSH_S)
    except Exception:
        log.exception("Those who listen could not be told.")


def _everywhere() -> list[Listener]:
    """Return those who listen to whatever task."""
    found = named(option("listeners"))
    if any(conf.getboolean("metrics", name, fallback=False) for name in _METRICS):
        found.append(Listener("metrics", lambda: metrics.hearing(stats())))
    traced = spans.tracing()
    if traced is not None:
        tell_of_own_traces()
        found.append(Listener("spans", lambda: spans.hearing(*traced)))
    return found


def _own_state(context: Context | None) -> list[Listener]:
    store = None if context is None else task_state(context)
    return [] if store is None else [Listener("state", lambda: state.hearing(store), wants_calls=False)]
