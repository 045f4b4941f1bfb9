"""Announcing in the API server's own process, on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.runtime.inbox_access import ASSET, AirflowAnnouncement

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]


def test_an_event_of_the_asset_carries_key_and_count(airflow_home: AirflowHome) -> None:
    from airflow.models.asset import AssetEvent, AssetModel  # noqa: PLC0415  # not before the home is made
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    assert airflow_home.path.is_dir()
    with create_session() as session:
        session.add(AssetModel(name=ASSET, uri=ASSET, group="asset"))

    announced = AirflowAnnouncement()("2026-03-01T22:15Z", 12)

    assert announced
    with create_session() as session:
        events = session.execute(
            select(AssetEvent.partition_key, AssetEvent.extra)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetModel.name == ASSET)
        ).all()
    assert [tuple(event) for event in events] == [("2026-03-01T22:15Z", {"payloads": 12})]


def test_where_no_dag_has_the_asset_there_is_nothing_to_announce_to() -> None:
    assert not AirflowAnnouncement("nobody_has_this")("2026-03-01T22:15Z", 1)
