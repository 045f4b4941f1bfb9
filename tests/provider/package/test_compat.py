from __future__ import annotations

import asyncio
import logging
import pickle
import runpy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import airflow
import pytest
from airflow.sdk import DAG, Asset, BaseOperator

from airflow_provider_platerec_ocr import compat
from airflow_provider_platerec_ocr.compat import StandInOperator, extra_of_alias
from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.operators.inbox import OCRInboxOperator
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from airflow_provider_platerec_ocr.stand_ins import StandInRetryDecision, StandInRetryPolicy
from support.airflow_versions import stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context
    from airflow.triggers.base import BaseEventTrigger


NIGHTLY = Path(__file__).parents[3] / "dags" / "nightly_ocr_batch.py"


class Decides(StandInRetryPolicy):
    """A policy whose decision is known, and which counts how often it was asked."""

    def __init__(self, decision: StandInRetryDecision) -> None:
        self.decision = decision
        self.asked: list[tuple[BaseException, int, int]] = []

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> StandInRetryDecision:
        assert context is not None
        self.asked.append((exception, try_number, max_tries))
        return self.decision


class Raises(StandInOperator):
    """Raises what it is told to."""

    def __init__(self, *, error: BaseException, **kwargs: Any) -> None:
        super().__init__(task_id="t", **kwargs)
        self.error = error

    @compat.asked_here
    def execute(self, context: Context) -> str:  # noqa: ARG002  # Airflow's signature
        raise self.error


GIVE_UP = StandInRetryDecision.fail("the token is wrong")
SOME_ERRORS = [
    errors.OCRQuotaExhausted("No calls are left.", status=403, remaining=0, resets_on="2026-04-01"),
    errors.OCRConfigError("The host is none."),
    errors.OCRImageError("Too large.", reason="image_too_large"),
    errors.OCRIncomplete("Three images have no outcome.", retry=False, counts={"missing": 3}),
]


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    compat.tell.cache_clear()


def context(*, try_number: int = 1, max_tries: int = 3) -> Context:
    return cast("Context", {"ti": SimpleNamespace(try_number=try_number, max_tries=max_tries)})


def test_every_name_that_is_promised_is_there() -> None:
    assert [name for name in compat.__all__ if getattr(compat, name, None) is None] == []


def test_a_name_that_never_moved_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'AirflowTaskTimeout'"):
        _ = compat.AirflowTaskTimeout


def test_a_name_is_taken_from_the_first_home_that_has_it() -> None:
    assert compat.find("Asset", ("airflow.moved_here", "airflow.sdk.log", "airflow.sdk")) is Asset


def test_a_name_without_a_home_is_told_with_the_version() -> None:
    with pytest.raises(ImportError, match=r"has no Nothing in airflow.sdk or airflow.x;"):
        compat.find("Nothing", ("airflow.sdk", "airflow.x"))


def test_what_is_missing_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        compat.each_event(Asset("a"))
        compat.each_event(Asset("b"))

    assert [record.getMessage() for record in caplog.records] == [
        f"Airflow {airflow.__version__} has no partitions of assets: a run may stand for several events."
    ]


def test_a_dag_without_partitions_runs_on_the_assets_events() -> None:
    asset = Asset("inbox")

    assert compat.each_event(asset) == [asset]
    assert DAG("d", schedule=compat.each_event(asset)).schedule == [asset]


