"""Whether the pixels of a JPEG are all there, of one whose end marker is not.

Frame buffers are padded, and some cameras write no end marker, so it alone does not tell; nor does a decoder, which
takes padding for dark pixels. So the codes of all scans are counted. That takes a second or more for a megabyte, and is
done only where no end marker was found.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.images.jpeg_codes import (
    Band,
    EndsEarlyError,
    bits_and_step,
    bits_of_first,
    count_blocks,
    count_first,
    length_and_symbol,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.engine.images.jpeg_codes import Table

_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = 0xC2
_OTHER_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_TABLES, _INTERVAL, _SCAN, _MARK = 0xC4, 0xDD, 0xDA, 0xFF
LARGEST = 8_000_000
"""Bytes beyond which nobody waits for an answer."""
_MOST_BLOCKS = 2_000_000
"""Of all components together: 40 megapixels and more."""
_MOST_SCANS = 32
_LAST = 63
_TO_COME = 99
_PADDING = 8
"""Equal bytes at the end from which on they are taken for padding."""
_SLACK = 1
"""Bytes of the last codes that may look like padding."""
_ZEROS = bytes(600)
"""More than the codes of one block take."""


_STANDARD_TABLES = base64.b64decode(
    "AAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNi"
    "coIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqy"
    "s7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIE"
    "BAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVW"
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo"
    "6ery8/T19vf4+fo="
)
"""Annex K's: the frames of a film bring none of their own."""


class _CannotTellError(Exception):
    """The file uses what is not counted here, or makes no sense."""


