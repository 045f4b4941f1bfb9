"""What each listener makes of events: metrics, spans, the task's own state, a user's own function."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, StatusCode

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.events import CallEnd, CallEvent, RunEvent, RunStep
from airflow_provider_platerec_ocr.listeners import metrics, spans, state
from airflow_provider_platerec_ocr.listeners.named import named
from support.clock import FakeClock

BEGAN, AT = "2026-03-01T21:59:00Z", "2026-03-01T22:00:00Z"


def call(end: CallEnd, **fields: Any) -> CallEvent:
    return CallEvent(at=AT, end=end, elapsed_s=fields.pop("elapsed_s", 21.5), dag_id="nightly", type="vin", **fields)


def run(step: RunStep, at: str = AT, **fields: Any) -> RunEvent:
    return RunEvent(at=at, step=step, dag_id="nightly", task_id="read", map_index=0, **fields)


class Stats:
    """Takes metrics as Airflow's own does."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.gauges: dict[str, float] = {}
        self.timings: dict[str, timedelta] = {}

    def incr(self, stat: str, count: int = 1, *, tags: dict[str, str]) -> None:
        assert tags["dag_id"] == "nightly"
        self.counts[stat] = self.counts.get(stat, 0) + count

    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> None:
        assert all(isinstance(text, str) for text in tags.values())
        self.gauges[stat] = value

    def timing(self, stat: str, dt: timedelta, *, tags: dict[str, str]) -> None:
        assert tags["type"] == "vin"
        self.timings[stat] = dt


@pytest.mark.parametrize(
    ("event", "counts", "timed"),
    [
        (call(CallEnd.ANSWERED, billed=True), {"calls.answered": 1, "billed": 1}, True),
        (call(CallEnd.REJECTED, http_status=400), {"calls.rejected": 1}, True),
        (call(CallEnd.REFUSED, http_status=429, billed=False), {"calls.refused": 1, "refusals.429": 1}, True),
        (call(CallEnd.REFUSED, http_status=503), {"calls.refused": 1, "refusals.503": 1}, True),
        (call(CallEnd.NOT_SENT, billed=False), {"calls.not_sent": 1, "refusals.not_sent": 1}, False),
        (call(CallEnd.UNKNOWN), {"calls.unknown": 1, "doubts": 1}, True),
        (call(CallEnd.STOPPED, http_status=401, billed=False), {"calls.stopped": 1}, True),
    ],
)
def test_each_call_is_counted_by_its_end(event: CallEvent, counts: dict[str, int], *, timed: bool) -> None:
    stats = Stats()

    metrics.hearing(stats)(event)

    assert stats.counts == {f"platerec_ocr.{name}": number for name, number in counts.items()}
    assert list(stats.timings.values()) == ([timedelta(seconds=21.5)] if timed else [])


def test_a_run_gives_figures_of_what_goes_on_and_of_how_it_ended() -> None:
    stats = Stats()
    hear = metrics.hearing(stats)

    hear(run(RunStep.PLANNED, counts={"planned": 9}))
    hear(run(RunStep.BEGUN))
    hear(run(RunStep.PROGRESS, in_flight=31, rate_per_s=8.0, calls_left=400))
    assert stats.gauges == {
        "platerec_ocr.run.planned": 9,
        "platerec_ocr.in_flight": 31,
        "platerec_ocr.rate": 8.0,
        "platerec_ocr.calls_left": 400,
    }
    hear(run(RunStep.READ, counts={"read": 7, "rejected": 2, "from_ledger": 3, "in_doubt": 0}))
    hear(run(RunStep.PUBLISHED, counts={"in_doubt": 1, "dead_letters": 2, "calls_billed": 4}))

    assert stats.counts == {
        "platerec_ocr.images.read": 7,
        "platerec_ocr.images.rejected": 2,
        "platerec_ocr.from_ledger": 3,
    }
    assert stats.gauges["platerec_ocr.in_flight"] == 0
    assert [stats.gauges[f"platerec_ocr.run.{name}"] for name in ("in_doubt", "dead_letters", "billed")] == [1, 2, 4]


def test_each_call_is_a_span_with_its_own_beginning_and_end() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("task") as task:
        hear = spans.hearing(tracer, context.get_current())
    hear(run(RunStep.BEGUN, BEGAN))
    hear(call(CallEnd.ANSWERED, image="a.jpg", row=7, billed=True))
    hear(call(CallEnd.REFUSED, error="OCRRateLimited", http_status=429))
    hear(run(RunStep.PROGRESS))
    hear(run(RunStep.READ, counts={"read": 1}, error="OCRDrained"))

    fine, refused, shard = kept.get_finished_spans()[1:]
    assert [span.name for span in (fine, refused, shard)] == [
        "platerec_ocr.call",
        "platerec_ocr.call",
        "platerec_ocr.shard",
    ]
    assert (fine.end_time or 0) - (fine.start_time or 0) == 21_500_000_000
    assert (shard.end_time or 0) - (shard.start_time or 0) == 60_000_000_000
    assert {span.parent.span_id for span in (fine, refused, shard) if span.parent} == {task.get_span_context().span_id}
    attributes = fine.attributes or {}
    assert (attributes["platerec_ocr.end"], attributes["platerec_ocr.row"]) == ("answered", 7)
    assert [span.status.status_code for span in (fine, refused, shard)] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
        StatusCode.ERROR,
    ]


@pytest.mark.parametrize(
    ("provider", "keeps"), [(TracerProvider(), True), (ProxyTracerProvider(), False), (NoOpTracerProvider(), False)]
)
def test_spans_are_made_only_where_somebody_keeps_them(provider: Any, *, keeps: bool) -> None:
    assert spans.keeps_spans(provider) is keeps


def test_the_tasks_state_has_the_progress_at_most_every_ten_seconds_and_always_the_end() -> None:
    clock, kept = FakeClock(), []
    hear = state.hearing(SimpleNamespace(set=lambda key, value: kept.append((key, value))), clock)

    hear(run(RunStep.BEGUN, done=0, total=9))
    hear(call(CallEnd.ANSWERED))
    hear(run(RunStep.PROGRESS, done=1, total=9))
    clock.tick(30.0)
    hear(run(RunStep.PROGRESS, done=5, total=9, in_flight=4))
    hear(run(RunStep.READ, done=9, total=9, counts={"read": 9}))

    assert [(key, value["step"], value["done"]) for key, value in kept] == [
        ("platerec_ocr", "begun", 0),
        ("platerec_ocr", "progress", 5),
        ("platerec_ocr", "read", 9),
    ]
    assert kept[-1][1]["counts"] == {"read": 9}


def test_a_users_own_function_is_found_by_its_name() -> None:
    found = named(" airflow_provider_platerec_ocr.core.events:CallEvent.to_json , json:dumps, json:dumps ,")

    assert [each.name for each in found] == [
        "airflow_provider_platerec_ocr.core.events:CallEvent.to_json",
        "json:dumps",
    ]
    assert found[0].begin() is CallEvent.to_json
    assert named("") == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("json.dumps", OCRConfigError),
        (":dumps", OCRConfigError),
        ("json:", OCRConfigError),
        ("json:__name__", OCRConfigError),
        ("json:nothing", AttributeError),
        ("no_such_module_anywhere:hear", ModuleNotFoundError),
    ],
)
def test_a_name_that_is_none_fails_when_the_listener_begins(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        named(name)[0].begin()
