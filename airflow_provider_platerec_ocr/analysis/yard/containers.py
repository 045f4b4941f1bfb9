"""What the number of a container says of it: its owner, its category, and size and type where they were read.

Offline. Owners come from a table beside this module: well-known lines and lessors, each row with its source and date.
It is a part of what the Bureau International des Containers registers, and an owner that it does not have is ``None``.
Whoever has the whole register can give it.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.containers import category, size_type
from airflow_provider_platerec_ocr.core.identifiers import BIC, ILU, iso6346_check_digit, size_behind

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = "container_owners.csv"
_OWNER_SIGNS = 3
_STEM = 10


@dataclass(frozen=True, slots=True)
class Container:
    """What a container's number says; ``None`` where it does not, or no table knows."""

    owner: str | None = None
    """Who registered the first three letters."""
    category: str | None = None
    size_type: str | None = None
    """The sign for size and type, as it was read: ``45G1``."""
    size: str | None = None
    type: str | None = None
    error: str | None = None
    """Why it cannot be the number of a container: its check digit does not fit."""


def container(code: str, sign: str | None = None, *, owners: Mapping[str, str] | None = None) -> Container | None:
    """Return what a code says of its container; ``None`` where it is no container's number.

    :param sign: its size and type as they were read, if not behind the number; what is in no table is left out.
    :param owners: names by owner code (``MSK``), instead of the table that comes along.
    """
    found = code_of(code)
    if found.system not in {BIC, ILU}:
        return None
    known = owner_names() if owners is None else owners
    said = size_type(sign or size_behind(code) or "")
    return Container(
        owner=known.get(found.key[:_OWNER_SIGNS]) if found.system == BIC else None,
        category=category(found.key),
        size_type=said.sign if said else None,
        size=said.size if said else None,
        type=said.type if said else None,
        error=None if found.check_digit_ok else _wrong(found.key),
    )


def _wrong(key: str) -> str:
    return f"The check digit is {key[_STEM]} and should be {iso6346_check_digit(key[:_STEM])}."


@functools.cache
def owner_names() -> dict[str, str]:
    """Return the owners of the table that comes along, by their code of three letters."""
    text = (files(__package__) / TABLE).read_text(encoding="utf-8")
    return {row["owner_code"]: row["owner"] for row in csv.DictReader(text.splitlines())}
