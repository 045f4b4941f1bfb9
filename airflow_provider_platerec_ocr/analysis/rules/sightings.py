"""Several photographs of one unit at one time, as one sighting, with the code that they say together.

Pure. Reads become one sighting where their codes are equal, or differ in one character of the same shape (``8`` and
``B``) and nothing says that they are two units.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_platerec_ocr.analysis.rules.bursts import NOBODY, UNKNOWN, Bursts, CodeColumns
from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.misreads import Misreads, nobody_knows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

T = TypeVar("T")

WINDOW = timedelta(minutes=10)
"""Photographs of one unit that are further apart are two sightings."""
NO_CONFIDENCE = 0.5
"""Weight of a read whose confidence the API did not say."""


@dataclass(frozen=True, slots=True)
class CodeRead:
    """One code that was read off one image."""

    image: str
    code: str
    """As corrected, or normalized."""
    at: datetime | None
    """When the photograph was taken, or else when it was read."""
    camera: str | None = None
    confidence: float | None = None
    order: int | None = None
    """Its place in the manifest's order, where nobody knows when it was taken."""


@dataclass(slots=True)
class Sighting:
    """One unit, seen once."""

    code: str
    """What its reads say together."""
    reads: list[CodeRead] = field(default_factory=list)

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

    def pairs_among(self, cameras: Sequence[str]) -> frozenset[tuple[int, int]]:
        """Return the neighbours among some cameras, by their places, each pair both ways."""
        place = {camera: number for number, camera in enumerate(cameras)}
        ways = (way for pair in self._pairs if pair <= place.keys() for way in permutations(pair, 2))
        return frozenset((place[one], place[other]) for one, other in ways)


@dataclass(frozen=True, slots=True)
class Rules:
    """How reads become sightings.

    :param window: longest time between two photographs of one sighting that follow one another.
    :param cameras: which of them stand together; default: each alone.
    :param confusions: which characters are taken for one another.
    :param decodes: what a table of vehicles says of a VIN, see :class:`.misreads.Misreads`.
    """

    window: timedelta = WINDOW
    cameras: Cameras = field(default_factory=Cameras)
    confusions: Confusions = field(default_factory=Confusions)
    decodes: Callable[[str], bool | None] = nobody_knows

    def group(self, rows: CodeColumns, cameras: Sequence[str]) -> tuple[array[int], array[int], list[str]]:
        """Return for each read the number of its sighting, for each sighting its code, and the codes that there are.

        :param cameras: the name of each camera that ``rows`` has as a number.
        """
        bursts = Bursts.of(rows, self.window // timedelta(microseconds=1), self.cameras.pairs_among(cameras))
        misreads = Misreads(self.confusions, self.decodes)
        misreads.join(bursts)
        return _numbered(bursts, misreads)


def _numbered(bursts: Bursts, misreads: Misreads) -> tuple[array[int], array[int], list[str]]:
    """Return the sightings, numbered by their first read; most have one code, which needs no vote."""
    rows = bursts.rows
    place = {code: index for index, code in enumerate(rows.codes)}
    number_of, numbers, said = array("i", [-1]) * len(bursts.size), array("i"), array("i")
    mixed: dict[int, list[int]] = {}
    for burst, code in zip(bursts.burst_of, rows.code, strict=True):
        host = bursts.host(burst) if burst in bursts.joined else burst
        number = number_of[host]
        if number < 0:
            number = number_of[host] = len(said)
            said.append(code)
        if said[number] != code and host not in bursts.unread:
            mixed[number] = []
        numbers.append(number)
    for read, number in enumerate(numbers if mixed else ()):
        if number in mixed:
            mixed[number].append(read)
    for number, some in mixed.items():
        voted = misreads.consensus((rows.codes[rows.code[read]], rows.weight[read]) for read in some)
        said[number] = place.setdefault(voted, len(place))
    for burst, key in bursts.unread.items():
        if number_of[burst] >= 0:
            said[number_of[burst]] = place.setdefault(key, len(place))
    return numbers, said, list(place)


def sightings(
    reads: Iterable[CodeRead],
    *,
    window: timedelta = WINDOW,
    cameras: Cameras | None = None,
    confusions: Confusions | None = None,
    decodes: Callable[[str], bool | None] = nobody_knows,
) -> list[Sighting]:
    """Return the sightings of reads, by the time at which they begin; see :class:`Rules`.

    :param reads: in any order; those without a time join what was seen under the same code and camera, whenever.
    """
    every = sorted(reads, key=_order)
    code, codes = _numbered_as(read.code for read in every)
    camera, names = _numbered_as(read.camera for read in every)
    image, _ = _numbered_as(read.image for read in every)
    columns = CodeColumns(
        codes=codes,
        code=code,
        at=[UNKNOWN if read.at is None else _microseconds(read.at) for read in every],
        camera=camera,
        image=image,
        order=[NOBODY if read.order is None else read.order for read in every],
        weight=[_weight(read) for read in every],
    )
    rules = Rules(window, cameras or Cameras(), confusions or Confusions(), decodes)
    numbers, said, all_codes = rules.group(columns, names)
    found = [Sighting(all_codes[code]) for code in said]
    for read, number in zip(every, numbers, strict=True):
        found[number].reads.append(read)
    return found


def consensus(reads: Iterable[CodeRead]) -> str:
    """Return the code that reads of one unit say together, see :meth:`.misreads.Misreads.consensus`."""
    return Misreads(Confusions()).consensus((read.code, _weight(read)) for read in reads)


def _weight(read: CodeRead) -> float:
    return NO_CONFIDENCE if read.confidence is None else read.confidence


def _numbered_as(things: Iterable[T | None]) -> tuple[list[int], list[T]]:
    """Return a number for each thing, and the things by number; nothing is nobody."""
    numbers: dict[T, int] = {}
    each = [NOBODY if thing is None else numbers.setdefault(thing, len(numbers)) for thing in things]
    return each, list(numbers)


def _order(read: CodeRead) -> tuple[float, str, str]:
    return (read.at.timestamp() if read.at else float("-inf"), read.image, read.code)


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
