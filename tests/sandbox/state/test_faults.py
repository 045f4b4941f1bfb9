"""Fault scripts: reading them, and which calls they fire on."""

from __future__ import annotations

import json
import re

import pytest

from airflow_provider_platerec_ocr.sandbox.api import outcomes
from airflow_provider_platerec_ocr.sandbox.state import replies
from airflow_provider_platerec_ocr.sandbox.state.faults import (
    Endpoint,
    Facts,
    Fault,
    FaultScript,
    FaultScriptError,
    Kind,
    parse_rule,
)
from airflow_provider_platerec_ocr.sandbox.state.replies import Delivery


def fired(script: FaultScript, calls: int, **facts: object) -> list[int]:
    """Numbers, from 1, of the calls on which some rule fires."""
    shown = Facts(since_s=0.0, **facts)  # type: ignore[arg-type]
    return [number for number in range(1, calls + 1) if script.pick(shown)]


@pytest.mark.parametrize(
    ("spec", "numbers"),
    [
        ("every=3:503", [3, 6, 9]),
        ("nth=2:503", [2]),
        ("nth=3-5:503", [3, 4, 5]),
        ("always:503;times=2", [1, 2]),
        ("chance=0:503", []),
        ("chance=1:503", list(range(1, 11))),
        ("type=vin:503", []),
        ("on=statistics,always:503", []),
        ("every=2,nth=1-4:503", [2, 4]),
    ],
)
def test_a_selector_fires_on_its_calls(spec: str, numbers: list[int]) -> None:
    assert fired(FaultScript([spec]), 10, type="trailer_id") == numbers


def test_chance_gives_the_same_faults_for_the_same_seed() -> None:
    first, again, other = (FaultScript(["chance=0.5:503"], seed) for seed in (1, 1, 2))
    hits = fired(first, 50)
    assert 10 < len(hits) < 40
    assert fired(again, 50) == hits
    assert fired(other, 50) != hits


@pytest.mark.parametrize(
    ("facts", "fires"),
    [
        (Facts(0, image="3fa9" + 60 * "0"), True),
        (Facts(0, image="03fa9" + 59 * "0"), False),
        (Facts(0, image="aa", filename="truck-3fa9.jpg"), True),
        (Facts(0, image="https://host/3fa9.jpg"), True),
    ],
)
def test_an_image_is_named_by_the_start_of_its_hash_or_a_part_of_its_name(facts: Facts, fires: bool) -> None:  # noqa: FBT001
    assert parse_rule("image=3fa9:400").fires(facts) is fires


def test_a_window_is_seconds_since_the_script_began() -> None:
    rule = parse_rule("window=5-65:503")
    assert [rule.fires(Facts(since_s)) for since_s in (4.9, 5.0, 64.9, 65.0)] == [False, True, True, False]


def test_nth_counts_only_the_calls_that_the_other_selectors_let_by() -> None:
    script = FaultScript(["image=truck,nth=2:503"])
    names = ["car.jpg", "truck.jpg", "car.jpg", "truck.jpg", "truck.jpg"]
    assert [bool(script.pick(Facts(0, filename=name))) for name in names] == [False, False, False, True, False]


def test_the_first_rule_that_fires_decides_and_the_others_still_count() -> None:
    script = FaultScript(["nth=2:503", "every=2:429"])
    picked = [script.pick(Facts(0)) for _ in range(4)]
    assert [fault.kind if fault else None for fault in picked] == [None, Kind.UNAVAILABLE, None, Kind.THROTTLED]


def test_a_rule_for_statistics_leaves_the_reader_alone() -> None:
    rule = parse_rule("on=statistics,always:503")
    assert rule.fires(Facts(0, Endpoint.STATISTICS))
    assert not rule.fires(Facts(0, Endpoint.READER))


