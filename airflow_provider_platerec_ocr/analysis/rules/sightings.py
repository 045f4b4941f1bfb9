"""Several photographs of one unit at one time, as one sighting, with the code that they say together.

Pure. Reads become one sighting where their codes are equal, or differ in one character of the same shape (``8`` and
``B``) and nothing says that they are two units. Digits that look alike are never taken for one another here:
consecutive serial numbers are two units.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    Near = Callable[["list[Read]", "list[Read]"], bool]

WINDOW = timedelta(minutes=10)
"""Photographs of one unit that are further apart are two sightings."""
_SAME_SHAPE = 1.0
"""Cost of a confusion of characters that many fonts draw alike."""
_CHECKED_LENGTHS = (11, 17)
"""Characters of a container and of a VIN."""
_CAMERAS = 50
_NO_CONFIDENCE = 0.5
"""Weight of a read whose confidence the API did not say."""


@dataclass(frozen=True, slots=True)
class Read:
    """One code that was read off one image."""

    image: str
    code: str
    """As corrected, or normalized."""
    at: datetime | None
    """When the photograph was taken, or else when it was read."""
    camera: str | None = None
    confidence: float | None = None


@dataclass(slots=True)
class Sighting:
    """One unit, seen once."""

    code: str
    """What its reads say together."""
    reads: list[Read] = field(default_factory=list)

    @property
    def agreeing(self) -> int:
        """Reads that say just this code."""
        return sum(code_of(read.code).key == code_of(self.code).key for read in self.reads)

    @property
    def first_seen(self) -> datetime | None:
        """When it was first seen; ``None`` where no read knows its time."""
        return min((read.at for read in self.reads if read.at), default=None)

    @property
    def last_seen(self) -> datetime | None:
        """When it was last seen."""
        return max((read.at for read in self.reads if read.at), default=None)

    @property
    def confidence(self) -> float | None:
        """The highest confidence of the reads that say this code."""
        key = code_of(self.code).key
        said = (read.confidence for read in self.reads if code_of(read.code).key == key and read.confidence is not None)
        return max(said, default=None)


class Cameras:
    """Which cameras see one unit at one time: the same, or neighbours.

    :param neighbours: for each camera those beside it, in either direction; a camera that is not named has none.
        Reads that do not say their camera may be from any.
    """

    def __init__(self, neighbours: Mapping[str, Iterable[str]] | None = None) -> None:
        self._pairs = {frozenset((one, other)) for one, others in (neighbours or {}).items() for other in others}

    def together(self, one: str | None, other: str | None) -> bool:
        """Return whether both may see the same unit."""
        return one is None or other is None or one == other or frozenset((one, other)) in self._pairs


def sightings(
    reads: Iterable[Read],
    *,
    window: timedelta = WINDOW,
    cameras: Cameras | None = None,
    confusions: Confusions | None = None,
) -> list[Sighting]:
    """Return the sightings of reads, by the time at which they begin.

    :param reads: in any order; those without a time join what was seen under the same code and camera, whenever.
    :param window: longest time between two photographs of one sighting that follow one another.
    :param cameras: which of them stand together; default: each alone.
    :param confusions: which characters are taken for one another.
    """
    cameras, confusions = cameras or Cameras(), confusions or Confusions()
    by_key: dict[str, list[Read]] = defaultdict(list)
    for read in sorted(reads, key=_order):
        by_key[code_of(read.code).key].append(read)
    near = partial(_near, window=window, cameras=cameras)
    bursts = {key: _bursts(some, near) for key, some in by_key.items()}
    for centre in _unread(bursts, near, confusions):
        bursts[centre] = [[]]
    _join(bursts, near, confusions)
    found = [
        Sighting(consensus(some) if key in by_key else key, sorted(some, key=_order))
        for key, all_ in bursts.items()
        for some in all_
        if some
    ]
    return sorted(found, key=lambda each: _order(each.reads[0]))


def consensus(reads: Sequence[Read]) -> str:
    """Return the code that reads of one unit say together.

    Each code's weight is the sum of its reads' confidences; a check digit that fits weighs as much as all the rest, so
    that it decides among codes that differ, and only there. Of characters, where all codes are equally long, each place
    is taken by itself where that makes a code whose check digit fits and none of the codes' does.
    """
    weights: dict[str, float] = defaultdict(float)
    for read in reads:
        weights[read.code] += read.confidence if read.confidence is not None else _NO_CONFIDENCE
    total = sum(weights.values())

    def weight(code: str) -> tuple[float, str]:
        return weights[code] + (total if code_of(code).checked else 0.0), code

    best = max(weights, key=weight)
    keys = {code_of(code).key: number for code, number in weights.items()}
    if code_of(best).checked or len(keys) < 3 or len(set(map(len, keys))) > 1:  # noqa: PLR2004  # fewer cannot vote
        return best
    places: list[dict[str, float]] = [defaultdict(float) for _ in range(len(next(iter(keys))))]
    for key, number in keys.items():
        for place, char in zip(places, key, strict=True):
            place[char] += number
    voted = "".join(max(place, key=lambda char: (place[char], char)) for place in places)
    return voted if code_of(voted).checked else best


def _order(read: Read) -> tuple[float, str, str]:
    return (read.at.timestamp() if read.at else float("-inf"), read.image, read.code)


def _bursts(reads: list[Read], near: Near) -> list[list[Read]]:
    """Return the reads of one code, in order, divided where too much time lies between or the cameras are apart."""
    bursts: list[list[Read]] = []
    for read in reads:
        recent = bursts[-_CAMERAS:]  # earlier ones are over: as many cameras do not see one unit at one time
        burst = next((each for each in reversed(recent) if near(each, [read])), None)
        if burst is None:
            bursts.append([read])
        else:
            burst.append(read)
    return bursts


def _near(one: Sequence[Read], other: Sequence[Read], *, window: timedelta, cameras: Cameras) -> bool:
    """Return whether any photograph of one is near one of the other, in time and place; nothing is near anything."""
    for a in (one[0], one[-1]) if one else other[:1]:
        for b in (other[0], other[-1]):
            apart = abs(a.at - b.at) if a.at is not None and b.at is not None else timedelta(0)
            if apart <= window and cameras.together(a.camera, b.camera):
                return True
    return False


def _unread(bursts: Mapping[str, list[list[Read]]], near: Near, confusions: Confusions) -> set[str]:
    """Return codes that were never read, but whose check digit fits and which two or more misread codes lie beside.

    Each photograph of a unit may have an error of its own.
    """
    beside: dict[str, list[list[Read]]] = defaultdict(list)
    for key, some in bursts.items():
        alone = len(key) in _CHECKED_LENGTHS and not code_of(key).checked
        hosts = list(_confusable(key, confusions)) if alone else []
        if any(code_of(host).checked for host in hosts if host in bursts):
            continue
        for host in hosts:
            if code_of(host).checked:
                beside[host] += some[:1]
    return {host for host, some in beside.items() if len(some) > 1 and all(near(some[0], other) for other in some[1:])}


def _join(bursts: dict[str, list[list[Read]]], near: Near, confusions: Confusions) -> None:
    """Join each burst to the one burst that it is a misread of, where there is just one."""
    for key in sorted(bursts, key=lambda key: (sum(map(len, bursts[key])), key)):
        if code_of(key).checked:
            continue  # its own check digit says that it is a unit of its own
        for burst in list(bursts[key]):
            hosts = [
                host
                for other in _confusable(key, confusions)
                for host in bursts.get(other, ())
                if _is_misread(other, burst, host) and near(host, burst)
            ]
            if len(hosts) == 1:
                hosts[0].extend(burst)
                hosts[0].sort(key=_order)
                bursts[key].remove(burst)


def _is_misread(other: str, burst: list[Read], host: list[Read]) -> bool:
    """Return whether one code is the other, misread: the check digit says so, or it is outvoted."""
    return code_of(other).checked or (len(burst) == 1 and len(host) > 1)


def _confusable(key: str, confusions: Confusions) -> Iterator[str]:
    """Yield the codes that differ in one character of the same shape.

    A digit that dirt turned into another one may as well be the next serial number: ``…318`` and ``…319`` are two
    units, and only a list of those that are expected can tell.
    """
    for at, char in enumerate(key):
        for other in confusions.taken_for.get(char, ""):
            if confusions.cost(other, char) <= _SAME_SHAPE:
                yield key[:at] + other + key[at + 1 :]
