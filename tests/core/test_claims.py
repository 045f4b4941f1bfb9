from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.claims import (
    Answered,
    Attempt,
    Doubt,
    End,
    Held,
    MayClaim,
    PutOff,
    Rejected,
    calls_billed,
    decide,
    identity_key,
    in_doubt,
)
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import (
        Decision,
        History,
    )

LEASE_S = 270.0
FIRST_TRY = Owner(dag_id="nightly", run_id="r1", task_id="read", map_index=3, try_number=1)
SECOND_TRY = replace(FIRST_TRY, try_number=2)
STATES: dict[str, dict[str, Any]] = {
    "A": {"end": End.ANSWER, "payload": {"answer": {}}},
    "J": {"end": End.REJECTED, "payload": {}},
    "R": {"end": End.RELEASED, "payload": {}},
    "U": {"end": End.RELEASED, "payload": {"facts": {"reason": "url_not_fetched"}}},
    "T": {"end": End.TORN},
    "L": {"age_s": 10.0},
    "D": {"age_s": 271.0},
}
"""Answered, reJected, Released, Released since its Url could not be fetched, Torn, Live, in Doubt."""


def history(states: str, owner: Owner = FIRST_TRY, lease_s: float | None = None) -> History:
    return tuple(
        Attempt(number, f"nonce{number}", owner, lease_s=lease_s, **STATES[state])
        for number, state in enumerate(states, 1)
    )


def decision(states: str, *, owner: Owner = SECOND_TRY, policy: InDoubtPolicy = InDoubtPolicy.RESEND) -> Decision:
    return decide(history(states), owner=owner, policy=policy, lease_s=LEASE_S)


def short(made: Decision) -> str:
    match made:
        case Answered(attempt):
            return f"answered {attempt.number}"
        case Rejected(attempt):
            return f"rejected {attempt.number}"
        case Held(until_s, attempt):
            return f"held {attempt.number} for {until_s:.0f}"
        case MayClaim(number, doubts):
            return f"claim {number}" + "".join(f" naming {attempt.number}" for attempt in doubts)
        case PutOff(attempt):
            return f"put off by {attempt.number}"
        case Doubt(attempts, action):
            return f"{action.value} " + ",".join(str(attempt.number) for attempt in attempts)


TRUTH = [
    ("", "claim 1"),
    ("A", "answered 1"),
    ("J", "rejected 1"),
    ("R", "claim 2"),
    ("RR", "claim 3"),
    ("L", "held 1 for 260"),
    ("RL", "held 2 for 260"),
    ("D", "claim 2 naming 1"),
    ("T", "claim 2 naming 1"),
    ("RD", "claim 3 naming 2"),
    ("DR", "claim 3 naming 1"),
    ("DRR", "claim 4 naming 1"),
    ("DL", "held 2 for 260"),
    ("DD", "twice 1,2"),
    ("TD", "twice 1,2"),
    ("DRD", "twice 1,3"),
    ("DDR", "twice 1,2"),
    ("DDD", "twice 1,2,3"),
    ("DA", "answered 2"),
    ("TA", "answered 2"),
    ("AA", "answered 1"),
    ("DDA", "answered 3"),
    ("AL", "answered 1"),
    ("LA", "answered 2"),
    ("JA", "answered 2"),
    ("DJ", "rejected 2"),
    ("JL", "rejected 1"),
]


@pytest.mark.parametrize(("states", "expected"), TRUTH)
def test_what_a_history_allows_to_a_later_try(states: str, expected: str) -> None:
    assert short(decision(states)) == expected


@pytest.mark.parametrize(
    ("states", "policy", "expected"),
    [
        ("D", InDoubtPolicy.HOLD, "hold 1"),
        ("D", InDoubtPolicy.FAIL, "fail 1"),
        ("T", InDoubtPolicy.HOLD, "hold 1"),
        ("DD", InDoubtPolicy.HOLD, "twice 1,2"),
        ("DD", InDoubtPolicy.FAIL, "twice 1,2"),
        ("R", InDoubtPolicy.HOLD, "claim 2"),
        ("L", InDoubtPolicy.HOLD, "held 1 for 260"),
    ],
)
def test_a_policy_that_does_not_resend_names_the_doubt_instead(
    states: str, policy: InDoubtPolicy, expected: str
) -> None:
    assert short(decision(states, policy=policy)) == expected


def test_the_try_that_made_a_doubt_does_not_resend() -> None:
    assert short(decision("D", owner=FIRST_TRY)) == "wait_for_next_try 1"


@pytest.mark.parametrize(
    "other",
    [
        replace(FIRST_TRY, dag_id="other"),
        replace(FIRST_TRY, run_id="r2"),
        replace(FIRST_TRY, task_id="other"),
        replace(FIRST_TRY, map_index=4),
        SECOND_TRY,
    ],
)
def test_any_other_try_task_or_run_may_resend(other: Owner) -> None:
    assert short(decision("D", owner=other)) == "claim 2 naming 1"


def test_a_claim_nobody_can_read_was_made_by_another() -> None:
    unreadable = (Attempt(1, "", Owner(), age_s=271.0),)

    made = decide(unreadable, owner=Owner(), policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)

    assert made == MayClaim(2, unreadable)