def test_options_reach_the_fault() -> None:
    fault = parse_rule("nth=1:429;retry_after=2;header=no;billed=yes").fault
    assert (fault.kind, fault.retry_after_s, fault.header, fault.billed) == (Kind.THROTTLED, 2.0, False, True)
    assert not fault.before_work
    assert parse_rule("nth=1:slow=1.5").fault.seconds == 1.5
    assert parse_rule("nth=1:hang;seconds=4").fault.seconds == 4.0


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("503", "write SELECTOR:KIND"),
        ("every=7:teapot", "unknown kind 'teapot'; known: 400, 401"),
        ("every=7:503=2", "unknown kind '503=2'"),
        ("sometimes:503", "unknown selector 'sometimes'; known: always, every=N"),
        ("image=:503", "unknown selector 'image'"),
        ("every=0:503", "every needs a whole number"),
        ("every=1.5:503", "every needs a whole number"),
        ("every=x:503", "every needs a number of at least 0, not 'x'"),
        ("nth=5-3:503", "nth=5-3 ends before it begins"),
        ("window=-3:503", "window needs a number"),
        ("on=moon,always:503", "on=moon is unknown; known: reader, statistics"),
        ("nth=1:slow", "write slow=SECONDS"),
        ("nth=1:503;retry=2", "unknown option 'retry'; known: retry_after"),
        ("nth=1:503;header=maybe", "header is yes or no"),
        ("nth=1:503;times=0", "times needs a whole number of at least 1"),
        ("nth=1:slow=inf", "seconds needs a number"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_by_name(spec: str, says: str) -> None:
    with pytest.raises(FaultScriptError) as error:
        FaultScript([spec])
    assert says in str(error.value)
    assert spec in str(error.value)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("400", 400),
        ("400-html", 400),
        ("401", 401),
        ("403", 403),
        ("403-html", 403),
        ("404-html", 404),
        ("413", 413),
        ("500", 500),
        ("502-html", 502),
        ("503", 503),
        ("504", 504),
    ],
)
def test_a_status_fault_gives_that_status(kind: str, status: int) -> None:
    fault = Fault(Kind(kind), kind)
    assert fault.before_work
    assert outcomes.refusal(fault, 1000).status == status


def test_429_and_503_carry_the_wait_they_were_given() -> None:
    throttled = outcomes.refusal(Fault(Kind.THROTTLED, "", retry_after_s=2.0), 1)
    assert throttled.headers["Retry-After"] == "2"
    assert json.loads(throttled.body)["detail"] == "Request was throttled. Expected available in 2 seconds."
    assert outcomes.refusal(Fault(Kind.THROTTLED, ""), 1).retry_after_s == 1.0
    bare = outcomes.refusal(parse_rule("always:429;header=no;text=no").fault, 1)
    assert (bare.status, bare.headers, bare.retry_after_s) == (429, {}, None)
    assert not re.search(r"second|\d", bare.body.replace("429", ""))
    assert "Retry-After" not in outcomes.refusal(Fault(Kind.THROTTLED, "", header=False), 1).headers
    assert outcomes.refusal(Fault(Kind.UNAVAILABLE, "", retry_after_s=3.0), 1).headers == {"Retry-After": "3"}
    assert outcomes.refusal(Fault(Kind.UNAVAILABLE, "", retry_after_s=3.0, header=False), 1).retry_after_s is None


def test_a_spoilt_answer_is_cut_broken_or_replaced() -> None:
    answer = replies.reply_json(200, {"results": [1, 2, 3]})
    cut, half, bad, error, slow = (
        outcomes.spoil(Fault(kind, ""), answer)
        for kind in (Kind.CUT_AFTER, Kind.CUT_JSON, Kind.BAD_JSON, Kind.ERROR_200, Kind.SLOW)
    )
    assert (cut.status, cut.delivery) == (0, Delivery.CUT)
    assert (half.status, half.delivery, half.body) == (200, Delivery.CUT_IN_BODY, answer.body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(bad.body)
    assert json.loads(error.body) == {"error": "Prediction failed."}
    assert slow == answer
