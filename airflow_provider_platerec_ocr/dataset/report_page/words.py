"""Numbers as people read them: one way for each, on the whole page. Pure."""

from __future__ import annotations

NOTHING = "\N{EN DASH}"
"""Stands where nothing is known."""
_MINUTE = 60


def number(value: int | None) -> str:
    """Return ``4,812``."""
    return NOTHING if value is None else f"{value:,}"


def share(part: int | None, whole: int | None) -> str:
    """Return ``3.1 %``; nothing of nothing is not known."""
    return NOTHING if part is None or not whole else percent(part / whole)


def percent(value: float | None) -> str:
    """Return a share of 1 as ``3.1 %``; what is more than nothing and less than a tenth is ``under 0.1 %``."""
    if value is None:
        return NOTHING
    return "under 0.1 %" if 0 < value < 0.001 else f"{100 * value:.1f} %"  # noqa: PLR2004  # as the text says


def seconds(value: float | None) -> str:
    """Return ``1 h 02 min 05 s``, ``2 min 05 s``, ``38.2 s``."""
    if value is None:
        return NOTHING
    if value < _MINUTE:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours:,} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s"


def confidence(value: float | None) -> str:
    """Return ``0.93``."""
    return NOTHING if value is None else f"{value:.2f}"


def change(now: float, usual: float) -> str:
    """Return how much more or less it is than usual: ``+12 %``, ``as usual``."""
    if now == usual:
        return "as usual"
    if not usual:
        return "none before"
    ratio = 100 * (now - usual) / usual
    if abs(ratio) < 0.5:  # noqa: PLR2004  # what would be rounded to 0
        return "as usual"
    sign = "+" if ratio > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(ratio):,.0f} %"
