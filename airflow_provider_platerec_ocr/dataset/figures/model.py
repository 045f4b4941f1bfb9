"""What was counted, as frozen values: numbers for the report's JSON, and the few reads and letters that its page shows.

No image and no code is in :meth:`Figures.to_json` beyond the names of the slowest calls; whoever asks for a deletion
has them masked there like everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

BINS = 20
"""Bars of a distribution of confidence, each 0.05 wide."""
OTHERS = "(others)"
"""Stands for all cameras of a type beyond those that are counted by themselves."""
DOUBTFUL_BELOW = 0.8
"""Confidence below which a read is worth a look."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The confidence of the codes that one camera, or all of them, gave for one type, and their check digits."""

    type: str
    """What was read."""
    camera: str | None
    """Which camera; ``None`` where nobody named one. Of those beyond the first few hundred: :data:`OTHERS`."""
    bins: tuple[int, ...]
    """Codes by confidence: :data:`BINS` equal parts of 0 to 1."""
    unknown: int = 0
    """Codes without a confidence from 0 to 1."""
    checked: int = 0
    """Codes that have a check digit."""
    failed: int = 0
    """Of these, codes whose check digit is wrong."""
    below: int = 0
    """Codes with a confidence below :data:`DOUBTFUL_BELOW`."""

    @property
    def codes(self) -> int:
        """How many codes there are."""
        return sum(self.bins) + self.unknown

    @property
    def median(self) -> float | None:
        """Confidence in the middle, to half the width of a bar; ``None`` where none is known."""
        return middle(self.bins)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "type": self.type,
            "camera": self.camera,
            "codes": self.codes,
            "median": self.median,
            "below": self.below,
            "bins": list(self.bins),
            "unknown": self.unknown,
            "checked": self.checked,
            "failed": self.failed,
        }


def middle(bins: tuple[int, ...]) -> float | None:
    """Return the middle of the bar in which the middle one of all lies, 0 to 1; ``None`` where there are none."""
    half = sum(bins) / 2
    if not half:
        return None
    index = next(index for index, counted in enumerate(accumulate(bins)) if counted >= half)
    return round((index + 0.5) / len(bins), 3)


@dataclass(frozen=True, slots=True)
class SlowCall:
    """One of the slowest calls."""

    seconds: float
    """From the request to the whole answer."""
    image: str
    image_version: str | None
    fingerprint: str | None
    type: str
    row: int
    """Of the manifest."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"seconds": self.seconds, "type": self.type, "row": self.row, "image": self.image}


@dataclass(frozen=True, slots=True)
class Calls:
    """How long calls took; nothing where they were made by a version that did not write it down."""

    timed: int = 0
    """Calls that are counted here."""
    median_s: float | None = None
    """Seconds in the middle, within some 5 %."""
    p95_s: float | None = None
    """Seconds that one in twenty is slower than, within some 5 %."""
    slowest: tuple[SlowCall, ...] = ()
    """The slowest ones, slowest first."""

    @property
    def slowest_s(self) -> float | None:
        """Seconds of the slowest."""
        return self.slowest[0].seconds if self.slowest else None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "timed": self.timed,
            "median_s": self.median_s,
            "p95_s": self.p95_s,
            "slowest": [each.to_json() for each in self.slowest],
        }


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A read that somebody should look at."""

    why: tuple[str, ...]
    """In words, the worst first."""
    image: str
    image_name: str
    """What the manifest calls it."""
    image_version: str | None
    fingerprint: str | None
    type: str
    row: int | None
    """Of the manifest."""
    code: str
    code_normalized: str | None
    confidence: float | None
    camera: str | None
    shard: int
    """Position of its shard in the plan."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An image or a row that could not be read."""

    reason: str
    message: str
    image: str | None
    image_version: str | None
    fingerprint: str | None
    row: int | None
    permanent: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was counted."""

    types: tuple[Spread, ...] = ()
    """By type, all cameras together; the most codes first."""
    cameras: tuple[Spread, ...] = ()
    """By type and camera; the most codes first within a type."""
    several: int = 0
    """Images with several codes."""
    calls: Calls = Calls()
    read_until: str | None = None
    """When the last image ended; UTC, ISO 8601."""
    doubtful: tuple[Doubtful, ...] = ()
    """The most doubtful reads, worst first."""
    doubts: int = 0
    """How many rows are doubtful."""
    letters: tuple[Letter, ...] = ()
    """Some dead letters of each reason, in the order of the manifest."""

    @property
    def checked(self) -> int:
        """Codes that have a check digit."""
        return sum(each.checked for each in self.types)

    @property
    def failed(self) -> int:
        """Of these, codes whose check digit is wrong."""
        return sum(each.failed for each in self.types)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON-ready data."""
        return {
            "check_digits": {"checked": self.checked, "failed": self.failed},
            "several_codes": self.several,
            "doubtful": self.doubts,
            "types": [_without(each.to_json(), "camera") for each in self.types],
            "cameras": [each.to_json() for each in self.cameras],
            "calls": self.calls.to_json(),
        }


def _without(data: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}