@dataclass(slots=True)
class _Component:
    """One of the planes that the picture is made of."""

    across: int
    """Blocks in a unit of all components, across."""
    down: int
    """The same, down."""
    blocks: int = 0
    """In all, where a scan has this component alone."""
    to_come: list[int] = field(default_factory=lambda: [_TO_COME] * (_LAST + 1))
    """For each coefficient, how many of its lowest bits are still to come."""
    known: dict[int, int] = field(default_factory=dict)
    """For a block, which of its coefficients are not zero, as bits."""


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one scan has."""

    parts: tuple[tuple[_Component, int, int], ...]
    """Components, with the numbers of their tables for the first and for other coefficients."""
    first: int
    last: int
    high: int
    """How many of the lowest bits were to come before; 0 where all were."""
    low: int
    """How many are to come after."""


def holds_all_pixels(content: bytes) -> bool | None:
    """Return whether every scan of a JPEG is whole; ``None`` where that cannot be told.

    :param content: the file, from its first marker on.
    """
    if len(content) > LARGEST:
        return None
    picture = _Picture(content)
    try:
        picture.walk()
    except _CannotTellError:
        return None
    except (EndsEarlyError, IndexError):
        return False
    return picture.is_whole()


class _Picture:
    """One file, walked segment by segment."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._components: dict[int, _Component] = {}
        self._units = 0
        self._is_progressive = False
        self._codes: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self._interval = 0
        self._take(_TABLES, _STANDARD_TABLES)

    def is_whole(self) -> bool:
        """Return whether nothing of any component is to come."""
        return bool(self._components) and not any(chain(*(each.to_come for each in self._components.values())))

    def walk(self) -> None:
        """Count all scans.

        :raises EndsEarlyError: one is cut off.
        """
        at, scans = 2, 0
        while self._content[at : at + 1] == b"\xff":
            marker = self._content[at + 1]
            if marker == _MARK:  # a fill byte
                at += 1
                continue
            length = int.from_bytes(self._content[at + 2 : at + 4], "big")
            body = self._content[at + 4 : at + 2 + length]
            if len(body) != length - 2:
                break
            at += 2 + length
            if marker == _SCAN:
                scans += 1
                if scans > _MOST_SCANS:
                    raise _CannotTellError
                at = self._scan(self._scan_of(body), at)
            else:
                self._take(marker, body)

    def _take(self, marker: int, body: bytes) -> None:
        """Take what a segment says of the scans after it."""
        if marker in _OTHER_FRAMES:
            raise _CannotTellError
        if marker in {*_SEQUENTIAL, _PROGRESSIVE}:
            self._is_progressive = marker == _PROGRESSIVE
            self._frame(body)
        elif marker == _INTERVAL:
            self._interval = int.from_bytes(body[:2], "big")
        elif marker == _TABLES:
            at = 0
            while at < len(body):
                counts = body[at + 1 : at + 17]
                number = sum(counts)
                self._codes[body[at] >> 4, body[at] & 15] = counts, body[at + 17 : at + 17 + number]
                at += 17 + number

    def _frame(self, body: bytes) -> None:
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        parts = [body[6 + 3 * index : 9 + 3 * index] for index in range(body[5])]
        found = {part[0]: _Component(part[1] >> 4, part[1] & 15) for part in parts}
        if (
            self._components
            or not (height and width and found)
            or not all(part[1] >> 4 and part[1] & 15 for part in parts)
        ):
            raise _CannotTellError
        across, down = max(each.across for each in found.values()), max(each.down for each in found.values())
        self._units = _up(width, 8 * across) * _up(height, 8 * down)
        if self._units * sum(each.across * each.down for each in found.values()) > _MOST_BLOCKS:
            raise _CannotTellError
        for each in found.values():
            each.blocks = _up(_up(width * each.across, across), 8) * _up(_up(height * each.down, down), 8)
        self._components = found

    def _scan_of(self, body: bytes) -> _Scan:
        number = body[0]
        names = body[1 : 1 + 2 * number : 2]
        if not number or any(name not in self._components for name in names):
            raise _CannotTellError
        tables = [(each >> 4, each & 15) for each in body[2 : 2 + 2 * number : 2]]
        parts = tuple((self._components[name], *each) for name, each in zip(names, tables, strict=True))
        if not self._is_progressive:
            return _Scan(parts, 0, _LAST, 0, 0)
        first, last, bits = body[1 + 2 * number], body[2 + 2 * number], body[3 + 2 * number]
        if last > _LAST or first > last or (first and number > 1) or (last and not first):
            raise _CannotTellError
        return _Scan(parts, first, last, bits >> 4, bits & 15)

    def _scan(self, scan: _Scan, start: int) -> int:
        """Count one scan, and return where it ends."""
        found = _NEXT_MARKER.search(self._content, start)
        end = found.start() if found else len(self._content)
        data = self._content[start:end]
        component, is_alone = scan.parts[0][0], len(scan.parts) == 1
        units = component.blocks if is_alone else self._units
        interval = self._interval or units
        parts = _RESTART.split(data, maxsplit=0 if self._interval else 1)
        needed = _up(units, interval) if self._interval else 1
        if len(parts) < needed:
            raise EndsEarlyError
        count = self._counter(scan)
        # What a restart marker follows came whole; of a progressive scan it is counted since later ones build on it.
        for index in range(0 if self._is_progressive else needed - 1, needed):
            part = parts[index].replace(b"\xff\x00", b"\xff")
            padding = _padding_of(part) if found is None and index == len(parts) - 1 else 0
            limit = 8 * (len(part) - max(0, padding - _SLACK))
            count(part + _ZEROS, limit, range(index * interval, min(units, (index + 1) * interval)))
        for each, _, _ in scan.parts:
            each.to_come[scan.first : scan.last + 1] = [scan.low] * (scan.last + 1 - scan.first)
        return end

    def _counter(self, scan: _Scan) -> Callable[[bytes, int, range], None]:
        """Return what counts a scan's codes: it is given data, bits after which there is none, and which units."""
        is_alone = len(scan.parts) == 1
        each = [part for part in scan.parts for _ in range(1 if is_alone else part[0].across * part[0].down)]
        if not self._is_progressive:
            blocks = [(self._table(0, a, bits_of_first), self._table(1, b, bits_and_step)) for _, a, b in each]
            return lambda data, limit, units: count_blocks(data, limit, len(units), blocks)
        if scan.first:
            component, _, number = scan.parts[0]
            band = Band(scan.first, scan.last, component.known, self._table(1, number, length_and_symbol))
            return band.count_again if scan.high else band.count
        if scan.high:
            return lambda _, limit, units: _one_bit_each(len(each) * len(units), limit)
        tables = [self._table(0, number, bits_of_first) for _, number, _ in each]
        return lambda data, limit, units: count_first(data, limit, len(units), tables)

    def _table(self, kind: int, number: int, meaning: Callable[[int, int], int]) -> Table:
        if (kind, number) not in self._codes:
            raise _CannotTellError
        return table_of(*self._codes[kind, number], meaning)


def _one_bit_each(blocks: int, limit: int) -> None:
    if blocks > limit:
        raise EndsEarlyError


def _up(number: int, by: int) -> int:
    return -(-number // by)


def _padding_of(data: bytes) -> int:
    """Return how many equal bytes stand at the end, 0 where they are too few to be padding."""
    number = len(data) - len(data.rstrip(data[-1:]))
    return number if number >= _PADDING else 0
