from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.sdk import PokeReturnValue

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor
from airflow_provider_platerec_ocr.triggers.statistics import OCRStatsTrigger
from support.airflow_home import connection_env
from support.airflow_versions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferralTimeout,
    TaskDeferred,
    since_3_1,
)
from support.clock import FakeClock
from support.recorder import recording_server
from support.sandbox import running_sandbox
from support.waiting import until

if TYPE_CHECKING:
    from airflow.sdk import Context

    from support.airflow_home import AirflowHome

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)


class FirstPoke:
    """The task instance of a sensor that has not been rescheduled yet."""

    def get_first_reschedule_date(self, _context: object) -> None:
        return None


CONTEXT = cast("Context", {"ti": FirstPoke()})


@pytest.fixture
def sensor_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(url: str, token: str = "tkn-abc123", **arguments: Any) -> OCRStatsSensor:  # noqa: S107
        monkeypatch.setenv(*connection_env(url, token, conn_id="yard"))
        return OCRStatsSensor(task_id="gate", conn_id="yard", clock=FakeClock(NOW), **arguments)

    return make


def usage(calls: int, resets_on: str = "2026-03-15T13:00:00Z") -> bytes:
    return json.dumps({"usage": {"calls": calls, "resets_on": resets_on}, "total_calls": 100}).encode()


@pytest.mark.parametrize("arguments", [{"deferrable": False}, {"deferrable": True}, {"mode": "poke"}])
def test_an_open_gate_returns_the_statistics_at_once(arguments: dict[str, Any], sensor_for: Any) -> None:
    with running_sandbox(quota=100, used=40) as sandbox:
        result = sensor_for(sandbox.url, sandbox.token, min_remaining=60, **arguments).execute(CONTEXT)
        billed = sandbox.books()["billed"]

    assert (result["calls"], result["total_calls"], result["remaining"]) == (40, 100, 60)
    assert billed == 0


def test_an_exhausted_quota_is_looked_at_again_when_it_resets(sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server, pytest.raises(AirflowRescheduleException) as caught:
        sensor_for(server.url).execute(CONTEXT)

    wait_s = (caught.value.reschedule_date - datetime.now(UTC)).total_seconds()
    assert 3590 < wait_s <= 3602
    assert len(server.asked) == 1


def test_a_reset_in_the_past_is_polled_gently(sensor_for: Any) -> None:
    with recording_server(body=usage(100, "2025-03-20T00:00:00Z")) as server:
        sensor = sensor_for(server.url)
        looked = sensor.poke(CONTEXT)

    assert looked.is_done is False
    assert sensor._get_next_poke_interval(0.0, lambda: 0.0, 1) == 1800  # noqa: SLF001  # what the base class asks


def test_the_last_wait_does_not_go_far_beyond_the_timeout(sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server:
        sensor = sensor_for(server.url, timeout=600)
        sensor.poke(CONTEXT)

    assert sensor._get_next_poke_interval(0.0, lambda: 500.0, 1) == 101  # noqa: SLF001
    assert sensor._get_next_poke_interval(0.0, lambda: 700.0, 1) == 1  # noqa: SLF001


def test_waiting_ends_at_the_timeout(sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server, pytest.raises(AirflowSensorTimeout):
        sensor_for(server.url, timeout=0, mode="poke").execute(CONTEXT)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"status": 401, "body": b'{"detail": "Invalid token."}'}, "The API refused the token"),
        ({"status": 403, "body": b'{"detail": "OCR is not enabled."}'}, "OCR is not enabled for this account"),
        ({"status": 404, "body": b"<title>nginx</title>"}, "not the OCR API"),
        ({"body": b'{"usage": {}}'}, "usage.calls"),
    ],
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_what_no_waiting_can_help_fails_at_once_without_retries(
    answer: dict[str, Any], message: str, *, deferrable: bool, sensor_for: Any
) -> None:
    with recording_server(**answer) as server, pytest.raises(AirflowFailException, match=message):
        sensor_for(server.url, deferrable=deferrable).execute(CONTEXT)

    assert len(server.asked) == 1


