"""What persons say counts where it is asked for, in pandas and in SQL alike, and the table itself stays as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRInputError
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from support.corrected_stage import BEGAN, NONE, ONE, OTHER, RIGHT, TWO, CorrectedStage
from support.table_stage import RUN, VIN, TableStage

if TYPE_CHECKING:
    from pathlib import Path

AS_READ = [
    (NONE, None, None, None, None),
    (ONE, 0, VIN, None, None),
    (TWO, 0, VIN, None, None),
    (TWO, 1, OTHER, None, None),
]


@pytest.fixture
def table(tmp_path: Path) -> CorrectedStage:
    return CorrectedStage.make(tmp_path / "stage")


def test_without_corrections_a_corrected_table_is_the_table(table: CorrectedStage) -> None:
    frame = read_dataset(str(table.dataset), corrected=True)

    assert frame["code_as_read"].isna().all()
    assert len(frame) == len(AS_READ)


def test_a_corrected_code_replaces_the_one_that_was_read_and_says_who_did(table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)

    assert table.seen() == [AS_READ[0], (ONE, 0, RIGHT, VIN, "jane"), *AS_READ[2:]]


def test_the_rules_are_asked_about_the_corrected_code(table: CorrectedStage) -> None:
    table.correct(ONE, "*wp0zzz99zts392l24*")

    row = read_dataset(str(table.dataset), corrected=True).set_index("filename").loc[ONE]
    assert (row["code_normalized"], row["code_system"]) == ("WP0ZZZ99ZTS392L24", "vin")
    assert row["check_digit_ok"] is False or not row["check_digit_ok"]
    assert row["corrected_at"] == BEGAN + timedelta(minutes=1)


def test_the_latest_correction_counts(table: CorrectedStage) -> None:
    table.correct(ONE, "FIRST")
    table.correct(ONE, RIGHT, by="joe")
    table.correct(ONE, "EARLIER", at=BEGAN)

    assert table.seen()[1] == (ONE, 0, RIGHT, VIN, "joe")


def test_a_read_of_the_wrong_type_is_taken_back(table: CorrectedStage) -> None:
    table.take_back(TWO)
    table.take_back(NONE)

    assert table.seen() == [AS_READ[1]]


def test_one_of_several_codes_is_taken_back_by_what_it_was_read_as(table: CorrectedStage) -> None:
    table.take_back(TWO, identifier=OTHER)

    assert table.seen() == AS_READ[:3]


def test_what_was_taken_back_comes_again_with_a_later_correction(table: CorrectedStage) -> None:
    table.take_back(TWO)
    table.correct(TWO, RIGHT, identifier=1)

    assert table.seen() == [*AS_READ[:2], (TWO, 1, RIGHT, OTHER, "jane")]


def test_a_code_that_the_api_did_not_give_is_added(table: CorrectedStage) -> None:
    table.correct(TWO, RIGHT, kind="add")
    table.correct(NONE, RIGHT, kind="add")

    assert table.seen() == [(NONE, 0, RIGHT, None, "jane"), *AS_READ[1:], (TWO, 2, RIGHT, None, "jane")]
    assert [int(str(row[0])) for row in table.by_duckdb("sum(calls_billed)")] == [3]
    assert read_dataset(str(table.dataset), corrected=True)["calls_billed"].sum() == 3


def test_a_code_that_was_added_is_corrected_and_taken_back_like_any(table: CorrectedStage) -> None:
    table.correct(NONE, "WRONG", kind="add")
    table.correct(NONE, RIGHT, identifier=0)
    assert table.seen()[0] == (NONE, 0, RIGHT, None, "jane")

    table.take_back(NONE, identifier=0)
    assert table.seen() == AS_READ


def test_what_is_right_as_it_was_read_is_accepted_so_that_nobody_asks_again(table: CorrectedStage) -> None:
    table.correct(ONE, kind="accept")
    table.correct(TWO, kind="accept")  # the whole read, since it has two codes
    table.correct(NONE, kind="accept")

    assert table.seen() == [
        (NONE, None, None, None, "jane"),
        (ONE, 0, VIN, VIN, "jane"),
        (TWO, 0, VIN, VIN, "jane"),
        (TWO, 1, OTHER, OTHER, "jane"),
    ]


def test_accepting_takes_back_what_was_said_before_and_one_of_several_is_accepted_by_itself(
    table: CorrectedStage,
) -> None:
    table.correct(ONE, RIGHT)
    table.correct(ONE, kind="accept")
    table.correct(TWO, kind="accept", identifier=OTHER)
    table.correct(NONE, RIGHT, kind="add")
    table.correct(NONE, kind="accept", identifier=RIGHT)  # what a person had added stays an addition

    assert table.seen() == [
        (NONE, 0, RIGHT, None, "jane"),
        (ONE, 0, VIN, VIN, "jane"),
        (TWO, 0, VIN, None, None),
        (TWO, 1, OTHER, OTHER, "jane"),
    ]


def test_runs_never_overwrite_a_correction(table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)
    seen = table.seen()
    stage = TableStage.local(table.root)

    stage.publish(stage.plan(str(table.root / "list.csv")))

    assert table.seen() == seen


def test_a_correction_is_of_what_was_read_and_not_of_what_bears_its_name_later(table: CorrectedStage) -> None:
    said = table.correct(ONE, RIGHT)

    assert said.fingerprint is not None
    assert said.read_key == said.fingerprint


def test_only_some_columns_can_be_asked_for(table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)

    frame = read_dataset(str(table.dataset), corrected=True, columns=["code", "corrected_by"])

    assert list(frame.columns) == ["code", "corrected_by"]
    assert RIGHT in frame["code"].to_list()


@pytest.mark.parametrize(
    ("name", "code", "more", "says"),
    [
        (ONE, None, {}, "needs the right code"),
        (ONE, " ", {}, "needs the right code"),
        (ONE, f"\u202e{RIGHT}", {}, "a sign that nobody sees"),
        (ONE, "1M8\0GDM", {}, "a sign that nobody sees"),
        (ONE, "1M8\nGDM", {}, "a sign that nobody sees"),
        (ONE, "X" * 201, {}, "more than 200 signs"),
        (ONE, RIGHT, {"kind": "take_back"}, "takes no code"),
        (ONE, RIGHT, {"kind": "accept"}, "takes no code"),
        (ONE, RIGHT, {"kind": "mend"}, "kind must be one of"),
        (ONE, RIGHT, {"by": " "}, "by is empty"),
        (ONE, RIGHT, {"why": ""}, "why is empty"),
        (ONE, RIGHT, {"identifier": 3}, "no identifier 3"),
        (ONE, RIGHT, {"type": "trailer_id"}, "no read of"),
        (TWO, RIGHT, {}, "say which with identifier"),
        (NONE, RIGHT, {}, "use add"),
        ("nowhere.jpg", RIGHT, {}, "no read of"),
        (ONE, RIGHT, {"fingerprint": "0" * 64}, "either the image or the fingerprint"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(
    table: CorrectedStage, name: str, code: str | None, more: dict[str, object], says: str
) -> None:
    with pytest.raises(OCRInputError, match=says):
        table.correct(name, code, **more)
    assert not (table.root / "table_corrections").exists()


def test_a_damaged_file_of_corrections_is_named(table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)
    (table.root / "table_corrections" / "damaged.parquet").write_bytes(b"PAR1")

    with pytest.raises(OCRDatasetError, match=r"damaged\.parquet"):
        read_dataset(str(table.dataset), corrected=True)


def test_the_table_itself_keeps_what_the_api_said(table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)

    row = read_dataset(str(table.dataset)).set_index("filename").loc[ONE]
    assert row["code"] == VIN
    assert VIN in str(row["raw"])
    assert row["run_id"] == RUN.run_id


@pytest.mark.parametrize("columns", [None, ["identifier_count", "code"]])
def test_the_number_of_codes_is_the_corrected_one(table: CorrectedStage, columns: list[str] | None) -> None:
    table.correct(NONE, RIGHT, kind="add")
    table.correct(ONE, RIGHT)
    table.take_back(TWO, identifier=OTHER)
    table.correct(TWO, RIGHT, kind="add")
    table.correct(TWO, "THIRD", kind="add")

    frame = read_dataset(str(table.dataset), corrected=True, columns=columns)

    assert sorted(frame["identifier_count"]) == [1, 1, 3, 3, 3]
    assert sorted(int(str(row[0])) for row in table.by_duckdb("identifier_count")) == [1, 1, 3, 3, 3]


def test_a_fingerprint_that_was_copied_in_part_is_said_to_be(table: CorrectedStage) -> None:
    mark = str(read_dataset(str(table.dataset))["fingerprint"].dropna().iloc[0])
    for text, says in ((mark.upper(), "without blanks or capitals"), (mark[:12], "this has 12")):
        with pytest.raises(OCRInputError, match=says):
            table.correct(ONE, RIGHT, image=None, fingerprint=text)
