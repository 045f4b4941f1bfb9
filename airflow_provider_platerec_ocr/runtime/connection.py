"""From an Airflow connection to settings, in a task (sync) and in a trigger (async), without any HTTP library.

Everything that needs the token starts here, so this is also where Airflow is told to mask it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow.sdk.log import mask_secret

from airflow_provider_platerec_ocr.compat import BaseHook, aget_connection, amask_secret
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.settings import ClientSettings

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONN_TYPE = "platerec_ocr"
DEFAULT_CONN_ID = "platerec_ocr_default"
_NO_SCHEME = (
    " It has no type either, so it may be a URI that Airflow cannot read: no scheme of a URI has an underscore. Write "
    "platerec-ocr://:TOKEN@/ instead of platerec_ocr://…, or the connection as JSON."
)
"""Airflow takes such a URI for one without a scheme, and loses the token with everything else."""


def load_settings(conn_id: str = DEFAULT_CONN_ID) -> ClientSettings:
    """Return the settings in the connection ``conn_id``; its secrets are masked in all logs from here on.

    :raises OCRConfigError: a value of the connection cannot be used; the message names it.
    :raises AirflowNotFoundException: there is no such connection.
    """
    return masked_settings(BaseHook.get_connection(conn_id))


def masked_settings(connection: Connection) -> ClientSettings:
    """Return the settings in a connection; its secrets are masked in all logs from here on.

    :raises OCRConfigError: a value of the connection cannot be used.
    """
    for secret in _secrets(connection):
        mask_secret(secret)
    return settings_of(connection)


async def aload_settings(conn_id: str = DEFAULT_CONN_ID) -> ClientSettings:
    """Return what :func:`load_settings` returns, from async code (a trigger)."""
    connection = await aget_connection(conn_id)
    for secret in _secrets(connection):
        await amask_secret(secret)
    return settings_of(connection)


def settings_of(connection: Connection) -> ClientSettings:
    """Return the settings in an Airflow connection: password, host, port and extra; other fields have no effect."""
    try:
        return ClientSettings.from_connection(
            token=connection.password, host=connection.host, port=connection.port, extra=_extra(connection)
        )
    except OCRConfigError as error:
        message = f"Connection {connection.conn_id!r}: {error}{'' if connection.conn_type else _NO_SCHEME}"
        raise OCRConfigError(message) from None


def _extra(connection: Connection) -> dict[str, Any]:
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        message = 'The extra is no JSON object such as {"rate_per_s": 8}.'
        raise OCRConfigError(message)
    return extra


def _secrets(connection: Connection) -> list[str]:
    """Return what must be masked even if the connection cannot be used: the token, and the proxy's own password."""
    try:
        proxy_password = urlsplit(str(_extra(connection).get("proxy") or "")).password
    except ValueError:
        proxy_password = None
    return [secret for secret in (connection.password, proxy_password, unquote(proxy_password or "")) if secret]
