"""Connections of object stores, resolved in a task and used in the child that makes its calls.

Only a task may ask Airflow for a connection, so it asks for each that its places need. They travel through the pipe and
become the child's own variables ``AIRFLOW_CONN_…`` once it runs, which nobody sees in ``/proc``: there a process shows
what it was started with. The child loads this where a place needs Airflow, and Airflow itself with the first place.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow.sdk import Connection

_CHOSEN_BY_PROVIDERS = {
    "s3": ("aws_default",),
    "s3a": ("aws_default",),
    "s3n": ("aws_default",),
    "gs": ("google_cloud_default",),
    "gcs": ("google_cloud_default",),
    "abfs": ("wasb_default", "adls_default"),
    "abfss": ("wasb_default", "adls_default"),
    "adl": ("adls_default",),
}
"""What a provider may ask for where a URI names no connection."""

_CHILDS_AIRFLOW = {
    "PYTHON_OPERATORS_VIRTUAL_ENV_MODE": "1",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}
"""What Airflow is told before the child of a task imports it: that it has no database, as Airflow's own virtualenv
operators tell their processes (a task's environment names one that cannot be opened, and the import would fail), and to
log nothing that would come as noise among the task's lines."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Opens file systems in another process; holds secrets, so it is never written down or shown."""

    connections: Mapping[str, str] = field(repr=False)
    """Connection id to the connection as JSON."""

    def __call__(self, scheme: str, conn_id: str) -> Any:
        """Return the file system of ``scheme`` as the connection ``conn_id`` opens it.

        :raises AirflowNotFoundException: that connection cannot be read here.
        """
        os.environ.update(_CHILDS_AIRFLOW)
        for known, value in self.connections.items():
            os.environ[f"AIRFLOW_CONN_{known.upper()}"] = value
        from airflow.sdk.io import attach  # it reads its settings when it is imported

        from airflow_provider_platerec_ocr.compat import BaseHook, read_connections_without_database  # as above

        read_connections_without_database()
        if conn_id:
            BaseHook.get_connection(conn_id)  # else Amazon's provider would go on with what it finds by itself
        return attach(scheme, conn_id or None).fs


def hand_over(used: Collection[tuple[str, str]]) -> HandedOver:
    """Return what opens the file systems ``used`` (scheme, and connection id or nothing) in another process.

    :raises AirflowNotFoundException: a connection that a URI names is not there.
    """
    from airflow_provider_platerec_ocr.compat import AirflowNotFoundException, BaseHook  # as above

    connections = {conn_id: _as_json(BaseHook.get_connection(conn_id)) for _, conn_id in used if conn_id}
    for scheme in {scheme for scheme, conn_id in used if not conn_id}:
        for conn_id in _CHOSEN_BY_PROVIDERS.get(scheme, ()):
            with suppress(AirflowNotFoundException):
                connections[conn_id] = _as_json(BaseHook.get_connection(conn_id))
    return HandedOver(connections)


def _as_json(connection: Connection) -> str:
    """Return a connection as its variable holds it; by its fields, which all versions of Airflow have."""
    names = ("conn_type", "description", "login", "password", "host", "port", "schema", "extra")
    fields = {name: getattr(connection, name, None) for name in names}
    return json.dumps({name: value for name, value in fields.items() if value is not None})
