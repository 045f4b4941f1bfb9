"""What needs a person's eyes, as a table; and the list of expected codes in the forms in which people have one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.identifiers import check_code
from airflow_provider_platerec_ocr.dataset.review.doubts import SAID, Criteria, Doubt, Expected, doubts_of

GOOD, BAD, EUROPEAN = "1M8GDM9AXKP042788", "1M8GDM9A1KP042788", "WP0ZZZ99ZTS392124"
CHECK, LOW, SEVERAL, UNEXPECTED = Doubt.CHECK_DIGIT, Doubt.CONFIDENCE, Doubt.SEVERAL, Doubt.UNEXPECTED


def row(code: str | None, confidence: float | None = 0.99, type_: str = "vin") -> dict[str, Any]:
    check = check_code(code, type_) if code else None
    names = ("code_normalized", "code_system", "check_digit_ok")
    facts = {name: getattr(check, name) if check else None for name in names}
    return {"image": "/yard/7.jpg", "image_name": "7.jpg", "confidence": confidence, **facts}


@pytest.mark.parametrize(
    ("code", "number", "criteria", "found"),
    [
        (row(GOOD), 1, Criteria(), ()),
        (row(BAD), 1, Criteria(), (CHECK,)),
        (row(BAD), 1, Criteria(check_digit=False), ()),
        (row(EUROPEAN), 1, Criteria(), ()),  # its check digit does not fit, and need not
        (row("CSQU3054384", type_="trailer_id"), 1, Criteria(), (CHECK,)),
        (row("CSQU3054383", type_="trailer_id"), 1, Criteria(), ()),
        (row("TRL-4711", type_="trailer_id"), 1, Criteria(), ()),  # a fleet's own number has none
        (row(GOOD, 0.79), 1, Criteria(), (LOW,)),
        (row(GOOD, 0.8), 1, Criteria(), ()),
        (row(GOOD, 0.79), 1, Criteria(confidence_below=None), ()),
        (row(GOOD, None), 1, Criteria(confidence_below=1.0), ()),  # the API did not say
        (row(GOOD), 2, Criteria(), (SEVERAL,)),
        (row(GOOD), 2, Criteria(several=False), ()),
        (row(None, None), 1, Criteria(), ()),
        (row(BAD, 0.1), 3, Criteria(), (CHECK, LOW, SEVERAL)),
        (row(GOOD), 1, Criteria(expected=Expected.of([GOOD])), ()),
        (row(GOOD), 1, Criteria(expected=Expected.of([EUROPEAN])), (UNEXPECTED,)),
        (row(GOOD), 1, Criteria(expected=Expected.of([("7.jpg", GOOD)])), ()),
        (row(GOOD), 1, Criteria(expected=Expected.of([("7.jpg", EUROPEAN), ("8.jpg", GOOD)])), (UNEXPECTED,)),
        (row(None, None), 1, Criteria(expected=Expected.of([GOOD])), ()),
        (row(None, None), 1, Criteria(expected=Expected.of([("/yard/7.jpg", GOOD)])), (UNEXPECTED,)),
    ],
)
def test_why_a_person_should_look(
    code: dict[str, Any], number: int, criteria: Criteria, found: tuple[Doubt, ...]
) -> None:
    assert doubts_of(code, number, criteria) == found


def test_every_reason_has_words() -> None:
    assert set(SAID) == set(Doubt)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(OCRConfigError, match="confidence_below must be from 0 to 1"):
        Criteria(confidence_below=confidence)


@pytest.mark.parametrize(
    ("text", "codes", "of_seven"),
    [
        ("", set(), None),
        (f"{GOOD}\n\n {EUROPEAN.lower()} \n", {GOOD, EUROPEAN}, None),
        (f"\ufeffCode,Gate\n{GOOD},3\n,4\n", {GOOD}, None),
        (f"image,code\n7.jpg,{GOOD}\n7.jpg,{EUROPEAN}\n,{BAD}\n", {GOOD, EUROPEAN, BAD}, {GOOD, EUROPEAN}),
    ],
)
def test_a_list_of_expected_codes_is_a_csv_or_one_code_a_line(
    text: str, codes: set[str], of_seven: set[str] | None
) -> None:
    found = Expected.read(text)

    assert found.codes == codes
    assert found.of_image(None, "7.jpg") == of_seven


def test_a_list_without_a_column_of_codes_is_refused() -> None:
    with pytest.raises(OCRConfigError, match="the columns image, vin, and none is called code"):
        Expected.read("image,vin\n7.jpg,x\n")


def test_the_expected_code_that_is_most_like_what_was_read_is_offered() -> None:
    every = Expected.of([GOOD, EUROPEAN])
    one = Expected.of([("7.jpg", EUROPEAN), ("8.jpg", GOOD)])

    assert every.nearest(BAD) == GOOD
    assert every.nearest("TRL4711") is None
    assert one.nearest("anything", "/yard/7.jpg", "7.jpg") == EUROPEAN
