"""Where to look again when a container code came out incomplete: a strip along its baseline, longer than what was read.

Pure geometry on what was picked; reading the strip is the engine's work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import Rank
from airflow_provider_platerec_ocr.sandbox.ocr.reader import Orientation

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import Candidate
    from airflow_provider_platerec_ocr.sandbox.ocr.lines import Box, Point

_SERIAL_WITH_CHECK = 7
_MARGIN = 0.25
_CHECK_DIGIT_ROOM = 2.2
_OWNER_ROOM = 4.5
"""Room added, in letter heights."""


def needs_second_look(found: Candidate, type_: str) -> bool:
    """Tell whether a code looks like a container's with its check digit or its owner letters missing."""
    lone_serial = found.rank is Rank.FLEET and found.code.isdigit() and len(found.code) == _SERIAL_WITH_CHECK
    return type_ != "vin" and (found.rank is Rank.PARTIAL or lone_serial)


def strips_around(found: Candidate) -> list[Box]:
    """Give the strips to read, best first: longer after the code, or before it where the owner is missing."""
    first, last = found.run.pieces[0], found.run.pieces[-1]
    size = found.run.size
    along = _unit(first.box, last.box, vertical=found.run.orientation is Orientation.VERTICAL)
    across = (-along[1], along[0])
    before, after = (0.5, _CHECK_DIGIT_ROOM) if found.rank is Rank.PARTIAL else (_OWNER_ROOM, 0.5)
    corners = [corner for piece in found.run.pieces for corner in piece.box]
    on = [x * along[0] + y * along[1] for x, y in corners]
    off = [x * across[0] + y * across[1] for x, y in corners]
    low, high = min(on) - before * size, max(on) + after * size
    strips: list[Box] = []
    for margin in (_MARGIN, 2 * _MARGIN):
        near, far = min(off) - margin * size, max(off) + margin * size
        box = [(low, near), (high, near), (high, far), (low, far)]
        a, b, c, d = (_place(on_, off_, along, across) for on_, off_ in box)
        strips.append((a, b, c, d))
    return strips


def _unit(first: Box, last: Box, *, vertical: bool) -> Point:
    """Direction of reading: from the first box's start edge to the last box's end edge."""
    if vertical:
        start, end = _middle(first[0], first[1]), _middle(last[2], last[3])
    else:
        start, end = _middle(first[0], first[3]), _middle(last[1], last[2])
    length = math.dist(start, end) or 1.0
    return (end[0] - start[0]) / length, (end[1] - start[1]) / length


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _place(on: float, off: float, along: Point, across: Point) -> Point:
    return on * along[0] + off * across[0], on * along[1] + off * across[1]
