"""Addresses of the page inside Airflow, built in one place: links, notifications and the page itself agree by it.

Each is relative to Airflow's own address, as Airflow's interface takes its own links: ``platerec-ocr/account``. With
:func:`absolute` it is one for a mail or a chat. What a person typed (a dataset, a code) is quoted here, and only here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "platerec-ocr"
"""Where the page is mounted below Airflow's address."""
Filter = str | int | float | bool | None
"""A value of a filter; ``None`` and the empty text are left out."""


def absolute(airflow: str, url: str) -> str:
    """Return an address for outside of Airflow.

    :param airflow: Airflow's own address, ``[api] base_url``.
    :param url: of this module.
    """
    return f"{airflow.rstrip('/')}/{url}"


def account_url() -> str:
    """Return the address of the account's view: quota, reservations, forecast, rate, holds."""
    return _url("account")


def running_url() -> str:
    """Return the address of the view of what runs now."""
    return _url("running")


def nights_url(dataset: str = "") -> str:
    """Return the address of the last runs of a dataset; of the only one there is where none is named.

    :param dataset: URI of the published table, as the DAG has it.
    """
    return _url("nights", dataset=dataset)


def report_url(dataset: str, run: str) -> str:
    """Return the address of a run's report.

    :param run: name of the run's workspace, which its report has as well.
    """
    return _url("report", dataset=dataset, run=run)


def run_url(dag_id: str, run_id: str) -> str:
    """Return the address of what there is of one run of Airflow: its report, or how far it is."""
    return _url("run", dag_id=dag_id, run_id=run_id)


def problems_url(dataset: str = "") -> str:
    """Return the address of a dataset's open dead letters and doubts."""
    return _url("problems", dataset=dataset)


def reads_url(dataset: str = "", **filters: Filter) -> str:
    """Return the address of the search over a dataset's reads.

    :param filters: what is searched for, such as ``code="1HG"`` or ``day="2026-03-01"``.
    """
    return _url("reads", dataset=dataset, **filters)


def image_url(dataset: str, image: str, **more: Filter) -> str:
    """Return the address of the whole story of one image.

    :param image: as the table's column ``image`` has it.
    :param more: what else tells it apart, such as ``type="vin"``.
    """
    return _url("image", dataset=dataset, image=image, **more)


def review_url(dataset: str = "", **filters: Filter) -> str:
    """Return the address of the view in which a person looks at doubtful reads."""
    return _url("review", dataset=dataset, **filters)


def yard_url(dataset: str = "", **filters: Filter) -> str:
    """Return the address of who was seen in the yard, who is missing, and what else was there.

    :param filters: what is looked for, such as ``status="missing"``.
    """
    return _url("yard", dataset=dataset, **filters)


def accuracy_url(dataset: str = "") -> str:
    """Return the address of how sure the codes are, by what persons looked at."""
    return _url("accuracy", dataset=dataset)


def view_url(view: str, /, **parameters: Filter) -> str:
    """Return the address of any other view, such as a file of one."""
    return _url(view, **parameters)


def airflow_run_url(dag_id: str, run_id: str) -> str:
    """Return the address of Airflow's own page of a run."""
    return f"dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def dataset_key(uri: str) -> str:
    """Return a dataset's URI as it is compared: the same for each way in which one place is written.

    A slash at the end, Airflow's connection in the address, and ``file://`` before a path make no difference.
    """
    text = uri.strip()
    scheme, found, rest = text.partition("://")
    if not found:
        return text.rstrip("/") or "/"
    host, slash, path = rest.partition("/")
    if scheme.lower() in {"file", "local"}:
        return f"/{path}".rstrip("/") or "/"
    return f"{scheme.lower()}://{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def _url(view: str, /, **parameters: Filter) -> str:
    query = urlencode(list(_given(parameters.items())), quote_via=quote, safe="/:")
    return f"{PREFIX}/{view}{f'?{query}' if query else ''}"


def _given(parameters: Iterable[tuple[str, Filter]]) -> Iterable[tuple[str, str]]:
    for name, value in parameters:
        if isinstance(value, bool):
            yield name, "true" if value else "false"
        elif value is not None and value != "":
            yield name, str(value)
