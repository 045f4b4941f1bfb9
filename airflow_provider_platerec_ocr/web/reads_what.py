"""What is it: what the codes of one image say of the vehicle or the container, as the story of the image shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.yard.decode import HINT, is_there
from airflow_provider_platerec_ocr.analysis.yard.signs import signs
from airflow_provider_platerec_ocr.analysis.yard.what import Told
from airflow_provider_platerec_ocr.core.identifiers import VIN
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

UNKNOWN_MAKER = "No table that comes along knows its maker."
UNKNOWN_OWNER = "Its owner is not in the table that comes along, which has well-known lines and lessors."
NO_SIGN = "Size and type were not read with it."
_OF_VIN = (("Make", "vin_make"), ("Model", "vin_model"), ("Year", "vin_year"), ("Body", "vin_body"))
_OF_CONTAINER = (
    ("Owner", "container_owner"),
    ("Category", "container_category"),
    ("Size", "container_size"),
    ("Type", "container_type"),
    ("Read as", "container_size_type"),
)


@dataclass(frozen=True, slots=True)
class ShownWhat:
    """What one code says."""

    code: str
    facts: tuple[tuple[str, str], ...]
    """What it is called, and what it is."""
    wrong: str
    """Why it cannot be such a code; empty where nothing says so."""
    note: str
    """What is not known, and why."""


def shown_what(rows: Sequence[Row]) -> list[ShownWhat]:
    """Return what the codes of one read say, of those that are a VIN or a container's number, each once.

    :param rows: all rows of one read of one image.
    """
    there = [row for row in rows if row["code"] and not row[TAKEN_BACK]]
    codes = [row["code_normalized"] or row["code"] for row in there]
    found = signs([row["image"] for row in there], [row["code_as_read"] or row["code"] for row in there], codes)
    kinds = {code: code_of(code) for code in codes}
    pairs = {code: sign for code, sign in zip(codes, found, strict=True) if kinds[code].system}
    return [
        _of_vin(kinds[code].key, said) if kinds[code].system == VIN else _of_container(kinds[code].key, said)
        for code, said in zip(pairs, Told().rows([*pairs], [*pairs.values()]), strict=True)
    ]


def _of_vin(key: str, said: Row) -> ShownWhat:
    facts = tuple((label, str(said[name])) for label, name in _OF_VIN if said[name] is not None)
    note = "" if facts else UNKNOWN_MAKER if is_there() else HINT
    return ShownWhat(key, facts, said["vin_error"] or "", note)


def _of_container(key: str, said: Row) -> ShownWhat:
    facts = tuple((label, said[name]) for label, name in _OF_CONTAINER if said[name] is not None)
    notes = [UNKNOWN_OWNER] * (said["container_owner"] is None) + [NO_SIGN] * (said["container_size_type"] is None)
    return ShownWhat(key, facts, said["container_error"] or "", " ".join(notes))
