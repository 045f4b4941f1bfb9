"""Every difference between the versions of Airflow that this package runs on (3.0.6 to 3.4); nothing else asks for one.

Two kinds of difference. What *moved* is a line of :data:`_HOMES`, looked up when somebody first asks for it, so that a
DAG file loads nothing through here that ``airflow.sdk`` would not load itself. What is *missing* has a stand-in, a
plain class or function that works, and is tested, on every version; what it cannot do is logged, once a process.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from airflow import __version__, sdk

from airflow_provider_platerec_ocr.stand_ins import StandInRetryAction, StandInRetryDecision, StandInRetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.standard.operators.hitl import HITLOperator
    from airflow.sdk import Asset, BaseHook, Connection, Context, CronTriggerTimetable, PartitionedAssetTimetable
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
    )
    from airflow.sdk.plugins_manager import AirflowPlugin
    from airflow.triggers.base import BaseEventTrigger

__all__ = [
    "AirflowException", "AirflowFailException", "AirflowNotFoundException", "AirflowPlugin", "AirflowSkipException",
    "BaseHook", "HITLOperator", "OCROperator", "RetryDecision", "RetryPolicy", "aget_connection", "amask_secret",
    "asset_state", "conf", "decides_retries", "each_partition", "from_next_slot", "key_event",
    "read_connections_without_database", "stats", "task_state", "tell_of_container_stops", "tell_of_own_traces",
]  # fmt: skip

_HOMES = {
    "AirflowException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowFailException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowNotFoundException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),
    "AirflowSkipException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "CronTriggerTimetable": ("airflow.sdk", "airflow.timetables.trigger"),
    "Stats": ("airflow.sdk.observability.stats", "airflow.stats"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
}
"""Where a name lives, newest home first. 3.2 is the first with all the new ones."""
_log = logging.getLogger(__name__)
Execute = TypeVar("Execute", bound="Callable[..., Any]")


def __getattr__(name: str) -> Any:
    """Return what moved from where this Airflow has it; Python asks here for a name that the module does not have."""
    if name == "HITLOperator":
        return globals().setdefault(name, human_operator())
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return globals().setdefault(name, find(name))


def find(name: str, homes: Sequence[str] = ()) -> Any:
    """Return ``name`` from the first of its homes that has it."""
    homes = homes or _HOMES[name]
    for home in homes:
        try:
            return getattr(import_module(home), name)
        except (ImportError, AttributeError):
            continue
    message = f"Airflow {__version__} has no {name} in {' or '.join(homes)}; this package runs on 3.0.6 to 3.4."
    raise ImportError(message)


@functools.cache  # which makes it once a process
def tell(level: int, what: str) -> None:
    """Log what this Airflow cannot do."""
    _log.log(level, "Airflow %s %s", __version__, what)


def read_connections_without_database() -> None:
    """Have a process without a database read connections from its environment.

    Before 3.2 a connection is a row of the database even so, and none can be made before all tables are known.
    """
    if not hasattr(sdk, "PartitionedAssetTimetable"):  # which came with 3.2
        find("import_all_models", ("airflow.models",))()


def tell_of_container_stops(of: Any = sdk) -> None:
    """Say what a stop of a worker's pod or container costs before 3.3, whose supervisor passes SIGTERM on."""
    if not hasattr(of, "RetryPolicy"):  # which came with it
        what = "ends a task at once when its pod or container is stopped: calls in flight are in doubt then, and named"
        tell(logging.INFO, f"{what}; by default each is sent once more.")


def tell_of_own_traces(of: Any = sdk) -> None:
    """Say what becomes of spans before 3.3, which starts none for a task that ours could stand below."""
    if not hasattr(of, "RetryPolicy"):  # which came with it
        tell(logging.INFO, "gives a task no span: those of its calls begin a trace of their own.")


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """Run one of Airflow's blocking calls from a trigger, in the only way in which it may ask the triggerer back."""
    from asgiref.sync import sync_to_async  # a DAG file never needs it

    return await sync_to_async(call)(*arguments)


async def aget_connection(conn_id: str) -> Connection:
    """Return a connection, in a trigger; before 3.1 a thread asks for it."""
    hook = find("BaseHook")
    found: Connection
    if hasattr(hook, "aget_connection"):
        found = await hook.aget_connection(conn_id)
    else:
        found = await in_thread(hook.get_connection, conn_id)
    return found


async def amask_secret(secret: str) -> None:
    """Have a secret masked in the logs, in a trigger; before 3.3 a thread asks for it."""
    from airflow.sdk import log  # a DAG file never needs it

    if hasattr(log, "amask_secret"):
        await log.amask_secret(secret)
    else:
        await in_thread(log.mask_secret, secret)


