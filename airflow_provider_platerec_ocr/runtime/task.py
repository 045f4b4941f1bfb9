"""What a batch task knows of its run: who it is, which day it is for, and where its files lie.

The three batch operators never import one another; what they must agree on stands here.
"""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import get_current_context

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Owner, format_timestamp
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.settings import flag
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.runtime import arguments
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.path import beside as place_beside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from dataclasses import Field
    from datetime import datetime, timedelta

    from airflow.sdk import Context

Choice = TypeVar("Choice", bound=StrEnum)
Arguments = TypeVar("Arguments")


def given(kind: type[Arguments], operator: Any, **instead: Any) -> Arguments:
    """Return the dataclass ``kind`` filled with the operator's attributes of the same names.

    :param instead: values that are not the attribute's own.
    :raises OCRConfigError: a template gave nothing for an argument that the task needs.
    """
    asked = [field for field in fields(kind) if field.name not in instead]  # type: ignore[arg-type]  # a dataclass, always
    return kind(**{each.name: _rendered(getattr(operator, each.name), each) for each in asked}, **instead)


def _rendered(value: Any, field: Field[Any]) -> Any:
    """Return an argument without the text ``None``, which Jinja makes of a parameter that is not set.

    Of a DAG with ``render_template_as_native_obj`` it is ``None`` itself; the same DAG must mean the same without.
    """
    if not isinstance(value, str) or value.strip() != "None":
        return value
    kind = str(field.type)
    if kind == "str":
        message = (
            f"{field.name} is the text 'None': its template gave nothing, and the task cannot do without. Give it a "
            "default, such as {{ params.place or '/srv/reads' }}."
        )
        raise OCRConfigError(message)
    return None if kind == "Any" or "None" in kind else value  # numbers and switches have readers of their own


def beside(dataset: str | os.PathLike[str], name: str) -> str:
    """Return the place called ``<dataset>_<name>``, see :func:`~..storage.path.beside`."""
    return place_beside(str(dataset), name)


def workspace_of(workspace: str | os.PathLike[str] | None, dataset: str | os.PathLike[str]) -> str:
    """Return the workspace's folder as text, so that a connection named in it stays."""
    return str(workspace or beside(dataset, "workspace")).rstrip("/")


def run_day(context: Context) -> str:
    """Return the day of the run's data interval, of ``run_after`` where it has none, as ``YYYY-MM-DD`` in UTC."""
    run = context["dag_run"]
    moment: datetime = run.data_interval_start or run.run_after
    return moment.astimezone(UTC).date().isoformat()


def owner_of(context: Context, batch: str | None = None) -> Owner:
    """Return the task of ``context``.

    :param batch: which plan of the run it belongs to; ``None`` for that of its task group.
    """
    ti = context["ti"]
    return Owner(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        try_number=ti.try_number,
        batch=batch,
    )


def answered_by(answer: Mapping[str, Any]) -> str:
    """Return who answered a question of Airflow's operator that waits for a person; empty where the time ran out."""
    user = answer.get("responded_by_user") or {}
    return str(user.get("name") or user.get("id") or "")


def current_owner() -> Owner:
    """Return the task that is running now, outside a task an owner that nobody else is."""
    try:
        return owner_of(get_current_context())
    except RuntimeError:
        return Owner(run_id=f"outside-airflow-{uuid.uuid4()}")


def run_ref(context: Context, batch: str | None = None, date: str | None = None) -> RunRef:
    """Return the run as plan and export know it.

    :param batch: which plan of the run it is about; ``None`` for that of the task's group.
    :param date: ``YYYY-MM-DD``, the partition that its rows go to; nothing for the run's own day.
    """
    run, group = context["dag_run"], context["ti"].task_id.rpartition(".")[0] if batch is None else batch
    return RunRef(dag_id=run.dag_id, run_id=run.run_id, date=date or run_day(context), group=group)


def is_last_try(context: Context) -> bool:
    """Return whether Airflow will not try the task again after this failure."""
    ti = context["ti"]
    return ti.try_number > (ti.max_tries or 0)


def soft_timeout_s(execution_timeout: timedelta | None, call_s: float, save_s: float) -> float | None:
    """Return after how many seconds nothing new may start: the timeout less one call and the saving of its answer.

    Airflow's own timeout runs no ``finally`` and loses the calls in flight, so it must never be reached.
    """
    if execution_timeout is None:
        return None
    left = execution_timeout.total_seconds() - call_s - save_s
    if left <= 0:
        message = (
            f"execution_timeout is {execution_timeout}, but one call may take {call_s:g} s and saving its answer "
            f"{save_s:g} s. Give the task at least twice that, or lower call_timeout_s in the connection."
        )
        raise OCRConfigError(message)
    return left


def whole_number(value: Any, name: str, *, low: int = 0, empty: int | None = None) -> int | None:
    """Return a templated ``value`` as a whole number of at least ``low``; nothing or empty text gives ``empty``."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return empty
    try:
        number = int(str(value).strip())
    except ValueError:
        number = low - 1
    if number < low:
        message = f"{name} must be a whole number of at least {low}, not {value!r}."
        raise OCRConfigError(message)
    return number


def truth(value: Any, name: str) -> bool:
    """Return a templated ``value`` as a boolean; nothing, empty text and the text ``None`` are false."""
    is_nothing = value is None or (isinstance(value, str) and value.strip() in {"", "None"})
    return False if is_nothing else flag(value, name)


def choice(kind: type[Choice], value: str, name: str) -> Choice:
    """Return the member of ``kind`` that a templated ``value`` names."""
    try:
        return kind(str(value).strip().lower())
    except ValueError:
        message = f"{name} must be one of {', '.join(kind)}, not {value!r}."
        raise OCRConfigError(message) from None


def doubt_policy(value: str | InDoubtPolicy) -> InDoubtPolicy:
    """Return the policy called ``value``."""
    return choice(InDoubtPolicy, value, "in_doubt")


def now() -> str:
    """Return the present as UTC, ISO 8601."""
    return format_timestamp(SystemClock().now())


def texts(value: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None) -> list[str]:
    """Return a templated list of texts: a list, its text, one text, or several divided by commas; paths are texts."""
    if isinstance(value, str):
        found = arguments.listed(value)
        value = value.split(",") if found is None else found
    return arguments.stripped(value)


def roots(value: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None) -> list[str]:
    """Return templated folders: a list, its text, one folder, or several divided by commas.

    A comma in a folder's name divides nothing: where the text as a whole is a folder that exists, it is that one.
    """
    if isinstance(value, str) and arguments.listed(value) is None:
        text = value.strip()
        return [text] if "," in text and _is_folder(text) else arguments.roots_in(text)
    return texts(value)


def _is_folder(text: str) -> bool:
    try:
        place = open_place(text)
    except OCRConfigError:  # a relative path is none, and a list of URIs cannot be opened as one
        return False
    return bool(place.fs.isdir(place.path))
