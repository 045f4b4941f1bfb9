"""The pieces of a page that are rules: charts, words for numbers, what is kept for a moment, and whose form it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.charts import columns, gauge
from airflow_provider_platerec_ocr.web.frame.templates import ago, day, duration, moment, number, percent
from airflow_provider_platerec_ocr.web.frame.viewer import form_token, is_form_token
from support.clock import FakeClock

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        (100, [("used", 20), ("free", 80)], [(0.0, 20.0), (20.0, 80.0)]),
        (100, [("used", 90), ("held", 90)], [(0.0, 90.0), (90.0, 10.0)]),
        (0, [("used", 5)], [(0.0, 0.0)]),
        (10, [("used", -5), ("free", 10)], [(0.0, 0.0), (0.0, 100.0)]),
        (10, [], []),
    ],
)
def test_a_gauge_is_full_at_most(
    total: int, parts: list[tuple[str, float]], expected: list[tuple[float, float]]
) -> None:
    assert [(piece.x, piece.width) for piece in gauge(total, parts)] == expected


def test_the_highest_column_is_as_high_as_the_picture_and_a_small_number_is_still_seen() -> None:
    first, second, third = columns(
        [("a", [("used", 100), ("bad", 1)], None), ("b", [("used", None)], 50.0), ("c", [("used", 0)], None)],
        height=80.0,
    )

    assert first.pieces[1].y == 0.0
    assert first.pieces[1].height == 1.0
    assert second.pieces[0].height == 0.0
    assert second.mark_y == pytest.approx(80.0 - 50.0 * 80.0 / 101.0, abs=0.01)
    assert third.pieces[0].height == 0.0
    assert columns([]) == []
    assert columns([("a", [("used", 0)], 0.0)])[0].mark_y is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(1234.5, 1), "1,234.5"),
        (number(None), "\u2013"),
        (percent(0.568, 1), "56.8 %"),
        (percent(None), "\u2013"),
        (moment("2026-03-01T23:00:00+01:00"), "2026-03-01 22:00"),
        (moment("never"), "\u2013"),
        (moment(None), "\u2013"),
        (moment(NOW.replace(tzinfo=None)), "2026-03-01 22:00"),
        (day(NOW), "2026-03-01"),
        (day(""), "\u2013"),
        (ago(NOW - timedelta(hours=2), NOW), "2 h 00 min ago"),
        (ago("?", NOW), "\u2013"),
        (duration(-3), "0 s"),
        (duration(59.4), "59 s"),
        (duration(65), "1 min 05 s"),
        (duration(60), "1 min"),
        (duration(1200), "20 min"),
        (duration(timedelta(days=1)), "1 day"),
        (duration(timedelta(days=3)), "3 days"),
        (duration(None), "\u2013"),
    ],
)
def test_numbers_and_times_are_said_as_people_say_them(said: str, expected: str) -> None:
    assert said == expected


def test_a_value_is_made_once_until_it_is_old_and_an_error_as_well() -> None:
    clock, made = FakeClock(), []
    cached: Cached[Any] = Cached(10.0, clock, error_s=3.0)

    def make() -> int:
        made.append(1)
        if len(made) == 2:
            raise TimeoutError
        return len(made)

    assert [cached.get("a", make) for _ in range(3)] == [1, 1, 1]
    clock.pause(10.0)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            cached.get("a", make)
    clock.pause(3.0)
    assert cached.get("a", make) == 3
    cached.drop("a")
    cached.drop("never")
    assert cached.get("a", make) == 4


def test_only_so_many_values_are_kept() -> None:
    cached: Cached[int] = Cached(10.0, FakeClock(), most=2)

    for key in (1, 2, 3):
        cached.get(key, partial(int, key))

    assert cached.get(1, lambda: 9) == 9
    assert cached.get(3, lambda: 9) == 3


@pytest.mark.parametrize(
    ("secret", "name", "day", "good"),
    [
        (b"s", "ann", NOW, True),
        (b"other", "ann", NOW, False),
        (b"s", "bob", NOW, False),
        (b"s", "ann", NOW - timedelta(days=2), False),
    ],
)
def test_a_form_is_one_users_for_a_day(secret: bytes, name: str, day: datetime, *, good: bool) -> None:
    token = form_token(b"s", "ann", NOW)

    assert is_form_token(token, secret, name, day, day - timedelta(days=1)) is good
