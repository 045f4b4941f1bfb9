"""The rules for one read, as a table: what is there, what is said, what is seen."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_platerec_ocr.dataset.corrections.overlay import FROM_PERSON, overlaid


def read(*codes: str | None) -> list[dict[str, Any]]:
    return [
        {"identifier_index": None if code is None else index, "code": code, "calls_billed": int(not index)}
        for index, code in enumerate(codes)
    ]


def say(*said: tuple[int | None, str, str | None]) -> list[dict[str, Any]]:
    return [
        dict.fromkeys(FROM_PERSON)
        | {"identifier_index": index, "kind": kind, "code": code, "corrected_by": "jane", "corrected_at": minute}
        for minute, (index, kind, code) in enumerate(said)
    ]


@pytest.mark.parametrize(
    ("rows", "said", "seen"),
    [
        (read("A"), say(), [(0, "A")]),
        (read("A"), say((0, "correct", "B")), [(0, "B")]),
        (read("A"), say((0, "correct", "B"), (0, "correct", "C")), [(0, "C")]),
        (read("A", "B"), say((1, "correct", "C")), [(0, "A"), (1, "C")]),
        (read("A"), say((0, "take_back", None)), []),
        (read("A"), say((0, "take_back", None), (0, "correct", "B")), [(0, "B")]),
        (read("A", "B"), say((None, "take_back", None)), []),
        (read("A", "B"), say((None, "take_back", None), (1, "correct", "C")), [(1, "C")]),
        (read("A", "B"), say((1, "correct", "C"), (None, "take_back", None)), []),
        (read("A"), say((1, "add", "B")), [(0, "A"), (1, "B")]),
        (read("A"), say((1, "add", "B"), (1, "take_back", None)), [(0, "A")]),
        (read("A"), say((2, "add", "C"), (1, "add", "B")), [(0, "A"), (1, "B"), (2, "C")]),
        (read(None), say((0, "add", "A")), [(0, "A")]),
        (read(None), say((0, "add", "A"), (0, "take_back", None)), [(None, None)]),
        (read(None), say((0, "add", "A"), (None, "take_back", None)), []),
        (read(None), say((None, "take_back", None), (0, "add", "A")), [(0, "A")]),
        (read("A"), say((0, "accept", "A")), [(0, "A")]),
        (read("A"), say((0, "correct", "B"), (0, "accept", "A")), [(0, "A")]),  # taken back what was said
        (read("A", "B"), say((None, "accept", None)), [(0, "A"), (1, "B")]),
        (read("A", "B"), say((None, "take_back", None), (None, "accept", None)), [(0, "A"), (1, "B")]),
        (read("A", "B"), say((1, "correct", "C"), (None, "accept", None)), [(0, "A"), (1, "B")]),
        (read("A", "B"), say((None, "accept", None), (1, "correct", "C")), [(0, "A"), (1, "C")]),
        (read("A"), say((1, "add", "B"), (None, "accept", None)), [(0, "A")]),
        (read(None), say((None, "accept", None)), [(None, None)]),
    ],
)
def test_what_is_seen_of_a_read(
    rows: list[dict[str, Any]], said: list[dict[str, Any]], seen: list[tuple[int | None, str | None]]
) -> None:
    found = overlaid(rows, said)

    assert [(row["identifier_index"], row["code"]) for row in found] == seen
    assert all(row["calls_billed"] in (0, 1) for row in found)
