from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.runtime.read_result import as_error, as_result

PROPS = {"code": [{"value": "1HGBH41JXMN1O9186"}], "orientation": [{"value": "vertical"}], "confidence": 0.8}
ANSWER = {
    "processing_time": 128.758,
    "results": [{"identifier": {"type": "text", "props": PROPS}}],
    "filename": "a.jpg?sig=geheim77",
    "version": 1,
}


def outcome(status: str = "read", **parts: Any) -> Outcome:
    return Outcome(**{"row": 1, "image": "/yard/a.jpg", "type": "vin", "status": status, "message": "why", **parts})


def test_a_read_becomes_plain_data_with_the_code_checked() -> None:
    result = as_result(
        outcome(answer=json.dumps(ANSWER), fingerprint="ab" * 32, calls_billed=1, read_at="2026-03-01T22:00:00Z"),
        ["sig=geheim77"],
    )

    assert result["identifiers"] == [
        {
            "code": "1HGBH41JXMN1O9186",
            "code_normalized": "1HGBH41JXMN109186",
            "code_system": "vin",
            "check_digit_ok": True,
            "repaired": True,
            "orientation": "vertical",
            "confidence": 0.8,
        }
    ]
    assert (result["image"], result["fingerprint"], result["calls_billed"]) == ("/yard/a.jpg", "ab" * 32, 1)
    assert result["raw"] == {**ANSWER, "filename": "a.jpg?***"}
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize(
    ("secret", "filename", "shown"),
    [
        ("1", "gate.jpg?1", "gate.jpg?***"),
        ("M8", "gate.jpg?M8", "gate.jpg?***"),
        ("1HGBH41J", "gate.jpg?1HGBH41J", "gate.jpg?***"),
        ("sig=geheim77", "a-sig=geheim77.jpg", "a-***.jpg"),
        ('"', "gate.jpg", "gate.jpg"),
    ],
)
def test_what_is_cut_out_of_an_answer_is_never_part_of_a_code(secret: str, filename: str, shown: str) -> None:
    result = as_result(outcome(answer=json.dumps({**ANSWER, "filename": filename})), [secret])

    assert result["identifiers"][0]["code"] == "1HGBH41JXMN1O9186"
    assert result["raw"]["results"] == ANSWER["results"]
    assert result["raw"]["filename"] == shown


@pytest.mark.parametrize("answer", ['{"results": null}', "[]", '{"body": "OK"}', '{"body_base64": "//76"}'])
def test_an_answer_that_is_no_read_is_never_taken_for_nothing_found(answer: str) -> None:
    with pytest.raises(errors.OCRUnknownDialect, match="kept in the ledger") as caught:
        as_result(outcome(answer=answer, fingerprint="ab" * 32))

    assert not caught.value.retry


def test_what_no_database_takes_is_replaced_wherever_it_stands() -> None:
    props = {"code": [{"value": "A\ud83dB\0C"}]}
    answer = {"results": [{"identifier": {"props": props}}], "k\0": ["\ud83d", 1], "n": 1}
    text = json.dumps(answer)[:-1] + ', "m": 1e999, "o": Infinity}'

    result = as_result(outcome(answer=text))

    assert result["identifiers"][0]["code"] == "A?B\ufffdC"
    assert result["raw"]["k\ufffd"] == ["?", 1]
    assert (result["raw"]["m"], result["raw"]["o"]) == (None, None)
    assert "\\u0000" not in json.dumps(result, allow_nan=False)


def test_an_image_with_nothing_on_it_is_a_read_without_identifiers() -> None:
    assert as_result(outcome(answer='{"results": []}'))["identifiers"] == []


@pytest.mark.parametrize(
    ("status", "reason", "policy", "error", "attributes"),
    [
        ("rejected", "api_rejected", "resend", errors.OCRRejected, {"status": 400}),
        ("rejected", "image_empty", "resend", errors.OCRImageError, {"reason": "image_empty", "permanent": True}),
        ("failed", "image_missing", "resend", errors.OCRImageError, {"reason": "image_missing", "permanent": False}),
        ("failed", "api_unavailable", "resend", errors.OCRUnavailable, {"status": 400}),
        ("held_elsewhere", None, "resend", errors.OCRIncomplete, {"retry": True, "retry_after_s": 60}),
        ("in_doubt", "in_doubt", "resend", errors.OCRInDoubt, {"retry": True, "retry_after_s": 270}),
        ("in_doubt", "in_doubt", "hold", errors.OCRInDoubt, {"retry": False, "retry_after_s": None}),
        ("in_doubt", "in_doubt", "fail", errors.OCRInDoubt, {"retry": False, "retry_after_s": None}),
        ("in_doubt", "in_doubt_twice", "resend", errors.OCRInDoubt, {"retry": False, "retry_after_s": None}),
    ],
)
def test_each_end_is_one_typed_error_that_says_whether_another_try_helps(
    status: str, reason: str | None, policy: str, error: type[Exception], attributes: dict[str, Any]
) -> None:
    raised = as_error(outcome(status, reason=reason, http_status=400), InDoubtPolicy(policy), lease_s=270)

    assert type(raised) is error
    assert str(raised) == "/yard/a.jpg: why"
    assert {name: getattr(raised, name) for name in attributes} == attributes
