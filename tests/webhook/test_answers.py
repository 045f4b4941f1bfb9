"""From the inbox to the answer of one call of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.webhook.answers import Answers
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.clock import FakeClock
from support.inbox_stage import answer, payload
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

PRINT = "ab" * 32


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inbox(tmp_path: Path, clock: FakeClock) -> Inbox:
    return Inbox(local_place(tmp_path), clock=clock)


@pytest.mark.parametrize("name", [f"1617_7M83K_truck-{PRINT}.jpg", f"truck-{PRINT}.jpg", f"x-{PRINT}"])
def test_an_answer_is_found_by_the_end_of_its_file_name(inbox: Inbox, name: str) -> None:
    inbox.put(payload(1, filename=name))

    assert Answers(inbox)("vin", PRINT) == answer(filename=name)


@pytest.mark.parametrize("name", [f"{PRINT}.jpg", f"truck-{PRINT}-2.jpg", f"truck-{PRINT[:-1]}.jpg", "truck.jpg"])
def test_another_name_is_somebody_elses(inbox: Inbox, name: str) -> None:
    inbox.put(payload(1, filename=name))

    assert Answers(inbox)("vin", PRINT) is None


def test_what_is_no_read_settles_nothing_and_hides_nothing(inbox: Inbox) -> None:
    name = f"truck-{PRINT}.jpg"
    inbox.put({"data": {"error": "busy", "filename": name}})
    assert Answers(inbox)("vin", PRINT) is None

    inbox.put(payload(1, filename=name))

    assert Answers(inbox)("vin", PRINT) == answer(filename=name)


def test_of_two_answers_the_first_counts(inbox: Inbox, clock: FakeClock) -> None:
    name = f"truck-{PRINT}.jpg"
    inbox.put(payload(1, "11111111111111111", filename=name))
    clock.tick(1)
    inbox.put(payload(2, filename=name))

    assert Answers(inbox)("vin", PRINT) == answer("11111111111111111", filename=name)
