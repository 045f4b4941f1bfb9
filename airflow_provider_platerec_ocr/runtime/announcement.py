"""How DAGs learn that something came: a receiver in Airflow's API server announces through the database beside it.

A receiver of its own goes through the public API (:mod:`..webhook.asset_events`). Airflow's classes that are used here
are not declared public, and load half of Airflow: only the API server does.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.webhook.asset_events import ASSET

_log = logging.getLogger(__name__)


class AirflowAnnouncement:
    """Announces in the process of Airflow's API server, through its database.

    For :class:`..webhook.asset_events.Announcer`. Blocks; any thread may call it.

    :param asset: name of the asset that gets the event.
    """

    def __init__(self, asset: str = ASSET) -> None:
        self._asset = asset

    def __call__(self, key: str, payloads: int) -> bool:
        """Register one event of the asset; return ``False`` where no DAG knows the asset, so that nothing would start.

        :param key: the event's partition.
        :param payloads: how many came since the last one.
        """
        with create_session() as session:
            model = session.scalar(select(AssetModel).where(AssetModel.name == self._asset))
            if model is None:
                _log.info(
                    "%s came, and no DAG has the asset %s: nothing is started.",
                    count_of(payloads, "payload"),
                    self._asset,
                )
                return False
            extra: dict[str, Any] = {"payloads": payloads}
            asset_manager.register_asset_change(
                asset=model, extra=extra, partition_key=key, source_is_api=True, session=session
            )
        return True