async def asset_state(trigger: BaseEventTrigger, verb: Literal["get", "set"], *arguments: str) -> Any:
    """Use the store of the asset that a trigger watches; ``None`` where there is no such store, as before 3.3.

    :raises ValueError: several assets are watched by the trigger.
    """
    if not hasattr(trigger, "asset_state_store"):
        tell(logging.INFO, "keeps nothing for a trigger: after a restart of the triggerer it begins anew.")
        return None
    store = trigger.asset_state_store
    if store is None:
        return None
    if hasattr(store, f"a{verb}"):  # 3.3.2
        return await getattr(store, f"a{verb}")(*arguments)
    return await asyncio.to_thread(getattr(store, verb), *arguments)


def stats() -> Any:
    """Return Airflow's own metrics of the process that a task runs in: ``incr``, ``gauge`` and ``timing``."""
    return find("Stats")


def task_state(context: Context) -> Any:
    """Return the store of the task's own state; ``None`` where there is none, as before 3.3."""
    store = context.get("task_state_store")
    if store is None:
        tell(logging.INFO, "keeps no state of a task: its progress is in the log.")
    return store


def from_next_slot(cron: str, timezone: str = "UTC") -> CronTriggerTimetable:
    """Return the schedule of a DAG that waits for its next slot when it is unpaused, instead of starting the last one.

    A plain cron text starts a slot that has just passed, and with a ``start_date`` any that has passed.

    .. versionadded:: 0.2

    :param cron: such as ``0 22 * * *``.
    :param timezone: IANA name of the zone that it is meant in.
    """
    timetable: type[CronTriggerTimetable] = find("CronTriggerTimetable")
    return timetable(cron, timezone=timezone, run_immediately=timedelta())


def each_partition(asset: Asset) -> PartitionedAssetTimetable | list[Asset]:
    """Return the schedule of a DAG that runs once for each partition of an asset's events; before 3.2, once for some.

    What it runs must then take all that is new, and not what one event speaks of.

    .. versionadded:: 0.2
    """
    timetable: type[PartitionedAssetTimetable] | None = getattr(sdk, "PartitionedAssetTimetable", None)
    return each_event(asset) if timetable is None else timetable(assets=asset)


def each_event(asset: Asset) -> list[Asset]:
    """Return the schedule that stands in for :func:`each_partition`."""
    tell(logging.INFO, "has no partitions of assets: a run may stand for several events.")
    return [asset]


def key_event(event: Any, key: str) -> None:
    """Give the event of an outlet a partition key; before 3.3 a task cannot, and the event has the run's own, if any.

    :param event: ``context["outlet_events"][asset]``.
    :param key: at most 250 characters.
    """
    if hasattr(event, "add_partitions"):
        event.add_partitions(key)
        return
    tell(logging.WARNING, "lets no task give an event a partition key: it has that of its DAG run, if there is one.")


def extra_of_alias(extra: dict[str, Any], of: Any = sdk) -> dict[str, Any]:
    """Return what the event of an alias can carry; Airflow 3.0 emits none where a value is an object or a list.

    There they become JSON texts: it looks for equal events by the values' hashes.
    """
    if hasattr(of, "BaseHook"):  # which came with 3.1
        return extra
    tell(logging.INFO, "takes no objects and no lists in the event of an alias: they are JSON texts there.")
    return {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in extra.items()}


