"""Counting the codes of a JPEG's scans without turning any into a pixel: where they end is all that is asked.

The data of these functions has no stuffed bytes left, and more zeros behind it than one block can take. They know
nothing of segments and markers. See ITU T.81, annexes C, F and G.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Table = list[int]
"""What the next 16 bits mean; 0 where they are no code."""
WINDOW = 16
_LAST = 63
_ZERO_RUN = 15


class EndsEarlyError(Exception):
    """The data ends before the codes do, or holds what is no code."""


def table_of(counts: bytes, symbols: bytes, meaning: Callable[[int, int], int]) -> Table:
    """Return a Huffman table.

    :param counts: how many codes there are of 1 to 16 bits.
    :param symbols: theirs, in the order of the codes.
    :param meaning: makes an entry of a code's length and symbol.
    """
    table: Table = []
    rest = iter(symbols)
    for length, count in enumerate(counts, start=1):
        for _ in range(count):
            table += [meaning(length, next(rest, 0))] * (1 << (WINDOW - length))
    return table[: 1 << WINDOW] + [0] * ((1 << WINDOW) - len(table))


def bits_of_first(length: int, symbol: int) -> int:
    """Return how many bits a block's first coefficient takes, its code included."""
    return length + symbol


def bits_and_step(length: int, symbol: int) -> int:
    """Return how many bits a coefficient of a sequential block takes, and, above 8 bits, how far the next one is."""
    run, size = symbol >> 4, symbol & 15
    if size:
        return length + size | run + 1 << 8
    return length | (_ZERO_RUN + 1 if run == _ZERO_RUN else _LAST + 1) << 8


def length_and_symbol(length: int, symbol: int) -> int:
    """Return both, the length above 8 bits."""
    return length << 8 | symbol


def count_blocks(data: bytes, limit: int, units: int, blocks: Sequence[tuple[Table, Table]]) -> None:
    """Count whole blocks, as sequential JPEGs have them.

    :param limit: bits after which there is nothing.
    :param units: how many times ``blocks`` come.
    :param blocks: the tables of each block of a unit, by :func:`bits_of_first` and :func:`bits_and_step`.
    :raises EndsEarlyError: there are fewer.
    """
    at = 0
    for _ in range(units):
        for first, others in blocks:
            byte = at >> 3
            bits = first[(data[byte] << 16 | data[byte + 1] << 8 | data[byte + 2]) >> 8 - (at & 7) & 0xFFFF]
            if not bits:
                raise EndsEarlyError
            at += bits
            coefficient = 1
            while coefficient <= _LAST:
                byte = at >> 3
                found = others[(data[byte] << 16 | data[byte + 1] << 8 | data[byte + 2]) >> 8 - (at & 7) & 0xFFFF]
                if not found:
                    raise EndsEarlyError
                at += found & 0xFF
                coefficient += found >> 8
        if at > limit:
            raise EndsEarlyError


def count_first(data: bytes, limit: int, units: int, blocks: Sequence[Table]) -> None:
    """Count the first coefficients of blocks, as a progressive JPEG's first scan has them; see :func:`count_blocks`."""
    at = 0
    for _ in range(units):
        for first in blocks:
            bits = first[_window(data, at)]
            if not bits:
                raise EndsEarlyError
            at += bits
        if at > limit:
            raise EndsEarlyError


class Band:
    """Some coefficients of a component's blocks, as the later scans of a progressive JPEG have them.

    :param first: number of the first coefficient, 1 to 63.
    :param last: of the last.
    :param known: for a block, which of its coefficients are not zero, as bits; added to.
    :param table: by :func:`length_and_symbol`.
    """

    def __init__(self, first: int, last: int, known: dict[int, int], table: Table) -> None:
        self._first, self._last = first, last
        self._known = known
        self._table = table
        self._at = 0

    def count(self, data: bytes, limit: int, blocks: range) -> None:
        """Count the coefficients' first scan.

        :raises EndsEarlyError: there are fewer.
        """
        self._at, block = 0, blocks.start
        while block < blocks.stop:
            coefficient, found, run = self._first, 0, 1
            while coefficient <= self._last:
                zeros, size = self._symbol(data)
                if size:
                    coefficient += zeros
                    found |= 1 << coefficient
                    self._at += size
                elif zeros < _ZERO_RUN:
                    run = self._run(data, zeros)
                    break
                else:
                    coefficient += zeros
                coefficient += 1
            if found:
                self._known[block] = self._known.get(block, 0) | found
            block += run
            self._stop_at(limit)

    def count_again(self, data: bytes, limit: int, blocks: range) -> None:
        """Count a later scan, which has one more bit of each coefficient.

        :raises EndsEarlyError: there are fewer.
        """
        self._at, run = 0, 0
        for block in blocks:
            known, coefficient = self._known.get(block, 0), self._first
            if not run:
                coefficient, run = self._new_ones(data, block, known)
            if run:
                self._at += (known >> coefficient & (1 << max(0, self._last + 1 - coefficient)) - 1).bit_count()
                run -= 1
            self._stop_at(limit)

    def _new_ones(self, data: bytes, block: int, known: int) -> tuple[int, int]:
        """Count a block up to where no new coefficient comes; return where, and for how many blocks none comes."""
        coefficient, found, run = self._first, 0, 0
        while coefficient <= self._last:
            zeros, size = self._symbol(data)
            if not size and zeros < _ZERO_RUN:
                run = self._run(data, zeros)
                break
            self._at += size and 1
            while coefficient <= self._last:
                if known >> coefficient & 1:
                    self._at += 1
                elif zeros:
                    zeros -= 1
                else:
                    break
                coefficient += 1
            found |= bool(size) << coefficient
            coefficient += 1
        if found:
            self._known[block] = known | found
        return coefficient, run

    def _symbol(self, data: bytes) -> tuple[int, int]:
        found = self._table[_window(data, self._at)]
        if not found:
            raise EndsEarlyError
        self._at += found >> 8
        return found >> 4 & 15, found & 15

    def _run(self, data: bytes, bits: int) -> int:
        """Return for how many blocks, this one included, nothing more comes."""
        more = _window(data, self._at) >> WINDOW - bits
        self._at += bits
        return (1 << bits) + more

    def _stop_at(self, limit: int) -> None:
        if self._at > limit:
            raise EndsEarlyError


def _window(data: bytes, at: int) -> int:
    """Return the 16 bits from bit ``at`` on."""
    byte = at >> 3
    return (data[byte] << 16 | data[byte + 1] << 8 | data[byte + 2]) >> 8 - (at & 7) & 0xFFFF
