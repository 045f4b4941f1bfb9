"""How deep JSON may be nested that is written down again: by the API's answers and by webhooks alike."""

from __future__ import annotations

from typing import Any

DEEPEST = 64
"""Levels of nesting that are taken; the API's own answers and payloads have eight."""


def is_shallow(value: Any) -> bool:
    """Return whether ``value`` has at most :data:`DEEPEST` levels, without recursion."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False
