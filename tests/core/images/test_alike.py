"""When rejections are believed, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.claims import Attempt, End
from airflow_provider_platerec_ocr.core.images.alike import Belief, ByItself, Fellows, belief, runs_before, words
from airflow_provider_platerec_ocr.core.models import Outcome, Owner, ReadStatus

NIGHTS = [Owner(dag_id="yard", run_id=f"night-{number}") for number in range(4)]


def said(message: str | None, image: str = "/in/gate-7.jpg", status: int | None = 400) -> str:
    return words(
        Outcome(row=1, image=image, type="vin", status=ReadStatus.REJECTED, message=message, http_status=status)
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (said("Invalid choice."), said("Invalid choice."), True),
        (said("Invalid choice."), said("invalid CHOICE."), True),
        (said("Cannot read gate-7.jpg."), said("Cannot read gate-8.jpg.", "/in/gate-8.jpg"), True),
        (said("Incident 8f3ac2 at 12:01"), said("Incident 77aa01 at 12:02"), True),
        (said("No: https://a.example/1.jpg"), said("No: https://b.example/2.jpg"), True),
        (said("Over 3 MB"), said("Over 9 MB"), True),
        (said(None), said(""), True),
        (said("Invalid choice."), said("Invalid image."), False),
        (said("Invalid choice."), said("Invalid choice.", status=422), False),
    ],
)
def test_words_are_the_same_whatever_image_and_moment_they_name(
    one: str,
    other: str,
    same: bool,  # noqa: FBT001  # a truth table's column
) -> None:
    assert (one == other) is same


@pytest.mark.parametrize(
    ("alike", "spoken", "before", "becomes"),
    [
        (1, True, 0, Belief.REJECT),
        (19, True, 0, Belief.REJECT),
        (1, False, 0, Belief.PUT_OFF),
        (2, False, 1, Belief.PUT_OFF),
        (1, False, 2, Belief.REJECT),
        (2, False, 9, Belief.REJECT),
        (3, False, 0, Belief.STOP),
        (3, False, 9, Belief.STOP),
        (15, False, 0, Belief.STOP),
    ],
)
def test_a_rejection_is_believed_by_what_stands_beside_it(
    alike: int,
    spoken: bool,  # noqa: FBT001  # as above
    before: int,
    becomes: Belief,
) -> None:
    assert belief(alike, spoken=spoken, runs_before=before) is becomes


def attempt(night: int, end: End | None, facts: Any) -> Attempt:
    return Attempt(1, "n", NIGHTS[night], end=end, payload=None if facts is None else {"facts": facts})


REFUSED = {"reason": "api_rejected"}


@pytest.mark.parametrize(
    ("history", "runs"),
    [
        ((), 0),
        ((attempt(1, End.RELEASED, REFUSED),), 1),
        ((attempt(1, End.RELEASED, REFUSED), attempt(1, End.RELEASED, REFUSED)), 1),
        ((attempt(1, End.RELEASED, REFUSED), attempt(2, End.RELEASED, REFUSED)), 2),
        ((attempt(0, End.RELEASED, REFUSED),), 0),
        ((attempt(1, End.RELEASED, {"reason": "url_not_fetched"}),), 0),
        ((attempt(1, End.RELEASED, None),), 0),
        ((attempt(1, End.RELEASED, "torn"),), 0),
        ((attempt(1, End.REJECTED, REFUSED),), 0),
        ((attempt(1, None, None),), 0),
    ],
)
def test_only_other_runs_that_put_the_image_off_count(history: tuple[Attempt, ...], runs: int) -> None:
    assert runs_before(history, NIGHTS[0]) == runs


def test_who_is_alone_hears_nothing() -> None:
    alone = Fellows()
    alone.tell("400: no", 3)

    assert (alone.alike("400: no"), alone.have_read()) == (0, False)
    assert ByItself().have_read(), "a single read is looked at by whoever asked for it"
