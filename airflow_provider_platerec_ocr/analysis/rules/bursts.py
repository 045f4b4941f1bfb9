"""Reads of one code that follow one another: what sightings are made of.

Pure, and over columns instead of objects: a night may have a million reads, most of which are a sighting by themselves.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNKNOWN = -(2**63)
"""In place of a time that nobody knows."""
NOBODY = -1
"""In place of a camera, or of a place in the order, that nobody knows."""
NEAR_IN_ORDER = 10
"""Photographs without a time of their own are near where at most so many lie between them in the manifest's order."""
PERSON = 1e9
"""Weight of a code that a person has said: no number of reads outvotes it."""
_FEW = 4


@dataclass(frozen=True, slots=True)
class CodeColumns:
    """Reads by column, in the order of their time, each with a code."""

    codes: list[str]
    """The codes, each once."""
    code: Sequence[int]
    """By read: which of :attr:`codes`."""
    at: Sequence[int]
    """When, in microseconds; :data:`UNKNOWN` first."""
    camera: Sequence[int]
    """A number for each camera; :data:`NOBODY`."""
    image: Sequence[int]
    """A number for each image."""
    order: Sequence[int]
    """The photograph's place in the manifest's order where it has no time of its own, else :data:`NOBODY`."""
    weight: Sequence[float]
    """How much the read counts: its confidence; :data:`PERSON` where a person has said what is there."""


