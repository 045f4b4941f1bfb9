"""OpenTelemetry spans of calls, below the span of the task, where OpenTelemetry is installed and somebody takes spans.

Nothing here is needed: without the package, or without a provider that keeps spans, there is no such listener.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.events import CallEnd, CallEvent, RunStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.events import Event, RunEvent

NAME = "airflow_provider_platerec_ocr"
CALL_SPAN, SHARD_SPAN = "platerec_ocr.call", "platerec_ocr.shard"
_FINE = (CallEnd.ANSWERED, CallEnd.REJECTED)
_NS = 1_000_000_000


def keeps_spans(provider: Any) -> bool:
    """Return whether a tracer provider keeps spans at all: OpenTelemetry's own stand-ins do not."""
    return type(provider).__name__ not in {"ProxyTracerProvider", "NoOpTracerProvider", "DefaultTracerProvider"}


def tracing() -> tuple[Any, Any] | None:
    """Return tracer and context of the task that is running, for :func:`hearing`; ``None`` where nobody keeps spans."""
    try:
        from opentelemetry import context, trace  # it need not be installed
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    return (provider.get_tracer(NAME), context.get_current()) if keeps_spans(provider) else None


def hearing(tracer: Any, parent: Any) -> Callable[[Event], None]:
    """Return what makes spans of events.

    :param tracer: OpenTelemetry's.
    :param parent: context of the span that they belong below.
    """
    begun: dict[int, int] = {}

    def hear(event: Event) -> None:
        if isinstance(event, CallEvent):
            _call(tracer, parent, event)
        elif event.step is RunStep.BEGUN:
            begun[event.map_index] = _ns(event.at)
        elif event.step is RunStep.READ:
            _shard(tracer, parent, event, begun.get(event.map_index, _ns(event.at)))

    return hear


def _call(tracer: Any, parent: Any, event: CallEvent) -> None:
    ended = _ns(event.at)
    known = {name: value for name, value in event.to_json().items() if value not in {None, ""} and name != "at"}
    attributes = {f"platerec_ocr.{name}": str(value) if name == "end" else value for name, value in known.items()}
    began = ended - round(event.elapsed_s * _NS)
    span = tracer.start_span(CALL_SPAN, context=parent, start_time=began, attributes=attributes)
    _fail(span, None if event.end in _FINE else event.error)
    span.end(end_time=ended)


def _shard(tracer: Any, parent: Any, event: RunEvent, began: int) -> None:
    attributes = {f"platerec_ocr.{name}": value for name, value in event.counts.items() if value}
    span = tracer.start_span(SHARD_SPAN, context=parent, start_time=began, attributes=attributes)
    _fail(span, event.error)
    span.end(end_time=_ns(event.at))


def _fail(span: Any, error: str | None) -> None:
    if error is None:
        return
    from opentelemetry.trace import Status, StatusCode  # whoever has a span has it

    span.set_status(Status(StatusCode.ERROR, error))


def _ns(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * _NS)
