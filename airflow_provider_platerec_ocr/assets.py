"""Assets: a manifest or a table given as one, and the account, which has a URI of its own.

Manifests and tables are files, so their assets have the URIs of where they lie (``file://``, ``s3://``), under which
other tools know them, too. Only the account is ours alone: ``platerec-ocr://<connection id>``. Airflow imports this
module whenever an asset with a URI is made, DAG files do as well: it loads nothing but Airflow's assets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.places import as_text

if TYPE_CHECKING:
    from urllib.parse import SplitResult

SCHEME = "platerec-ocr"
"""Of the account's URIs, in the provider's description."""


def place_of(given: Any) -> Any:
    """Return where an asset or a path lies, as text; what is neither (text, an XCom, nothing) stays as it is.

    :raises OCRConfigError: the asset has a name only, or is an alias.
    """
    if isinstance(given, AssetAlias) or (isinstance(given, Asset) and "://" not in given.uri):
        message = (
            f"The asset {given.name!r} does not say where it lies: give it a URI, as in "
            f"Asset({given.name!r}, uri='s3://bucket/folder')."
        )
        raise OCRConfigError(message)
    return given.uri if isinstance(given, Asset) else as_text(given)


def with_assets(listed: Any, *given: Any) -> list[Any]:
    """Return the inlets or outlets ``listed``, and those of ``given`` that are assets and not listed yet."""
    all_ = list(listed) if isinstance(listed, (list, tuple)) else [listed] if listed else []
    for each in given:
        if isinstance(each, Asset) and each not in all_:
            all_.append(each)
    return all_


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the URI of an account as Airflow keeps it: scheme and connection id, and nothing else.

    :raises ValueError: it names no connection, or more than one.
    """
    if not uri.netloc or uri.path.strip("/") or uri.query:
        message = (
            f"The URI of an account is {SCHEME}:// and the id of its connection, as in {SCHEME}://platerec_ocr_default."
        )
        raise ValueError(message)
    return uri._replace(path="", query="", fragment="")


def create_asset(*, conn_id: str = "platerec_ocr_default", extra: dict[str, Any] | None = None) -> Asset:
    """Return the asset of the account behind a connection."""
    return Asset(uri=f"{SCHEME}://{conn_id}", extra=extra)


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Any:  # noqa: ARG001  # Airflow's signature
    """Return the account as OpenLineage knows it."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    return Dataset(namespace=SCHEME, name=asset.uri.partition("://")[2])