@dataclass(slots=True)
class Bursts:
    """All bursts, by number; what one has stands in as many columns."""

    rows: CodeColumns
    window: int
    """Microseconds between two photographs that follow one another."""
    together: frozenset[tuple[int, int]]
    """Cameras that may see the same unit, each pair both ways."""
    keys: list[str] = field(default_factory=list)
    """The codes as they are compared, each once."""
    key_of: list[int] = field(default_factory=list)
    """By code: which of :attr:`keys`."""
    of_key: list[list[int]] = field(default_factory=list)
    """By key: its bursts."""
    burst_of: array[int] = field(default_factory=lambda: array("i"))
    """By read: its burst."""
    first: array[int] = field(default_factory=lambda: array("q"))
    last: array[int] = field(default_factory=lambda: array("q"))
    camera: array[int] = field(default_factory=lambda: array("i"))
    """The camera; of several, any of them: then :attr:`several` has all."""
    several: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)
    """Of a burst with more than one camera: for each its first and last time."""
    size: array[int] = field(default_factory=lambda: array("i"))
    """Reads."""
    photographs: array[int] = field(default_factory=lambda: array("i"))
    """Images, of which one may have been read more than once."""
    image: array[int] = field(default_factory=lambda: array("i"))
    """The last image."""
    lowest: array[int] = field(default_factory=lambda: array("i"))
    highest: array[int] = field(default_factory=lambda: array("i"))
    """First and last place in the order; :data:`NOBODY`: all have a time of their own."""
    joined: dict[int, int] = field(default_factory=dict)
    """Bursts that are misreads: the burst that they belong to."""
    certain: set[int] = field(default_factory=set)
    """Bursts with a code that a person has said: they are a misread of nothing."""
    unread: dict[int, str] = field(default_factory=dict)
    """Bursts of a code that was never read, without a read of their own: the code."""

    @classmethod
    def of(cls, rows: CodeColumns, window: int, together: frozenset[tuple[int, int]]) -> Bursts:
        """Return the reads of each code, divided where too much time lies between or the cameras are apart."""
        found = cls(rows, window, together)
        numbers: dict[str, int] = {}
        for text in rows.codes:
            found.key_of.append(numbers.setdefault(code_of(text).key, len(numbers)))
        found.keys = list(numbers)
        found.of_key = [[] for _ in numbers]
        found._fill()
        return found

    def _fill(self) -> None:
        """Put each read into a burst that is near, or into a new one."""
        rows, key_of, last, camera, several = self.rows, self.key_of, self.last, self.camera, self.several
        window, take, together = self.window, self.burst_of.append, self.together
        live: list[list[int]] = [[] for _ in self.keys]
        for code, at, seen_by, image, order, weight in zip(
            rows.code, rows.at, rows.camera, rows.image, rows.order, rows.weight, strict=True
        ):
            key = key_of[code]
            open_ = live[key]
            for burst in reversed(open_):
                if at - last[burst] > window and last[burst] != UNKNOWN:
                    continue
                pair = (camera[burst], seen_by)
                if burst in several:
                    found = self._sees(burst, at, seen_by)
                else:
                    found = pair[0] == seen_by or NOBODY in pair or pair in together
                if found:
                    self._grow(burst, at, seen_by, image, order)
                    break
            else:
                burst = self.new(key, at, seen_by, image, order)
                if len(open_) >= _FEW:  # times only go on: what is over stays over
                    open_[:] = [each for each in open_ if last[each] == UNKNOWN or at - last[each] <= window]
                open_.append(burst)
            take(burst)
            if weight >= PERSON:
                self.certain.add(burst)

    def new(self, key: int, at: int, camera: int, image: int, order: int) -> int:
        """Return the number of a new burst with one read."""
        burst = len(self.size)
        self.of_key[key].append(burst)
        self.first.append(at)
        self.last.append(at)
        self.camera.append(camera)
        self.image.append(image)
        self.lowest.append(order)
        self.highest.append(order)
        self.photographs.append(1)
        self.size.append(1)
        return burst

    def _grow(self, burst: int, at: int, camera: int, image: int, order: int) -> None:
        if camera != self.camera[burst] and burst not in self.several:
            self.several[burst] = {self.camera[burst]: (self.first[burst], self.last[burst])}
        if burst in self.several:
            _widen(self.several[burst], camera, at, at)
        self.camera[burst] = camera
        if at != UNKNOWN:
            self.first[burst] = at if self.first[burst] == UNKNOWN else min(at, self.first[burst])
            self.last[burst] = max(at, self.last[burst])
        self.size[burst] += 1
        self.photographs[burst] += image != self.image[burst]  # of one image all reads stand together
        self.image[burst] = image
        if order != NOBODY:
            self.lowest[burst] = order if self.lowest[burst] == NOBODY else min(order, self.lowest[burst])
            self.highest[burst] = max(order, self.highest[burst])

    def _sees(self, burst: int, at: int, camera: int) -> bool:
        """Return whether a camera of the burst that was there a short time ago stands near this one."""
        return any(
            self._side_by_side(each, camera) and (UNKNOWN in {at, last} or at - last <= self.window)
            for each, (_, last) in self.cameras(burst)
        )

    def _side_by_side(self, one: int, other: int) -> bool:
        """Return whether two cameras may see the same unit."""
        return one == other or NOBODY in {one, other} or (one, other) in self.together

    def cameras(self, burst: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield the cameras of a burst, each with its first and last time."""
        if burst in self.several:
            yield from self.several[burst].items()
        else:
            yield self.camera[burst], (self.first[burst], self.last[burst])

    def near(self, one: int, other: int) -> bool:
        """Return whether any photograph of one is near one of the other, in time, place and order.

        Of a burst the photographs follow one another, so that a time between its first and its last is near one.
        """
        if not (self.size[one] and self.size[other]):
            return True
        ordered = self.lowest[one] != NOBODY and self.lowest[other] != NOBODY
        if ordered and _apart(self._places(one), self._places(other)) > NEAR_IN_ORDER:
            return False
        return any(
            self._side_by_side(a, b) and (UNKNOWN in {*mine, *theirs} or _apart(mine, theirs) <= self.window)
            for a, mine in self.cameras(one)
            for b, theirs in self.cameras(other)
        )

    def _places(self, burst: int) -> tuple[int, int]:
        return self.lowest[burst], self.highest[burst]

    def join(self, burst: int, host: int) -> None:
        """Have a burst belong to another one."""
        self.joined[burst] = host
        if not self.size[host]:
            self.camera[host] = self.camera[burst]
        both = dict(self.cameras(host))
        for camera, (first, last) in self.cameras(burst):
            _widen(both, camera, first, last)
        if len(both) > 1:
            self.several[host] = both
        known = [time for times in both.values() for time in times if time != UNKNOWN]
        self.first[host], self.last[host] = min(known, default=UNKNOWN), max(known, default=UNKNOWN)
        self.size[host] += self.size[burst]
        self.photographs[host] += self.photographs[burst]
        places = [place for each in (burst, host) for place in self._places(each) if place != NOBODY]
        self.lowest[host], self.highest[host] = min(places, default=NOBODY), max(places, default=NOBODY)

    def new_unread(self, key: str) -> int:
        """Return the number of a code that was never read; it has one burst, for its misreads to join."""
        self.keys.append(key)
        self.of_key.append([])
        burst = self.new(len(self.keys) - 1, UNKNOWN, NOBODY, NOBODY, NOBODY)
        self.size[burst] = self.photographs[burst] = 0
        self.unread[burst] = key
        return len(self.keys) - 1

    def host(self, burst: int) -> int:
        """Return the burst that a burst belongs to in the end."""
        while burst in self.joined:
            burst = self.joined[burst]
        return burst


def _apart(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, one[0] - other[1], other[0] - one[1])


def _widen(spans: dict[int, tuple[int, int]], camera: int, first: int, last: int) -> None:
    """Have a camera's span hold these times as well."""
    known = [time for time in (*spans.get(camera, ()), first, last) if time != UNKNOWN]
    spans[camera] = (min(known, default=UNKNOWN), max(known, default=UNKNOWN))
