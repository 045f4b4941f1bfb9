"""The inbox of webhooks as Airflow sees it: where it is, and whether there is one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.runtime.places import airflow_home, open_place, option
from airflow_provider_platerec_ocr.webhook.inbox import Inbox

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath


def default_inbox() -> str:
    """Return the folder of the inbox where no option names one."""
    return str(airflow_home() / "platerec_ocr" / "inbox")


def inbox_uri(inbox: str | os.PathLike[str] | None = None) -> str | None:
    """Return where the inbox is: the argument, else the option, else the default folder if it is there, else ``None``.

    :param inbox: path or URI.
    """
    given = os.fspath(inbox).strip() if inbox else ""
    if given or (given := option("inbox")):
        return given
    default = default_inbox()
    return default if os.path.isdir(default) else None  # noqa: PTH112  # it is text here


def inbox_place(inbox: str | os.PathLike[str] | None = None) -> StoragePath | None:
    """Return :func:`inbox_uri` as an opened place; nothing is created."""
    uri = inbox_uri(inbox)
    return None if uri is None else open_place(uri)


def open_inbox(inbox: str | os.PathLike[str] | None = None, *, clock: Clock | None = None) -> Inbox | None:
    """Return the inbox, or ``None`` where there is none."""
    place = inbox_place(inbox)
    return None if place is None else Inbox(place, clock=clock or SystemClock())