class StandInOperator(sdk.BaseOperator):
    """An operator that knows what a retry policy is; :func:`asked_here` asks it.

    :param retry_policy: decides on retries.
    """

    def __init__(self, *, retry_policy: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.retry_policy = retry_policy


class TimedAnswerOperator(sdk.BaseOperator):
    """An operator that waits for a person for ``response_timeout``, where Airflow's own goes by the task's timeout."""

    def __init__(self, *, response_timeout: timedelta | None = None, **kwargs: Any) -> None:
        super().__init__(**(kwargs if response_timeout is None else kwargs | {"execution_timeout": response_timeout}))
        self.response_timeout = response_timeout

    def execute(self, context: Context) -> Any:
        """Ask, after saying by which of the two it goes."""
        if self.response_timeout is not None:
            what = "has a standard provider before 1.12.3: the time that a person has for an answer"
            tell(logging.INFO, f"{what} is the task's execution_timeout ({self.response_timeout}).")
        return super().execute(context)


class NoHumanOperator(StandInOperator):
    """Stands in for Airflow's operator that waits for a person, where there is none: it fails when it is to ask one.

    A DAG file that has one is read all the same; :func:`require_people` is for what must not wait until a run.
    """

    def __init__(  # as far as ours use it
        self,
        *,
        subject: str = "",
        body: str | None = None,
        options: Sequence[str] = (),
        defaults: Sequence[str] = (),
        response_timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{name: given for name, given in kwargs.items() if name not in _OF_PEOPLE})
        self.subject, self.body, self.options, self.defaults = subject, body, options, defaults
        self.response_timeout = response_timeout

    def execute(self, context: Context) -> Any:
        """Fail for good."""
        del context
        raise find("AirflowFailException")(_NO_PEOPLE)


_OF_PEOPLE = frozenset({"notifiers", "assigned_users", "multiple"})
_NO_PEOPLE = f"Airflow {__version__} has no task that waits for a person: that came with 3.1 and its standard provider."


def require_people(what: str, instead: str, operator: Any = None) -> None:
    """Refuse what needs a task that waits for a person, where there is none.

    :param what: which argument needs one. :param instead: what there is in its place.
    :raises AirflowException: there is none.
    """
    if issubclass(operator or human_operator(), NoHumanOperator):
        message = f"{_NO_PEOPLE} Leave {what} out; {instead}"
        raise find("AirflowException")(message)


def human_operator(
    home: str = "airflow.providers.standard.operators.hitl", of: Any = sdk, base: Any = None
) -> type[HITLOperator]:
    """Return Airflow's operator that waits for a person until a deadline, and that knows what a retry policy is."""
    try:
        base = base or import_module(home).HITLOperator
    except Exception:  # noqa: BLE001  # before 3.1 the module raises an error of Airflow's own, when it is imported
        return NoHumanOperator  # type: ignore[return-value]  # as much as can be had
    lacks: list[type[Any]] = [] if hasattr(of, "RetryPolicy") else [StandInOperator]
    if "response_timeout" not in inspect.signature(base.__init__).parameters:  # which came with the provider's 1.12.3
        lacks.append(TimedAnswerOperator)
    return type("HITLOperator", (*lacks, base), {"__module__": __name__}) if lacks else base


def decides_retries(execute: Execute) -> Execute:
    """Have the task's policy decide on what ``execute`` raises: from 3.3 on Airflow sees to it, else we do."""
    return execute if hasattr(sdk, "RetryPolicy") else asked_here(execute)


def asked_here(execute: Execute) -> Execute:
    """Return ``execute`` with the policy asked; a failure that it gives up fails the task for good.

    Also what a task goes on with, once a person has answered: Airflow hands it the answer by name.
    """

    @functools.wraps(execute)
    def run(self: StandInOperator, context: Context, *given: Any, **named: Any) -> Any:
        try:
            return execute(self, context, *given, **named)
        except Exception as error:
            final = judged(self, context, error)
            if final is error:
                raise
            raise final from error

    return run  # type: ignore[return-value]  # wraps() keeps what Execute says


def judged(task: StandInOperator, context: Context, error: Exception) -> Exception:
    """Return ``error``, or what to raise in its place since the task's policy gives it up."""
    asked_never = tuple(find(name) for name in ("AirflowFailException", "AirflowSkipException"))
    if task.retry_policy is None or isinstance(error, asked_never):
        return error
    ti = context["ti"]
    try:
        decision = task.retry_policy.evaluate(
            exception=error, try_number=ti.try_number, max_tries=ti.max_tries or 0, context=context
        )
    except Exception:
        task.log.exception("The retry policy failed, so the task's own retries apply.")
        return error
    if decision.reason:
        task.log.info("Retry policy: %s, %s", decision.action.value, decision.reason)
    if decision.action.value == StandInRetryAction.FAIL:
        return given_up(error)
    asked, plain = decision.retry_delay, task.retry_delay
    if asked and asked > plain and ti.try_number <= (ti.max_tries or 0):
        what = f"cannot wait as long as it was asked to between two tries ({asked}): the task's retry_delay applies"
        tell(logging.WARNING, f"{what} ({plain}).")
    return error


def given_up(error: Exception) -> Exception:
    """Return ``error`` as one that Airflow never tries again; its class, fields and text stay, for whoever catches it.

    It gets ``AirflowFailException`` as a further base. Python's own errors cannot: they are wrapped.
    """
    kind, fail = type(error), find("AirflowFailException")
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__reduce__": _reduce_given_up}
    try:
        error.__class__ = type(kind.__name__, (kind, fail), names)
    except TypeError:
        wrapped: Exception = fail(f"{kind.__name__}: {error}")
        return wrapped
    return error


def _reduce_given_up(error: Exception) -> tuple[Any, ...]:
    return _given_up_again, (type(error).__bases__[0], error.args, vars(error))


def _given_up_again(kind: type[Exception], arguments: tuple[Any, ...], fields: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *arguments)
    vars(error).update(fields)
    return given_up(error)


if TYPE_CHECKING:
    from airflow.sdk import BaseOperator as OCROperator
    from airflow.sdk import RetryDecision, RetryPolicy
else:
    OCROperator = sdk.BaseOperator if hasattr(sdk, "RetryPolicy") else StandInOperator
    RetryDecision = getattr(sdk, "RetryDecision", StandInRetryDecision)
    RetryPolicy = getattr(sdk, "RetryPolicy", StandInRetryPolicy)
