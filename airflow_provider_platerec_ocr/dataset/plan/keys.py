"""Millions of identity keys in little memory: 16 bytes each, in sorted arrays instead of sets of objects.

An array is sorted by the first half of its keys alone. Two keys that share this half and differ in the other are looked
up as one, so that one of them counts as new: among 20 million that happens once in a hundred thousand plans, and costs
a look into the ledger, never a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable


class KeyList:
    """Keys in the order in which they come."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, keys: Iterable[bytes]) -> None:
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
        import numpy as np

        if not len(self._first):
            return [False] * len(keys)
        wanted = _halves(b"".join(keys))
        places = np.minimum(np.searchsorted(self._first, wanted[:, 0]), len(self._first) - 1)
        known = (self._first[places] == wanted[:, 0]) & (self._second[places] == wanted[:, 1])
        self._seen[places[known]] = True
        answer: list[bool] = known.tolist()
        return answer


def _halves(data: bytes | bytearray) -> Any:
    import numpy as np

    return np.frombuffer(data, dtype=np.uint64).reshape(-1, KEY_BYTES // 8)


def _sorted(data: bytearray) -> tuple[Any, Any, Any]:
    """Return the order of the keys by their first halves, and both halves in it."""
    import numpy as np

    halves = _halves(data)
    order = np.argsort(halves[:, 0], kind="stable")
    return order, halves[order, 0], halves[order, 1]