@pytest.mark.parametrize("error", SOME_ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_is_given_up_stays_what_it_is_and_fails_the_task(error: errors.OCRError) -> None:
    kind, fields = type(error), dict(vars(error))
    error = kind(error.message, **error.attributes)

    final = compat.given_up(error)

    assert final is error
    assert isinstance(final, kind)
    assert isinstance(final, compat.AirflowFailException)
    assert (type(final).__name__, type(final).__module__, str(final), vars(final)) == (
        kind.__name__,
        kind.__module__,
        error.message,
        fields,
    )


@pytest.mark.parametrize("error", SOME_ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_is_given_up_survives_a_trip_between_processes(error: errors.OCRError) -> None:
    final = compat.given_up(type(error)(error.message, **error.attributes))

    arrived: Exception = final
    for _ in range(2):
        arrived = pickle.loads(pickle.dumps(arrived))  # noqa: S301  # our own

    assert isinstance(arrived, type(error))
    assert isinstance(arrived, compat.AirflowFailException)
    assert (str(arrived), vars(arrived)) == (error.message, vars(error))


def test_an_error_of_python_is_wrapped_since_its_class_cannot_change() -> None:
    final = compat.given_up(KeyError("shard"))

    assert isinstance(final, compat.AirflowFailException)
    assert str(final) == "KeyError: 'shard'"


def test_a_policy_that_gives_up_fails_the_task_for_good() -> None:
    policy = Decides(GIVE_UP)
    task = Raises(error=errors.OCRUnauthorized("Wrong token.", status=401), retry_policy=policy)

    with pytest.raises(errors.OCRUnauthorized, match="Wrong token") as caught:
        task.execute(context(try_number=2, max_tries=3))

    assert isinstance(caught.value, compat.AirflowFailException)
    assert policy.asked == [(caught.value, 2, 3)]
    assert caught.value.__cause__ is None


def test_an_error_of_python_that_is_given_up_keeps_its_trace() -> None:
    task = Raises(error=KeyError("shard"), retry_policy=Decides(GIVE_UP))

    with pytest.raises(compat.AirflowFailException, match="KeyError: 'shard'") as caught:
        task.execute(context())

    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("decision", [StandInRetryDecision.default(), StandInRetryDecision.retry(None, "soon")])
def test_a_policy_that_wants_another_try_leaves_the_error_as_it_is(decision: StandInRetryDecision) -> None:
    task = Raises(error=errors.OCRUnavailable("503"), retry_policy=Decides(decision))

    with pytest.raises(errors.OCRUnavailable) as caught:
        task.execute(context())

    assert type(caught.value) is errors.OCRUnavailable


@pytest.mark.parametrize("kind", ["AirflowFailException", "AirflowSkipException"])
def test_the_policy_is_not_asked_about_what_airflow_itself_understands(kind: str) -> None:
    policy = Decides(GIVE_UP)
    task = Raises(error=compat.find(kind)("as it is"), retry_policy=policy)

    with pytest.raises(compat.find(kind), match="as it is"):
        task.execute(context())

    assert policy.asked == []


def test_a_task_without_a_policy_fails_as_any_other() -> None:
    with pytest.raises(errors.OCRUnauthorized) as caught:
        Raises(error=errors.OCRUnauthorized("401")).execute(context())

    assert type(caught.value) is errors.OCRUnauthorized


def delay_lost(asked_s: float, caplog: pytest.LogCaptureFixture, *, try_number: int = 1) -> list[str]:
    decision = StandInRetryDecision.retry(timedelta(seconds=asked_s))
    task = Raises(
        error=errors.OCRRateLimited("429"), retry_policy=Decides(decision), retry_delay=timedelta(seconds=60), retries=3
    )
    with pytest.raises(errors.OCRRateLimited):
        task.execute(context(try_number=try_number))
    ours = [record for record in caplog.records if record.name == compat.__name__]
    return [record.getMessage() for record in ours if record.levelno == logging.WARNING]


def test_a_wait_that_cannot_be_kept_is_told(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = delay_lost(90, caplog)

    assert "cannot wait as long as it was asked to between two tries (0:01:30)" in line
    assert "the task's retry_delay applies (0:01:00)" in line


def test_a_wait_that_is_kept_anyway_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    assert delay_lost(60, caplog) == []


def test_a_wait_after_the_last_try_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    assert delay_lost(90, caplog, try_number=4) == []


def test_the_task_that_came_to_its_end_returns_what_it_did() -> None:
    class Works(StandInOperator):
        @compat.asked_here
        def execute(self, context: Context) -> str:  # noqa: ARG002  # Airflow's signature
            return "done"

    assert Works(task_id="t", retry_policy=Decides(GIVE_UP)).execute(context()) == "done"


def test_the_policy_is_asked_as_well_of_what_goes_on_with_an_answer() -> None:
    class Answered(StandInOperator):
        @compat.asked_here
        def execute_complete(self, context: Context, event: dict[str, Any]) -> str:  # noqa: ARG002  # Airflow's signature
            if not event:
                raise errors.OCRConfigError("Nobody said anything.")  # noqa: EM101, TRY003
            return str(event["chosen"])

    task = Answered(task_id="t", retry_policy=Decides(GIVE_UP))
    assert task.execute_complete(context(), event={"chosen": "Save"}) == "Save"
    assert task.execute_complete(context(), {"chosen": "Later"}) == "Later"
    with pytest.raises(compat.AirflowFailException, match="Nobody said anything"):
        task.execute_complete(context(), event={})


def test_a_policy_is_the_same_text_in_every_process() -> None:
    assert str(Decides(GIVE_UP)) == str(Decides(StandInRetryDecision.default()))
    assert str(Decides(GIVE_UP)).endswith("Decides")


def test_our_operators_take_a_policy_mapped_and_unmapped() -> None:
    policy = OCRRetryPolicy(base_delay_s=1)
    with DAG("d", schedule=None):
        plain = OCRInboxOperator(task_id="sweep", dataset="/d", retry_policy=policy)
        mapped = OCRReadBatchOperator.partial(task_id="read", retry_policy=policy).expand(shard=[{}])

    assert plain.retry_policy is policy
    assert mapped.partial_kwargs["retry_policy"] is policy


def test_a_dag_that_is_parsed_again_is_no_new_version_of_itself() -> None:
    first, second = (stored(runpy.run_path(str(NIGHTLY))["dag"]) for _ in range(2))

    assert first == second
    assert " at 0x" not in first


class AsyncStore:
    """The asset's store of 3.3.2."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def aget(self, key: str) -> str | None:
        return self.kept.get(key)

    async def aset(self, key: str, value: str) -> None:
        self.kept[key] = value


class BlockingStore:
    """The asset's store of 3.3.0 and 3.3.1."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.kept.get(key)

    def set(self, key: str, value: str) -> None:
        self.kept[key] = value


def trigger(**fields: Any) -> BaseEventTrigger:
    return cast("BaseEventTrigger", SimpleNamespace(**fields))


@pytest.mark.parametrize("kind", [AsyncStore, BlockingStore])
def test_what_a_trigger_keeps_is_there_again(kind: Callable[[], Any]) -> None:
    watching = trigger(asset_state_store=kind())

    async def keep() -> Any:
        await compat.asset_state(watching, "set", "cursor", "c1")
        return await compat.asset_state(watching, "get", "cursor")

    assert asyncio.run(keep()) == "c1"


def test_a_trigger_that_no_asset_watches_keeps_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert asyncio.run(compat.asset_state(trigger(asset_state_store=None), "get", "cursor")) is None
    assert caplog.records == []


def test_a_trigger_that_can_keep_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    assert asyncio.run(compat.asset_state(trigger(), "set", "cursor", "c1")) is None
    assert "after a restart of the triggerer it begins anew" in caplog.text


def test_a_thread_asks_what_a_trigger_may_not() -> None:
    assert asyncio.run(compat.in_thread(lambda *arguments: sum(arguments), 1, 2)) == 3


def test_what_a_stopped_container_costs_is_said_once_where_it_does(caplog: pytest.LogCaptureFixture) -> None:
    compat.tell.cache_clear()
    with caplog.at_level("INFO"):
        compat.tell_of_container_stops(SimpleNamespace(RetryPolicy=object))
        silent = caplog.text
        compat.tell_of_container_stops(SimpleNamespace())
        compat.tell_of_container_stops(SimpleNamespace())

    assert silent == ""
    assert caplog.text.count("calls in flight are in doubt") == 1


def test_a_task_without_a_state_of_its_own_says_once_where_its_progress_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        stores = [compat.task_state(cast("Context", context)) for context in ({}, {}, {"task_state_store": caplog})]

    assert stores == [None, None, caplog]
    assert caplog.text.count("its progress is in the log") == 1


def test_spans_that_stand_below_no_task_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        compat.tell_of_own_traces(SimpleNamespace(RetryPolicy=object))
        silent = caplog.text
        compat.tell_of_own_traces(SimpleNamespace())
        compat.tell_of_own_traces(SimpleNamespace())

    assert silent == ""
    assert caplog.text.count("those of its calls begin a trace of their own") == 1


class Asks(BaseOperator):
    """Asks a person, as the standard provider before 1.12.3 did."""

    def execute(self, context: Context) -> str:  # noqa: ARG002  # Airflow's signature
        return "asked"


def test_an_answer_that_has_the_tasks_own_time_is_told_when_it_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    older: Any = compat.human_operator(base=Asks)
    with caplog.at_level(logging.INFO):
        endless = older(task_id="endless").execute(context())
        task = older(task_id="t", response_timeout=timedelta(hours=2))
        silent = caplog.text
        asked = task.execute(context())

    assert (endless, asked) == ("asked", "asked")
    assert "execution_timeout" not in silent
    assert "an answer is the task's execution_timeout (2:00:00)" in caplog.text


def test_before_3_1_the_event_of_an_alias_carries_no_value_that_has_no_hash() -> None:
    extra = {"reads": 3, "dead_letters": {"in_doubt": 1}, "types": ["vin"], "dataset": "/srv/reads"}

    told = extra_of_alias(extra, of=SimpleNamespace())

    assert told == {"reads": 3, "dead_letters": '{"in_doubt": 1}', "types": '["vin"]', "dataset": "/srv/reads"}
    assert frozenset(told.items())
    assert extra_of_alias(extra, of=SimpleNamespace(BaseHook=object)) is extra
