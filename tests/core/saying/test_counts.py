"""Numbers agree with what they count."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of, plural_of


@pytest.mark.parametrize(
    ("thing", "things"),
    [
        ("call", "calls"),
        ("dead letter", "dead letters"),
        ("try", "tries"),
        ("retry", "retries"),
        ("day", "days"),
        ("key", "keys"),
        ("box", "boxes"),
        ("pass", "passes"),
        ("branch", "branches"),
        ("dash", "dashes"),
    ],
)
def test_a_noun_has_its_plural(thing: str, things: str) -> None:
    assert plural_of(thing) == things


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (1_000_000, "1,000,000 calls"), (-1, "-1 calls")],
)
def test_a_number_has_its_thing_in_the_plural_where_it_needs_one(number: int, said: str) -> None:
    assert count_of(number, "call") == said


def test_a_plural_may_be_given() -> None:
    assert [count_of(n, "call in doubt", "calls in doubt") for n in (1, 2)] == ["1 call in doubt", "2 calls in doubt"]


def test_a_verb_agrees_with_its_number() -> None:
    assert [agree(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]
