"""One form a run about the reads that need eyes, and what is kept of the answer."""

from __future__ import annotations

import runpy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.operators.review import LATER, SAVE, OCRReviewOperator
from support import people
from support.airflow_versions import since_3_1
from support.corrected_stage import NONE, ONE, OTHER, RIGHT, TWO, CorrectedStage
from support.people import Asked
from support.table_stage import VIN

if TYPE_CHECKING:
    from airflow.sdk import Context

pytestmark = since_3_1("no task waits for a person")
DAG_FILE = Path(__file__).parents[3] / "dags" / "review_doubtful.py"
SINCE_THEN = (datetime.now(UTC).date() - date(2026, 3, 1)) + timedelta(days=2)
"""How long ago the table's only day is."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked.caught(monkeypatch)


@pytest.fixture
def table(tmp_path: Path) -> CorrectedStage:
    return CorrectedStage.make(tmp_path / "stage")


def review(table: CorrectedStage, **given: Any) -> OCRReviewOperator:
    preset: dict[str, Any] = {"days": SINCE_THEN.days, "confidence_below": "0.9"}
    return OCRReviewOperator(task_id="review", dataset=str(table.dataset), **(preset | given))


def context() -> Context:
    return people.context_of(None, "review")


def fields(asked: Asked) -> dict[str, Any]:
    """Return the form as it was shown: each field with what stands in it."""
    return {name: param["value"] for name, param in asked[-1].params.items()}


def decided(table: CorrectedStage) -> list[tuple[Any, ...]]:
    frame = read_dataset(str(table.dataset), corrected=True)
    rows = frame[frame["corrected_by"].notna()][["filename", "code", "code_as_read", "corrected_by"]].astype(object)
    return sorted(tuple(row) for row in rows.where(rows.notna(), None).to_numpy().tolist())


def test_a_form_has_a_field_for_each_code_and_what_it_says_is_in_the_corrected_table(
    table: CorrectedStage, asked: Asked
) -> None:
    people.ask(review(table), context())

    question = asked[0]
    assert question.subject == "yard: 2 reads need eyes"
    assert list(fields(asked).values()) == [VIN, OTHER, VIN]
    assert [param["schema"]["title"] for param in question.params.values()] == [TWO, TWO, ONE]
    assert "low confidence, several identifiers" in question.body
    assert f"platerec-ocr/image?dataset={table.dataset}" in question.body

    of_two, other, of_one = fields(asked)
    given = {of_two: RIGHT, other: None, of_one: VIN}
    counts = people.answer(review(table), context(), SAVE, given)

    assert counts == {"needs_eyes": 2, "accepted": 1, "corrected": 1, "rejected": 0, "left_open": 0}
    assert decided(table) == [(ONE, VIN, VIN, "jane"), (TWO, RIGHT, VIN, "jane")]
    assert review(table).execute(context())["needs_eyes"] == 0  # and nobody is asked again
    assert len(asked) == 1


@pytest.mark.parametrize("by", [people.JANE, None])
def test_what_is_left_open_or_not_answered_in_time_keeps_nothing(table: CorrectedStage, asked: Asked, by: Any) -> None:
    people.ask(review(table), context())

    counts = people.answer(review(table), context(), LATER, fields(asked), by=by)

    assert (counts["needs_eyes"], counts["left_open"], counts["accepted"]) == (2, 2, 0)
    assert decided(table) == []


def test_what_somebody_else_decided_meanwhile_is_not_undone_by_a_field_that_nobody_touched(
    table: CorrectedStage, asked: Asked
) -> None:
    people.ask(review(table), context())
    table.correct(ONE, RIGHT, by="joe")

    counts = people.answer(review(table), context(), SAVE, fields(asked))

    assert counts["accepted"] == 1
    assert (ONE, RIGHT, VIN, "joe") in decided(table)


def test_what_somebody_else_decided_meanwhile_is_not_overwritten_and_counts_as_left_open(
    table: CorrectedStage, asked: Asked
) -> None:
    people.ask(review(table), context())
    table.correct(ONE, RIGHT, by="joe")
    _, _, of_one = fields(asked)

    counts = people.answer(review(table), context(), SAVE, fields(asked) | {of_one: OTHER})

    assert (counts["accepted"], counts["corrected"], counts["left_open"]) == (1, 0, 1)
    assert (ONE, RIGHT, VIN, "joe") in decided(table)


def test_a_form_of_a_former_version_is_kept_as_it_was(table: CorrectedStage, asked: Asked) -> None:
    people.ask(review(table), context())
    former = {name.replace("@", ""): value for name, value in fields(asked).items()}

    assert people.answer(review(table), context(), SAVE, former)["accepted"] == 2


def test_more_than_a_form_can_bear_leads_to_the_page(table: CorrectedStage, asked: Asked) -> None:
    people.ask(review(table, most=1), context())

    assert asked[0].params == {}
    assert f"platerec-ocr/review?dataset={table.dataset}" in asked[0].body
    assert people.answer(review(table, most=1), context(), SAVE)["left_open"] == 2


def test_a_list_of_expected_codes_is_looked_up_and_what_was_not_found_can_be_given(
    table: CorrectedStage, asked: Asked, tmp_path: Path
) -> None:
    (tmp_path / "bookings.csv").write_text(f"image,code\n{NONE},{RIGHT}\n,{VIN}\n,{OTHER}\n")
    only = {"confidence_below": "", "several": "false", "expected": str(tmp_path / "bookings.csv")}

    people.ask(review(table, **only), context())
    (field,) = fields(asked)
    counts = people.answer(review(table, **only), context(), SAVE, {field: RIGHT})

    assert asked[0].subject == "yard: 1 read needs eyes"
    assert f"expected: {RIGHT}" in asked[0].params[field]["description"]
    assert (counts["corrected"], counts["left_open"]) == (1, 0)
    assert decided(table) == [(NONE, RIGHT, None, "jane")]


def test_a_list_that_is_not_there_is_said(table: CorrectedStage) -> None:
    with pytest.raises(OCRConfigError, match="There is no list of expected codes at"):
        review(table, expected="/nowhere/list.csv").execute(context())


def test_the_example_dag_asks_about_what_its_parameters_say() -> None:
    task = runpy.run_path(str(DAG_FILE))["dag"].task_dict["review"]

    assert (task.confidence_below, task.expected) == ("{{ params.confidence_below }}", "{{ params.expected }}")
    assert task.response_timeout == timedelta(hours=12)
