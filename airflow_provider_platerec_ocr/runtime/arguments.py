"""Arguments as templates leave them: Jinja makes text of everything, so lists, objects and days are read out of text.

Pure: what a text means is decided here; whether a folder exists, who asks.
"""

from __future__ import annotations

import ast
import json
import os
import re
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEXT_ROOT = re.compile(r",\s*(?=[/~]|[A-Za-z][A-Za-z0-9+.-]*:/)")
"""A comma before an absolute path or a URI; before anything else it is part of a folder's name."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOTHING = frozenset({"", "None", "null"})
"""What a template makes of a parameter that is not set."""


def read_literal(text: str) -> Any:
    """Return what a text of JSON, or of Python as ``{{ params.x }}`` renders it, stands for; ``None`` where neither."""
    with suppress(ValueError):
        return json.loads(text)
    with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text.strip())
    return None


def listed(text: str) -> list[Any] | None:
    """Return the list that a text spells, such as ``["a", "b"]``; ``None`` where it spells none."""
    if text.strip() in _NOTHING:
        return []
    found = read_literal(text) if text.strip()[:1] in {"[", "("} else None
    return list(found) if isinstance(found, (list, tuple)) else None


def stripped(parts: str | os.PathLike[str] | Iterable[Any] | None) -> list[str]:
    """Return parts as texts without blanks around them, and without empty ones."""
    if not parts:
        return []
    if isinstance(parts, (str, os.PathLike)):
        parts = [parts]
    return [text for text in (str(part).strip() for part in parts) if text not in _NOTHING]


def roots_in(text: str) -> list[str]:
    """Return the folders of a text: divided where a comma stands before an absolute path or a URI."""
    return stripped(part.rstrip(", ") for part in _NEXT_ROOT.split(text))


def mapping(value: Any, name: str) -> dict[str, str]:
    """Return a templated object of texts: a dict, or text of JSON or Python that spells one; nothing is an empty one.

    :raises OCRConfigError: it is no object, or holds something that is no text.
    """
    if value is None or (isinstance(value, str) and value.strip() in _NOTHING):
        return {}
    found = read_literal(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or not all(isinstance(each, str) for pair in found.items() for each in pair):
        message = f'{name} must be an object of texts such as {{"gate-1": "trailer_id"}}, not {value!r}.'
        raise OCRConfigError(message)
    return found


def day(value: Any, name: str) -> str | None:
    """Return a templated day as ``YYYY-MM-DD``; ``None`` where there is none. A ``datetime`` counts with its own day.

    :raises OCRConfigError: it is no day; a text with a time is none either, since it may be another day elsewhere.
    """
    text = value.strftime("%Y-%m-%d") if isinstance(value, date) else str(value or "").strip()
    if text in _NOTHING:
        return None
    with suppress(ValueError):
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    message = f"{name} must be a day such as 2026-03-01 (a template gives it with `| ds`), not {value!r}."
    raise OCRConfigError(message)