def test_a_claim_lives_by_the_lease_it_names_itself() -> None:
    long = history("D", lease_s=1000.0)
    brief = history("L", lease_s=5.0)

    assert short(decide(long, owner=SECOND_TRY, policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)) == "held 1 for 729"
    assert short(decide(brief, owner=SECOND_TRY, policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)) == "claim 2 naming 1"


def test_a_lease_ends_at_its_last_second() -> None:
    attempt = Attempt(1, "n", FIRST_TRY, age_s=270.0)

    assert not attempt.is_live(LEASE_S)
    assert attempt.is_in_doubt(LEASE_S)
    assert replace(attempt, age_s=269.9).is_live(LEASE_S)


def test_doubts_are_told_whatever_else_happened() -> None:
    assert [attempt.number for attempt in in_doubt(history("DRTAL"), LEASE_S)] == [1, 3]


@given(st.text("AJRTLD", max_size=6), st.sampled_from(InDoubtPolicy), st.sampled_from([FIRST_TRY, SECOND_TRY]))
def test_a_call_is_only_allowed_over_released_attempts_and_at_most_one_named_doubt(
    states: str, policy: InDoubtPolicy, owner: Owner
) -> None:
    made = decision(states, policy=policy, owner=owner)

    if isinstance(made, MayClaim):
        assert made.number == len(states) + 1
        assert set(states) <= set("RTD")
        assert [attempt.number for attempt in made.doubts] == [n for n, state in enumerate(states, 1) if state in "TD"]
        assert len(made.doubts) == 0 or (len(made.doubts) == 1 and policy is InDoubtPolicy.RESEND)


def facts(attempt: Attempt, **given: object) -> Attempt:
    return replace(attempt, facts={"image": "/in/a.jpg", "row": 7, **given})


@pytest.mark.parametrize(("states", "billed"), [("", 0), ("A", 1), ("D", 1), ("T", 1), ("L", 1), ("R", 0), ("J", 0)])
def test_what_counts_as_billed(states: str, billed: int) -> None:
    told = tuple(facts(attempt) for attempt in history(states))

    assert calls_billed(told, "r1", row=7, image="/in/a.jpg") == billed


def test_only_calls_of_this_run_for_this_row_count() -> None:
    mine, other_row, other_image, released = (facts(attempt) for attempt in history("DAAR"))
    told = (
        mine,
        facts(other_row, row=8),
        facts(other_image, image="/in/b.jpg"),
        released,
        facts(Attempt(5, "n", replace(FIRST_TRY, run_id="r2"), end=End.ANSWER)),
        facts(Attempt(6, "n", replace(FIRST_TRY, dag_id="other"), end=End.ANSWER)),
    )

    assert calls_billed(told, "r1", row=7, image="/in/a.jpg") == 2
    assert calls_billed(told, "r1", row=7, image="/in/a.jpg", dag_id="nightly") == 1
    assert calls_billed(told, "r2", row=7, image="/in/a.jpg") == 1


def test_an_identity_key_has_16_bytes_and_tells_versions_apart() -> None:
    keys = {
        identity_key("vin", "/in/a.jpg", None),
        identity_key("vin", "/in/a.jpg", ""),
        identity_key("vin", "/in/a.jpg", "1"),
        identity_key("vin", "/in/a.jpg1", None),
        identity_key("trailer_id", "/in/a.jpg", None),
    }

    assert len(keys) == 5
    assert {len(key) for key in keys} == {16}


def test_an_identity_key_takes_names_that_are_no_text() -> None:
    assert identity_key("vin", "/in/\udcff.jpg", "\udcff") != identity_key("vin", "/in/\udcfe.jpg", "\udcff")


def test_a_type_that_could_leave_its_folder_has_no_key() -> None:
    with pytest.raises(OCRConfigError, match="type"):
        identity_key("../vin", "/in/a.jpg", None)


name = st.text(max_size=12)


@given(st.tuples(name, st.none() | name), st.tuples(name, st.none() | name))
def test_different_images_have_different_keys(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    assert (identity_key("vin", *one) == identity_key("vin", *other)) == (one == other)


@pytest.mark.parametrize(
    ("states", "owner", "expected"),
    [
        ("U", SECOND_TRY, "put off by 1"),
        ("UR", SECOND_TRY, "put off by 1"),
        ("UD", SECOND_TRY, "put off by 1"),
        ("UL", SECOND_TRY, "held 2 for 260"),
        ("UA", SECOND_TRY, "answered 2"),
        ("UJ", SECOND_TRY, "rejected 2"),
        ("U", replace(FIRST_TRY, map_index=7), "put off by 1"),
        ("U", replace(FIRST_TRY, run_id="r2"), "claim 2"),
        ("U", replace(FIRST_TRY, dag_id="other"), "claim 2"),
        ("U", Owner(), "claim 2"),
    ],
)
def test_a_url_that_could_not_be_fetched_is_sent_once_in_a_run(states: str, owner: Owner, expected: str) -> None:
    assert short(decision(states, owner=owner)) == expected


def test_outside_of_runs_a_url_is_sent_each_time() -> None:
    nobody = decide(history("U", Owner()), owner=Owner(), policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)

    assert short(nobody) == "claim 2"