@pytest.mark.parametrize("arguments", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_refused_token_is_red_with_soft_fail_in_every_mode(arguments: dict[str, Any], sensor_for: Any) -> None:
    with recording_server(status=401, body=b"{}") as server, pytest.raises(AirflowFailException, match="token"):
        sensor_for(server.url, soft_fail=True, **arguments).execute(CONTEXT)


def test_a_token_that_is_refused_while_it_waits_in_the_triggerer_is_red_with_soft_fail() -> None:
    event = {"version": 1, "status": "error", "error": "OCRUnauthorized", "message": "The API refused the token"}

    with pytest.raises(AirflowFailException, match="refused the token"):
        OCRStatsSensor(task_id="gate", soft_fail=True).resume_execution("execute_complete", {"event": event}, CONTEXT)


def test_time_that_is_over_is_skipped_with_soft_fail(sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server, pytest.raises(AirflowSkipException):
        sensor_for(server.url, timeout=0, mode="poke", soft_fail=True).execute(CONTEXT)


def test_who_asks_for_never_fail_gets_it(sensor_for: Any) -> None:
    with recording_server(status=401, body=b"{}") as server, pytest.raises(AirflowSkipException):
        sensor_for(server.url, mode="poke", never_fail=True).execute(CONTEXT)


def test_more_calls_than_the_plan_has_fail_at_once(sensor_for: Any) -> None:
    with recording_server(body=usage(0)) as server, pytest.raises(AirflowFailException, match="can never open"):
        sensor_for(server.url, min_remaining=101).execute(CONTEXT)


def test_a_wrong_number_fails_at_once_and_is_named(sensor_for: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"min_remaining must be a whole number .* not 'many'"):
        sensor_for("http://localhost", min_remaining="many").execute(CONTEXT)


def test_rendered_templates_are_numbers(sensor_for: Any) -> None:
    with recording_server(body=usage(80)) as server:
        looked = sensor_for(server.url, min_remaining="15", reserve=" 5 ").poke(CONTEXT)

    assert looked.is_done is True
    assert {"conn_id", "min_remaining", "reserve", "plan_only"} == set(OCRStatsSensor.template_fields)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [({"status": 502}, 60), ({"status": 429, "headers": {"Retry-After": "90"}}, 90), ({"status": 503}, 60)],
)
def test_a_passing_failure_is_a_warning_and_another_look(
    answer: dict[str, Any], wait_s: float, sensor_for: Any
) -> None:
    with recording_server(**answer) as server:
        sensor = sensor_for(server.url)
        looked = sensor.poke(CONTEXT)

    assert isinstance(looked, PokeReturnValue)
    assert looked.is_done is False
    assert sensor._get_next_poke_interval(0.0, lambda: 0.0, 1) == wait_s  # noqa: SLF001


def test_an_unreachable_api_is_a_warning_and_another_look(sensor_for: Any) -> None:
    with recording_server() as server:
        gone = server.url

    assert sensor_for(gone).poke(CONTEXT).is_done is False


def test_a_deferred_gate_hands_on_no_secret(sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server, pytest.raises(TaskDeferred) as caught:
        sensor_for(server.url, min_remaining="7", reserve=2, poke_interval=600, deferrable=True).execute(CONTEXT)

    trigger = caught.value.trigger
    assert isinstance(trigger, OCRStatsTrigger)
    assert trigger.serialize() == (
        "airflow_provider_platerec_ocr.triggers.statistics.OCRStatsTrigger",
        {"conn_id": "yard", "min_remaining": 7, "reserve": 2, "poll_s": 600.0},
    )
    assert caught.value.method_name == "execute_complete"
    assert caught.value.timeout == timedelta(days=35)


def test_the_triggers_success_is_the_sensors_result(sensor_for: Any) -> None:
    event = {"version": 1, "status": "success", "statistics": {"remaining": 5}, "message": "open"}

    assert sensor_for("http://localhost").execute_complete(CONTEXT, event) == {"remaining": 5}


def test_the_triggers_error_fails_without_retries(sensor_for: Any) -> None:
    event = {"version": 1, "status": "error", "error": "OCRUnauthorized", "message": "The API refused the token."}

    with pytest.raises(AirflowFailException, match="The API refused the token"):
        sensor_for("http://localhost").execute_complete(CONTEXT, event)


@pytest.mark.parametrize(
    "event",
    [
        None,
        "success",
        {},
        {"version": 2, "status": "success", "statistics": {}},
        {"version": 1, "status": "maybe"},
        {"version": 1, "status": "success"},
    ],
)
def test_an_event_of_another_version_is_never_taken_for_a_success(event: Any, sensor_for: Any) -> None:
    with pytest.raises(OCRError, match="same version of the provider on triggerers and workers"):
        sensor_for("http://localhost").execute_complete(CONTEXT, event)


class TimedOut(OCRStatsSensor):
    """A gate whose deferral ran out."""

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG002
        raise TaskDeferralTimeout


def test_a_deferral_that_times_out_is_a_sensor_timeout() -> None:
    with pytest.raises(AirflowSensorTimeout):
        TimedOut(task_id="gate").resume_execution("execute_complete", {"event": None}, CONTEXT)


@since_3_1("soft_fail has no effect on a deferral that times out")
def test_a_deferral_that_times_out_is_skipped_with_soft_fail() -> None:
    with pytest.raises(AirflowSkipException):
        TimedOut(task_id="gate", soft_fail=True).resume_execution("execute_complete", {"event": None}, CONTEXT)


def test_deferring_follows_airflows_default_and_the_timeout_outlasts_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OCRStatsSensor(task_id="gate").deferrable is False
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")

    sensor = OCRStatsSensor(task_id="gate")

    assert sensor.deferrable is True
    assert sensor.timeout == 35 * 86_400
    assert sensor.mode == "reschedule"


GATE_DAG = """
from airflow.sdk import dag, task
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor

@dag(schedule=None)
def gate_{name}():
    @task
    def left(statistics: dict) -> int:
        return statistics["remaining"]

    left(OCRStatsSensor(task_id="gate", conn_id="yard", {arguments}).output)

gate_{name}()
"""


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("deferred", "deferrable=True"), ("rescheduled", "mode='reschedule'"), ("poked", "mode='poke'")],
)
def test_the_gate_waits_for_a_reset_in_a_real_dag(
    name: str, arguments: str, airflow_home: AirflowHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow_home.add_dag(f"gate_{name}.py", GATE_DAG.format(name=name, arguments=arguments))
    with running_sandbox(quota=50, used=50) as sandbox, ThreadPoolExecutor(1) as pool:
        monkeypatch.setenv(*connection_env(sandbox.url, sandbox.token, conn_id="yard"))
        reset = datetime.now(UTC) + timedelta(seconds=4)
        sandbox.control(resets_on=reset.isoformat(), auto_reset=False)

        def reset_once_it_was_closed() -> None:
            until("nobody looked", lambda: sandbox.books()["statistics_calls"])
            sandbox.control(auto_reset=True)

        resetting = pool.submit(reset_once_it_was_closed)
        run = airflow_home.run_dag(f"gate_{name}")
        resetting.result()
        books = sandbox.books()

    assert run.tasks == {("gate", -1): "success", ("left", -1): "success"}
    assert run.xcom("left") == 50
    assert datetime.now(UTC) >= reset
    assert books["billed"] == 0
    assert books["statistics_calls"] > 1


@pytest.mark.parametrize("arguments", [{"deferrable": False}, {"deferrable": True}, {"mode": "poke"}])
@pytest.mark.parametrize("word", [True, "True", "true"])
def test_a_dry_run_does_not_wait_behind_a_closed_gate(arguments: dict[str, Any], word: Any, sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server:
        result = sensor_for(server.url, plan_only=word, **arguments).execute(CONTEXT)

    assert (result["calls"], result["remaining"]) == (100, 0)
    assert len(server.asked) == 1


@pytest.mark.parametrize("word", [False, "False", "", None])
def test_a_run_that_pays_waits_behind_a_closed_gate(word: Any, sensor_for: Any) -> None:
    with recording_server(body=usage(100)) as server, pytest.raises(AirflowRescheduleException):
        sensor_for(server.url, plan_only=word).execute(CONTEXT)


def test_a_dry_run_goes_on_where_the_account_does_not_answer(sensor_for: Any) -> None:
    with recording_server(status=503) as server:
        assert sensor_for(server.url, plan_only=True).execute(CONTEXT) is None


def test_a_dry_run_still_fails_on_a_refused_token(sensor_for: Any) -> None:
    with recording_server(status=401) as server, pytest.raises(AirflowFailException):
        sensor_for(server.url, plan_only=True).execute(CONTEXT)
