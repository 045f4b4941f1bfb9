"""What a downstream DAG learns of a run: the events of the assets in a task's outlets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias

from airflow_provider_platerec_ocr.compat import extra_of_alias, key_event
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.file_uri import is_file_uri, uri_of_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

log = logging.getLogger(__name__)


def tell_assets(
    context: Context, outlets: Iterable[Any], dataset: str, extra: dict[str, Any], *, key: str | None = None
) -> None:
    """Put ``extra`` on the event of each asset in ``outlets``; Airflow emits it when the task succeeds.

    An alias emits an event of the table itself, as the asset of its URI. What is no asset is left aside: outlets may
    hold anything.

    :param key: the events' partition key, for DAGs that run once a partition; an alias cannot have one.
    """
    assets = [outlet for outlet in outlets if isinstance(outlet, Asset)]
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(table_among(assets, dataset), extra=extra_of_alias(extra))
            if key:
                log.info("The event of the alias %s has no partition key: Airflow keeps none for aliases.", outlet.name)
            continue
        try:
            event = context["outlet_events"][outlet]
        except TypeError:
            continue
        event.extra = extra
        if key:
            key_event(event, key)


def table_among(assets: Iterable[Asset], dataset: str) -> Asset:
    """Return the asset of the table: the one that is declared with its URI, else one that is called by it.

    A connection in the place is how we open it, and no part of what it is.
    """
    uri = asset_uri(dataset)
    return next((asset for asset in assets if _same(asset.uri, uri, dataset)), None) or Asset(uri=uri)


def _same(asset: str, uri: str, dataset: str) -> bool:
    return asset in {uri, dataset} or (is_file_uri(asset) and is_file_uri(uri) and asset_uri(asset) == uri)


def asset_uri(dataset: str) -> str:
    """Return the URI of a place as assets have it: ``file:///data/reads``, ``s3://bucket/reads``."""
    place = open_place(dataset)
    return uri_of_path(place.path) if place.is_local else place.uri
