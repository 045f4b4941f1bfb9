"""Lists of units as yards have them, and codes that are misread, always the same for a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.identifiers import iso6346_check_digit, vin_check_digit

if TYPE_CHECKING:
    from collections.abc import Mapping

_VIN_SIGNS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
USUAL = {"0": "ODQ", "O": "0", "D": "0", "Q": "0", "1": "I", "I": "1", "8": "B", "B": "8", "5": "S", "S": "5"} | {
    "2": "Z",
    "Z": "2",
    "6": "G",
    "G": "6",
}
"""Characters of the same shape, which every engine takes for one another."""


def seeded(seed: int) -> random.Random:
    """Return a source of chance that is the same each time."""
    return random.Random(seed)  # noqa: S311  # a list of units is no secret


def vins(rng: random.Random, number: int, orders: int) -> list[str]:
    """Return VINs of as many orders, with consecutive serial numbers within each."""
    found = []
    for _ in range(orders):
        start = "".join(rng.choices(_VIN_SIGNS, k=8))
        plant = "".join(rng.choices(_VIN_SIGNS, k=2))
        first = rng.randrange(100_000, 900_000)
        for serial in range(first, first + number // orders):
            body = f"{start}0{plant}{serial:06d}"
            found.append(f"{start}{vin_check_digit(body)}{body[9:]}")
    return found


def containers(rng: random.Random, number: int, orders: int) -> list[str]:
    """Return containers of as many series, with consecutive serial numbers within each."""
    found: dict[str, None] = {}
    for _ in range(orders):
        owner = "".join(rng.choices(_LETTERS, k=3)) + "U"
        first = rng.randrange(100_000, 900_000)
        for serial in range(first, first + number // orders):
            stem = f"{owner}{serial:06d}"
            found[f"{stem}{iso6346_check_digit(stem)}"] = None
    return list(found)


def fleet_numbers(rng: random.Random, number: int, digits: int) -> list[str]:
    """Return a fleet's own numbers, spread over all there are of that many digits."""
    return [str(each).zfill(digits) for each in rng.sample(range(10**digits), number)]


def misread(rng: random.Random, code: str, table: Mapping[str, str] = USUAL) -> str | None:
    """Return the code with one of its characters taken for another; ``None`` where it has none that could be."""
    places = [at for at, char in enumerate(code) if char in table]
    if not places:
        return None
    at = rng.choice(places)
    return code[:at] + rng.choice(table[code[at]]) + code[at + 1 :]
