"""Who listens to a task: as Airflow's configuration and the task's context say, else nobody."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from airflow_provider_platerec_ocr import compat
from airflow_provider_platerec_ocr.core.errors import OCRIncomplete
from airflow_provider_platerec_ocr.core.events import RunEvent, RunStep
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.listeners import wiring
from support import heard

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.events import Event

OWNER = Owner("nightly", "r1", "ocr.plan")
COUNTS = {"planned": 9, "spend": {"calls_left": 400}}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the listener hears that the configuration names."""
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LISTENERS", "support.heard:heard")
    heard.EVENTS.clear()
    return heard.EVENTS


def test_where_nothing_is_asked_for_nobody_listens() -> None:
    assert wiring.ears_for() is None
    assert wiring.ears_for(cast("Context", {})) is None


def test_a_plan_and_an_export_tell_those_whom_the_configuration_names(events: list[Event]) -> None:
    wiring.tell(RunStep.PLANNED, OWNER, COUNTS)
    wiring.tell(RunStep.PUBLISHED, OWNER, COUNTS, error=OCRIncomplete("not whole"))

    told = [(event.step, event.calls_left, event.error) for event in events if isinstance(event, RunEvent)]
    assert told == [(RunStep.PLANNED, 400, None), (RunStep.PUBLISHED, 400, "OCRIncomplete")]
    assert {event.dag_id for event in events} == {"nightly"}


@pytest.mark.usefixtures("events")
def test_a_task_that_makes_calls_is_listened_to_by_the_same_and_by_its_own_state() -> None:
    kept: dict[str, Any] = {}
    context = cast("Context", {"task_state_store": SimpleNamespace(set=kept.__setitem__)})
    ears = wiring.ears_for(context)
    assert ears is not None
    assert ears.wants_calls

    ears.tell(RunEvent(at="2026-03-01T22:00:00Z", step=RunStep.READ, done=9))
    ears.close(60.0)

    assert kept["platerec_ocr"]["done"] == 9


def test_a_task_with_a_state_alone_wants_to_hear_of_no_calls() -> None:
    ears = wiring.ears_for(cast("Context", {"task_state_store": SimpleNamespace(set=print)}))

    assert ears is not None
    assert not ears.wants_calls
    ears.close(60.0)


def test_a_configuration_that_cannot_be_read_fails_no_task(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "perhaps")

    assert wiring.ears_for() is None
    wiring.tell(RunStep.PLANNED, OWNER, COUNTS)

    assert "Nobody can listen to this task" in caplog.text
    assert "Those who listen could not be told" in caplog.text


def test_where_airflows_metrics_are_on_they_hear_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")

    ears = wiring.ears_for()

    assert ears is not None
    assert ears.wants_calls
    ears.close(60.0)


def test_every_airflow_has_metrics_and_an_older_one_keeps_no_state() -> None:
    stats = compat.stats()

    assert all(callable(getattr(stats, name)) for name in ("incr", "gauge", "timing"))
    assert compat.task_state(cast("Context", {})) is None
