"""Millions of keys in little memory: 16 bytes each, in sorted arrays instead of sets of objects.

An array is sorted by the first half of its keys alone. Two keys that share this half and differ in the other are looked
up as one, so that one of them counts as new: among 20 million that happens once in a hundred thousand plans, and costs
a look into the ledger, never a call.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable


class KeyList:
    """Keys in the order in which they come."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, keys: Iterable[bytes | bytearray]) -> None:
        """Add keys; one text may hold several."""
        for key in keys:
            self.data += key

    def firsts(self) -> bytes:
        """Return one byte for each key: 1 where it comes for the first time, 0 where it was there before."""
        import numpy as np

        order, first, second = _sorted(self.data)
        again = np.zeros(len(order), dtype=bool)
        again[1:] = (first[1:] == first[:-1]) & (second[1:] == second[:-1])
        found = np.ones(len(order), dtype=np.uint8)
        found[order[again]] = 0
        return found.tobytes()


class DoneKeys:
    """Keys that can be looked up, and that remember which were.

    :param keys: in any order, several times the same or not; emptied, since two copies would be one too many.
    """

    def __init__(self, keys: KeyList) -> None:
        import numpy as np

        _, self._first, self._second = _sorted(keys.data)
        self._seen = np.zeros(len(self._first), dtype=bool)
        keys.data = bytearray()

    @property
    def found(self) -> int:
        """How many different keys were looked up and are in here."""
        return int(self._seen.sum())

    def __contains__(self, key: bytes) -> bool:
        """Return whether one key is in here."""
        return self.look_up([key])[0]

    def look_up(self, keys: list[bytes]) -> list[bool]:
        """Return for each key whether it is in here."""
        answer: list[bool] = self.known(_halves(b"".join(keys))).tolist()
        return answer

    def known(self, wanted: Any) -> Any:
        """Return the same as a NumPy array, for keys as an array of two halves each."""
        import numpy as np

        if not len(self._first):
            return np.zeros(len(wanted), dtype=bool)
        places = np.minimum(np.searchsorted(self._first, wanted[:, 0]), len(self._first) - 1)
        known = (self._first[places] == wanted[:, 0]) & (self._second[places] == wanted[:, 1])
        self._seen[places[known]] = True
        return known


class FirstTimes:
    """Tells which keys of a long stream come for the first time, batch by batch.

    Two bits a key in a map of 16 MB say for nearly all of them that they are new; the few others are looked up among
    all that came. A sorted array would have to be sorted again for each batch.
    """

    def __init__(self) -> None:
        import numpy as np

        self._bits = np.zeros(1 << (MAP_BITS - 3), dtype=np.uint8)
        self._came: list[Any] = []

    def first(self, keys: Any) -> Any:
        """Return for each key, an array of two halves, whether neither an earlier batch nor this one had it before."""
        import numpy as np

        first = np.ones(len(keys), dtype=bool)
        maybe = self._bit_of(keys[:, 0]) & self._bit_of(keys[:, 1])
        order = np.argsort(keys[:, 0], kind="stable")
        maybe[order[1:]] |= keys[order[1:], 0] == keys[order[:-1], 0]
        here: set[tuple[int, int]] = set()
        if maybe.any():
            alike = np.isin(keys[:, 0], keys[maybe, 0])
            for place in np.nonzero(alike)[0]:
                key = (int(keys[place, 0]), int(keys[place, 1]))
                first[place] = key not in here and not (maybe[place] and self._has(keys[place]))
                here.add(key)
        self._came.append(keys.copy())
        for half in (0, 1):
            places = keys[:, half] >> np.uint64(64 - MAP_BITS)
            np.bitwise_or.at(
                self._bits, places >> np.uint64(3), np.uint8(1) << (places & np.uint64(7)).astype(np.uint8)
            )
        return first

    def _bit_of(self, half: Any) -> Any:
        import numpy as np

        places = half >> np.uint64(64 - MAP_BITS)
        return (self._bits[places >> np.uint64(3)] >> (places & np.uint64(7)).astype(np.uint8) & 1).astype(bool)

    def _has(self, key: Any) -> bool:
        return any(bool(((came[:, 0] == key[0]) & (came[:, 1] == key[1])).any()) for came in self._came)


MAP_BITS = 27
"""Bits of a key that are its place in the map."""


def fingerprint_keys(texts: Any) -> Any:
    """Return an array of two halves for each of an Arrow array of fingerprints; equal texts give equal keys.

    The halves are the first 32 of the 64 hex digits; a text of another length is hashed.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(texts):
        return np.zeros((0, 2), dtype=np.uint64)
    column = pa.concat_arrays(texts.chunks) if isinstance(texts, pa.ChunkedArray) else texts
    lengths = pc.min_max(pc.binary_length(column))
    if column.null_count or lengths["min"].as_py() != HEX_DIGITS or lengths["max"].as_py() != HEX_DIGITS:
        keys = (blake2b((text or "").encode(), digest_size=KEY_BYTES).digest() for text in column.to_pylist())
        plain = pa.array(
            [text if text and len(text) == HEX_DIGITS else "0" * HEX_DIGITS for text in column.to_pylist()]
        )
        odd = np.array([text is None or len(text) != HEX_DIGITS for text in column.to_pylist()])
        return np.where(odd[:, None], _halves(b"".join(keys)), fingerprint_keys(plain))
    data = np.frombuffer(column.buffers()[2], dtype=np.uint8)
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    start = int(offsets[column.offset])
    digits = data[start : start + len(column) * HEX_DIGITS].reshape(-1, HEX_DIGITS)[:, : 2 * KEY_BYTES]
    values = (digits & 15) + 9 * (digits >> 6)
    return (values[:, ::2] << 4 | values[:, 1::2]).astype(np.uint8).view(np.uint64)


HEX_DIGITS = 64
"""Of a fingerprint."""


def _halves(data: bytes | bytearray) -> Any:
    import numpy as np

    return np.frombuffer(data, dtype=np.uint64).reshape(-1, KEY_BYTES // 8)


def _sorted(data: bytearray) -> tuple[Any, Any, Any]:
    """Return the order of the keys by their first halves, and both halves in it."""
    import numpy as np

    halves = _halves(data)
    order = np.argsort(halves[:, 0], kind="stable")
    return order, halves[order, 0], halves[order, 1]
