"""Lines of text as an OCR engine gives them, and joining lines that belong together.

A code painted on a trailer comes back in pieces: owner, serial number, boxed check digit, each with its own box, along
a baseline that perspective has tilted; or letter by letter down a corner post. Pure geometry; knows nothing of codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.ocr.reader import Orientation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Point = tuple[float, float]
Box = tuple[Point, Point, Point, Point]

TALL = 1.5
"""A box this much higher than wide holds vertical text."""
MAX_PIECES = 11
_MAX_GAP = 3.0
_MAX_OVERLAP = 0.6
_MAX_SHIFT = 0.5
_MAX_SIZE_RATIO = 2.2
_MAX_DOWN_GAP = 1.6
_MAX_DOWN_OVERLAP = 0.8


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of text with its place; pixel coordinates, y downwards."""

    text: str
    """As the engine read it."""
    score: float
    """The engine's confidence, 0 to 1."""
    box: Box
    """Corners: top left, top right, bottom right, bottom left."""

    @property
    def centre(self) -> Point:
        """Middle of the box."""
        return sum(x for x, _ in self.box) / 4, sum(y for _, y in self.box) / 4

    @property
    def width(self) -> float:
        """Length of the upper edge."""
        return math.dist(self.box[0], self.box[1])

    @property
    def height(self) -> float:
        """Length of the left edge."""
        return math.dist(self.box[0], self.box[3])

    @property
    def direction(self) -> Point:
        """Unit vector along the upper and lower edges, left to right."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self.box
        x, y = x1 + x2 - x0 - x3, y1 + y2 - y0 - y3
        length = math.hypot(x, y) or 1.0
        return x / length, y / length

    @property
    def is_tall(self) -> bool:
        """Whether the box is that of vertical text."""
        return self.height > TALL * self.width


@dataclass(frozen=True, slots=True)
class Run:
    """One or more lines read as one text."""

    pieces: tuple[Line, ...]
    """In reading order."""
    orientation: Orientation
    """How the whole runs."""

    @property
    def text(self) -> str:
        """The pieces with blanks between them."""
        return " ".join(piece.text for piece in self.pieces)

    @property
    def score(self) -> float:
        """The weakest piece's confidence."""
        return min(piece.score for piece in self.pieces)

    @property
    def size(self) -> float:
        """Height of the letters, in pixels."""
        sizes = [min(piece.width, piece.height) if piece.is_tall else piece.height for piece in self.pieces]
        return max(sizes)


def runs(lines: Sequence[Line]) -> Iterator[Run]:
    """Give every line alone and every way of going on from it: to the right, and downwards (read down and up)."""
    for line in lines:
        alone = Orientation.VERTICAL if line.is_tall and len(line.text) > 1 else Orientation.HORIZONTAL
        yield Run((line,), alone)
        if not line.is_tall or len(line.text.strip()) == 1:
            for end in _prefixes(_chain(line, lines, _to_the_right)):
                yield Run(end, Orientation.HORIZONTAL)
        for end in _prefixes(_chain(line, lines, _below)):
            yield Run(end, Orientation.VERTICAL)
            if end[0].is_tall:
                yield Run(end[::-1], Orientation.VERTICAL)


def _prefixes(chain: list[Line]) -> Iterator[tuple[Line, ...]]:
    for count in range(2, len(chain) + 1):
        yield tuple(chain[:count])


def _chain(first: Line, lines: Sequence[Line], distance: Step) -> list[Line]:
    chain = [first]
    while len(chain) < MAX_PIECES:
        reachable = [(gap, line) for line in lines if line not in chain and (gap := distance(chain, line)) is not None]
        if not reachable:
            break
        chain.append(min(reachable, key=lambda item: item[0])[1])
    return chain


def _similar(one: float, other: float) -> bool:
    return max(one, other) <= _MAX_SIZE_RATIO * max(min(one, other), 1.0)


def _baseline(chain: list[Line]) -> Point:
    """Direction of a run: its widest piece's own, since a single character's box says nothing about tilt."""
    return max(chain, key=lambda line: line.width / max(line.height, 1.0)).direction


def _to_the_right(chain: list[Line], line: Line) -> float | None:
    """Give the gap to a line that continues the chain's baseline to the right, in pixels; None if it does not."""
    last = chain[-1]
    size = max(last.height, 1.0)
    (ux, uy), (x0, y0), (x1, y1) = _baseline([*chain, line]), last.centre, line.centre
    along = (x1 - x0) * ux + (y1 - y0) * uy
    across = abs((y1 - y0) * ux - (x1 - x0) * uy)
    gap = along - (last.width + line.width) / 2
    fits = -_MAX_OVERLAP * size <= gap <= _MAX_GAP * size and across <= _MAX_SHIFT * size and along > 0
    return gap if fits and _similar(last.height, line.height) else None


def _below(chain: list[Line], line: Line) -> float | None:
    """Give the gap to a line under the chain, in the same column; None if it is not."""
    last = chain[-1]
    size = max(min(last.width, line.width), 1.0)
    (x0, y0), (x1, y1) = last.centre, line.centre
    gap = (y1 - y0) - (last.height + line.height) / 2
    stacked = all(piece.is_tall or len(piece.text.strip()) <= 2 for piece in (last, line))  # noqa: PLR2004  # a letter or two is tall by chance
    fits = y1 > y0 and abs(x1 - x0) <= _MAX_SHIFT * max(last.width, line.width) and stacked
    return gap if fits and -_MAX_DOWN_OVERLAP * size <= gap <= _MAX_DOWN_GAP * size else None


if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[list[Line], Line], float | None]
