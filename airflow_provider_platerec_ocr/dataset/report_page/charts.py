"""Charts as SVG within the page: numbers in, markup out. Nothing of a run but numbers gets into one.

Colours are the page's own (classes), so that they follow light, dark and print. Each chart says in words what it shows;
where one stands in a table, its numbers stand beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAR, _GAP = 5, 1
_HEIGHT = 26
_WIDE, _TALL, _ROOM = 640, 120, 14


def histogram(bins: Sequence[int], weak: int, label: str) -> Markup:
    """Return a row of bars, from 0 to 1.

    :param weak: how many of the first bars are low confidence, which another colour shows.
    :param label: what it shows, for who cannot see it.
    """
    top, width = max(bins, default=0) or 1, len(bins) * (_BAR + _GAP)
    bars = "".join(
        _bar("low" if place < weak else "ok", place * (_BAR + _GAP), _HEIGHT, _BAR, _height(number, top, _HEIGHT))
        for place, number in enumerate(bins)
        if number
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">'
        '<path class="axis" d="M0 {1}H{0}"/>{3}</svg>'
    ).format(width, _HEIGHT, label, Markup(bars))  # noqa: S704  # made of numbers above


def share_bar(share: float, label: str) -> Markup:
    """Return one bar for a share of 1."""
    return Markup(
        '<svg class="spark" viewBox="0 0 100 10" width="100" height="10" role="img" aria-label="{}">'
        '<rect class="back" width="100" height="10"/><rect class="bad" width="{:.1f}" height="10"/></svg>'
    ).format(label, 100 * min(1.0, max(0.0, share)))


def nights(columns: Sequence[Sequence[int]], kinds: Sequence[str], label: str) -> Markup:
    """Return stacked bars, one a night, oldest first.

    :param columns: for each night, a number of each kind, which stand on one another.
    :param kinds: the class of each.
    """
    if not columns:
        return Markup()
    top = max(1, *map(sum, columns))
    step = min(_WIDE / len(columns), _WIDE / 10)
    drawn = []
    for place, column in enumerate(columns):
        floor = float(_TALL)
        for kind, number in zip(kinds, column, strict=True):
            height = number / top * (_TALL - _ROOM)
            drawn.append(_bar(kind, place * step + 1, floor, max(1.0, step - 2), height) if number else "")
            floor -= height
    return Markup(
        '<svg class="nights" viewBox="0 0 {0} {1}" role="img" aria-label="{2}" preserveAspectRatio="xMinYMax meet">'
        '<text class="top" x="0" y="10">{3}</text><path class="axis" d="M0 {1}H{0}"/>{4}</svg>'
    ).format(_WIDE, _TALL, label, f"{top:,}", Markup("".join(drawn)))  # noqa: S704  # made of numbers above


def curves(lines: Sequence[tuple[str, Sequence[tuple[float, float]]]], label: str) -> Markup:
    """Return lines over a square from 0 to 1, both ways; at the top stands how much the highest point is.

    :param lines: the class of each, and its points from left to right.
    """
    top = max((y for _, points in lines for _, y in points), default=0.0) or 1.0
    drawn = "".join(
        f'<polyline class="line {kind}" points="'
        + " ".join(f"{x * _WIDE:.1f},{_TALL - y / top * (_TALL - _ROOM):.1f}" for x, y in points)
        + '"/>'
        for kind, points in lines
        if points
    )
    return Markup(
        '<svg class="nights" viewBox="0 0 {0} {1}" role="img" aria-label="{2}" preserveAspectRatio="xMinYMax meet">'
        '<text class="top" x="0" y="10">{3}</text><path class="axis" d="M0 {1}H{0}"/>{4}</svg>'
    ).format(_WIDE, _TALL, label, f"{100 * top:.0f} %", Markup(drawn))  # noqa: S704  # made of numbers above


def _height(number: int, top: int, room: int) -> float:
    return max(1.0, number / top * (room - 1))


def _bar(kind: str, left: float, floor: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{left:.1f}" y="{floor - height:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
