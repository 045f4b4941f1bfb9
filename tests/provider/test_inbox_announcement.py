"""Announcing in the API server's own process, on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.webhook.asset_events import ASSET

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome

# ruff: noqa: PLC0415  # Airflow must not be imported before the fixture has given it a home
pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]


@pytest.fixture
def announcement() -> Any:
    from airflow_provider_platerec_ocr.runtime.announcement import AirflowAnnouncement

    return AirflowAnnouncement


def test_an_event_of_the_asset_carries_key_and_count(airflow_home: AirflowHome, announcement: Any) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    assert airflow_home.path.is_dir()
    with create_session() as session:
        session.add(AssetModel(name=ASSET, uri=ASSET, group="asset"))

    announced = announcement()("2026-03-01T22:15Z", 12)

    assert announced
    with create_session() as session:
        events = session.execute(
            select(AssetEvent.partition_key, AssetEvent.extra)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetModel.name == ASSET)
        ).all()
    assert [tuple(event) for event in events] == [("2026-03-01T22:15Z", {"payloads": 12})]


def test_where_no_dag_has_the_asset_there_is_nothing_to_announce_to(announcement: Any) -> None:
    assert not announcement("nobody_has_this")("2026-03-01T22:15Z", 1)
