"""The manifest's own columns, which the table keeps as one text of JSON a row, as columns again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFIX = "m_"
"""Before each name, so that a manifest's ``code`` or ``type`` meets none of the table's."""


def unfolded(texts: Sequence[str | None]) -> Iterator[tuple[str, Any]]:
    """Yield name and Arrow array of each column that any of the rows has, in the order in which they come first.

    A column has the type that all of its values have in common; where they have none, it is text.
    """
    import pyarrow as pa

    rows = [_loaded(text) for text in texts]
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        try:
            array = pa.array(values)
        except (pa.ArrowException, OverflowError):
            array = pa.array([_text(value) for value in values], pa.string())
        yield f"{PREFIX}{name}", array


def _loaded(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:  # another program wrote it
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
