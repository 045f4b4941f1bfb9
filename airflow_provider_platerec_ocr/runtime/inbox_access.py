"""The inbox of webhooks as Airflow sees it: where it is, and how DAGs learn that something came.

The receiver in Airflow's API server announces through the database, since it lives beside it
(:class:`AirflowAnnouncement`); a receiver of its own goes through the public API (:mod:`..webhook.asset_events`).
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.runtime.places import airflow_home, open_place, option
from airflow_provider_platerec_ocr.webhook.asset_events import ASSET
from airflow_provider_platerec_ocr.webhook.inbox import Inbox

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["ASSET", "AirflowAnnouncement", "default_inbox", "inbox_place", "inbox_uri", "open_inbox"]

_log = logging.getLogger(__name__)


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


class AirflowAnnouncement:
    """Announces in the process of Airflow's API server, through its database; for :class:`~.announcing.Announcer`.

    Blocks; any thread may call it. Airflow's classes are imported late: they are not declared public.

    :param asset: name of the asset that gets the event.
    """

    def __init__(self, asset: str = ASSET) -> None:
        self._asset = asset

    def __call__(self, key: str, payloads: int) -> bool:
        """Register one event of the asset; return ``False`` where no DAG knows the asset, so that nothing would start.

        :param key: the event's partition.
        :param payloads: how many came since the last one.
        """
        from airflow.assets.manager import asset_manager  # noqa: PLC0415  # see the class
        from airflow.models.asset import AssetModel  # noqa: PLC0415
        from airflow.utils.session import create_session  # noqa: PLC0415
        from sqlalchemy import select  # noqa: PLC0415

        with create_session() as session:
            model = session.scalar(select(AssetModel).where(AssetModel.name == self._asset))
            if model is None:
                _log.info("%s payloads came, and no DAG has the asset %s: nothing is started.", payloads, self._asset)
                return False
            extra: dict[str, Any] = {"payloads": payloads}
            asset_manager.register_asset_change(
                asset=model, extra=extra, partition_key=key, source_is_api=True, session=session
            )
        return True
