"""How templates are found, and the words in which they say numbers, times and money. Everything is escaped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from airflow_provider_platerec_ocr import __version__
from airflow_provider_platerec_ocr.core import page_urls
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import count_of

FOLDER = Path(__file__).parents[1] / "templates"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
NONE = "\N{EN DASH}"
"""Stands where there is nothing to say."""


def templates(nav: tuple[tuple[str, str], ...]) -> Environment:
    """Return the environment of all templates.

    :param nav: label and address of each view, in order.
    """
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "number": number,
        "percent": percent,
        "moment": moment,
        "day": day,
        "ago": ago,
        "duration": duration,
        "shown": redact,
        "counted": count_of,
    }
    made.globals |= {name: getattr(page_urls, name) for name in dir(page_urls) if name.endswith("_url")}
    made.globals |= {"nav": nav, "version": __version__, "nothing": NONE}
    return made


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with its thousands divided."""
    return NONE if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share as a percentage."""
    return NONE if value is None else f"{100.0 * value:.{digits}f} %"


def as_time(value: Any) -> datetime | None:
    """Return a time, or its text in ISO 8601, as a time in UTC; ``None`` where it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(value: Any) -> str:
    """Return a time as ``2026-03-01 22:05`` (UTC)."""
    at = as_time(value)
    return NONE if at is None else f"{at:%Y-%m-%d %H:%M}"


def day(value: Any) -> str:
    """Return the day of a time as ``2026-03-01`` (UTC)."""
    at = as_time(value)
    return NONE if at is None else f"{at:%Y-%m-%d}"


def ago(value: Any, now: datetime) -> str:
    """Return how long ago a time is."""
    at = as_time(value)
    return NONE if at is None else f"{duration((now - at).total_seconds())} ago"


def duration(seconds: float | timedelta | None) -> str:
    """Return seconds as people say them: ``45 s``, ``12 min``, ``2 h 05 min``, ``3 days``."""
    if seconds is None:
        return NONE
    whole = round(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    if whole < _MINUTE_S:
        return f"{max(0, whole)} s"
    if whole < _HOUR_S:
        minutes, rest = divmod(whole, _MINUTE_S)
        return f"{minutes} min {rest:02d} s" if minutes < 10 and rest else f"{minutes} min"  # noqa: PLR2004  # short ones
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    return count_of(round(whole / _DAY_S), "day")
