"""How a place is handed on: as text. DAG files import it, so it stays small."""

from __future__ import annotations

from typing import Any


def as_text(place: Any) -> Any:
    """Return a path as text, so that it is a template like any other, and anything else as it is."""
    return str(place) if hasattr(place, "__fspath__") else place
