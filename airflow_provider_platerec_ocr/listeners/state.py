"""How far a read task is, in the task's own state, which Airflow shows from 3.3 on; the log has it everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.events import RunEvent, RunStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.events import Event

KEY = "platerec_ocr"
"""Of the task's state."""
EVERY_S = 10.0
"""Seconds between two writes: each is a request to the API server."""


def hearing(store: Any, clock: Clock | None = None) -> Callable[[Event], None]:
    """Return what keeps the progress of a read task in its state.

    :param store: the task's own, ``context["task_state_store"]``.
    """
    clock = clock or SystemClock()
    last: float | None = None

    def hear(event: Event) -> None:
        nonlocal last
        if not isinstance(event, RunEvent):
            return
        now = clock.monotonic()
        if event.step is not RunStep.READ and last is not None and now - last < EVERY_S:
            return
        last = now
        store.set(KEY, progress_of(event))

    return hear


def progress_of(event: RunEvent) -> dict[str, Any]:
    """Return what is kept of a read task: counts and figures, no lists."""
    return {
        "step": event.step.value,
        "at": event.at,
        "done": event.done,
        "total": event.total,
        "in_flight": event.in_flight,
        "rate_per_s": event.rate_per_s,
        "calls_left": event.calls_left,
        "error": event.error,
        "counts": dict(event.counts),
    }
