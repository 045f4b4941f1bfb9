"""Announcing in the API server's own process, on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.airflow_versions import since_3_2

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome

# Airflow must not be imported before the fixture has given it a home
pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]
KEY = "2026-03-01T22:15Z"


def announce(asset: str) -> bool:
    """Announce twelve payloads."""
    from airflow_provider_platerec_ocr.runtime.announcement import AirflowAnnouncement

    return AirflowAnnouncement(asset)(KEY, 12)


def announced(home: AirflowHome, asset: str) -> Any:
    """Announce to a new asset, and return the one event that it has."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    assert home.path.is_dir()
    with create_session() as session:
        session.add(AssetModel(name=asset, uri=asset, group="asset"))

    assert announce(asset)

    with create_session() as session:
        event = session.scalars(select(AssetEvent).join(AssetEvent.asset).where(AssetModel.name == asset)).one()
        session.expunge_all()
        return event


def test_an_event_of_the_asset_carries_the_count(airflow_home: AirflowHome) -> None:
    assert announced(airflow_home, "counted").extra == {"payloads": 12}


@since_3_2("events have no partition")
def test_an_event_of_the_asset_carries_its_key(airflow_home: AirflowHome) -> None:
    assert announced(airflow_home, "keyed").partition_key == KEY


def test_where_no_dag_has_the_asset_there_is_nothing_to_announce_to() -> None:
    assert not announce("nobody_has_this")
