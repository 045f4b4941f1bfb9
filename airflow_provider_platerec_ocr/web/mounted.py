"""The page as Airflow's API server mounts it: who is signed in, what they may do, and where the datasets are.

Airflow's own checks are called as its own routes call them, so teams, tokens and whatever an auth manager does are
Airflow's business. They are no declared public interface: who imports this module says so in the log where an Airflow
to come has moved them.
"""

import logging
import secrets
from types import SimpleNamespace
from typing import Any

from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException

from airflow_provider_platerec_ocr.compat import conf, find
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.runtime.connection import masked_settings
from airflow_provider_platerec_ocr.runtime.places import ledger_uri, open_place, option
from airflow_provider_platerec_ocr.web.app import build_app
from airflow_provider_platerec_ocr.web.frame.account_facts import Accounts
from airflow_provider_platerec_ocr.web.frame.datasets import Datasets, Sources

_log = logging.getLogger(__name__)


class AirflowViewer:
    """A signed-in user of Airflow.

    :param user: as Airflow's auth manager has them.
    """

    def __init__(self, user: Any) -> None:
        self._user = user

    @property
    def name(self) -> str:
        """Return the name that Airflow's audit log has for them."""
        return str(self._user.get_name())

    def may_read(self, dag_id: str) -> bool:
        """Return whether they may read a DAG; an empty id stands for DAGs as such."""
        return self._may("GET", dag_id)

    def may_edit(self, dag_id: str) -> bool:
        """Return whether they may change a DAG; an empty id stands for DAGs as such."""
        return self._may("PUT", dag_id)

    def _may(self, method: Any, dag_id: str) -> bool:
        asked: Any = SimpleNamespace(path_params={"dag_id": dag_id} if dag_id else {}, query_params={})
        try:
            requires_access_dag(method)(asked, self._user)
        except HTTPException:
            return False
        return True

    def note(self, event: str, dag_id: str, text: str) -> None:
        """Write down what they changed: in this process's log, and in Airflow's audit log."""
        _log.info("%s by %s: %s", event, self.name, text)
        try:
            log, open_session = find("Log", ("airflow.models.log",)), find("create_session", ("airflow.utils.session",))
            with open_session() as session:
                session.add(log(event=event, owner=self.name, owner_display_name=self.name, extra=text, dag_id=dag_id))
        except Exception as error:  # noqa: BLE001  # what was done is done, and is in the log above
            _log.warning("Airflow's audit log does not have it: %s", error)


def airflow_viewer(user: Any = Depends(get_user)) -> AirflowViewer:  # noqa: B008  # as Airflow declares it
    """Return who asks; Airflow's own dependency answers 401 where nobody is signed in."""
    return AirflowViewer(user)


def airflow_page() -> FastAPI:
    """Return the page for Airflow's API server; nothing is opened before somebody looks."""
    clock = SystemClock()
    named = tuple(uri.strip() for uri in option("datasets").split(",") if uri.strip())
    sources = Sources((ledger_uri(),), named, opener=open_place)
    datasets, accounts = Datasets(sources, clock), Accounts(settings_in_server, clock)
    return build_app(airflow_viewer, datasets, accounts, clock=clock, secret=_secret())


def settings_in_server(conn_id: str) -> ClientSettings:
    """Return the settings of a connection, as this process finds it: no worker is asked.

    :raises Exception: there is none here, or it cannot be used; its message names it.
    """
    connection = find("Connection", ("airflow.models.connection", "airflow.models"))
    return masked_settings(connection.get_connection_from_secrets(conn_id))


def _secret() -> bytes:
    """Return what signs forms: derived from Airflow's own secret, which all API servers have."""
    own = conf.get("api", "secret_key", fallback="") or ""
    return own.encode() if own else secrets.token_bytes(32)
