"""To which day a read belongs that is made again: the run says it, else its id, else when it was paid for."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from airflow_provider_platerec_ocr.dataset.upkeep.rebuilt import day_of


@pytest.mark.parametrize(
    ("facts", "run_id", "read_at", "day", "said_by"),
    [
        ({"run_date": "2026-03-01"}, "scheduled__2026-03-02T22:00:00+00:00", "2026-03-03T01:00:00Z", 1, "run"),
        ({}, "scheduled__2026-03-02T22:00:00+00:00", "2026-03-03T01:00:00Z", 2, "run id"),
        ({}, "manual__2026-03-02T01:30:00+02:00", None, 1, "run id"),
        ({}, "scheduled__2026-03-02T22:00:00.123456+00:00_x1", None, 2, "run id"),
        ({"run_date": "soon"}, "by hand", "2026-03-03T01:00:00Z", 3, "answer"),
        ({"run_date": None}, "scheduled__2026-13-99T22:00:00", "2026-03-03T01:00:00", 3, "answer"),
    ],
)
def test_the_day_of_a_read(facts: dict[str, Any], run_id: str, read_at: str | None, day: int, said_by: str) -> None:
    assert day_of(facts, run_id, read_at) == (date(2026, 3, day), said_by)


def test_a_read_of_which_nothing_is_known_has_a_day_all_the_same() -> None:
    assert day_of({}, "by hand", None) == (date(1970, 1, 1), "nothing")
