"""Reading a manifest in a test, and what came of it in a form that fits one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow, read_manifest
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


def rows(manifest: Path | str, content: str | bytes | None = None, **more: Any) -> list[PlannedImage | BadRow]:
    """Read a manifest as one of type ``vin``; ``content`` is written to it before."""
    if content is not None:
        path: Any = manifest
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given: dict[str, Any] = {"opener": local_place, "default_type": "vin"}
    return list(read_manifest(str(manifest), **given | more))


def planned(manifest: Path | str, content: str | bytes | None = None, **more: Any) -> list[PlannedImage]:
    """Read a manifest that has no bad row."""
    found = rows(manifest, content, **more)
    bad = [item.message for item in found if isinstance(item, BadRow)]
    assert not bad, bad
    return [item for item in found if isinstance(item, PlannedImage)]


def problems(found: list[PlannedImage | BadRow]) -> list[tuple[int, str]]:
    """The bad rows: number and message."""
    return [(item.row, item.message) for item in found if isinstance(item, BadRow)]


def own(image: PlannedImage | BadRow) -> Any:
    """The manifest's own columns of an image."""
    assert isinstance(image, PlannedImage)
    return None if image.manifest_columns is None else json.loads(image.manifest_columns)
