"""The queue over a published table: what is in it, what leaves it, and that no decision is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind
from airflow_provider_platerec_ocr.dataset.review.decide import DecidedMeanwhileError, ReviewDecision, keep
from airflow_provider_platerec_ocr.dataset.review.doubts import Criteria, Expected
from airflow_provider_platerec_ocr.dataset.review.queue import needing_eyes, one_read
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from support.clock import FakeClock
from support.corrected_stage import NONE, ONE, OTHER, RIGHT, TWO, CorrectedStage
from support.stores import local_place
from support.table_stage import RUN, VIN, TableStage

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.dataset.review.queue import Queue, QueuedRead

ACCEPT, CORRECT, REJECT, ADD = (
    CorrectionKind.ACCEPT,
    CorrectionKind.CORRECT,
    CorrectionKind.TAKE_BACK,
    CorrectionKind.ADD,
)
LATER = FakeClock(datetime(2026, 3, 3, 8, tzinfo=UTC))
ALL = Criteria(confidence_below=0.9)
DAY = date(2026, 3, 1)


@pytest.fixture
def table(tmp_path: Path) -> CorrectedStage:
    return CorrectedStage.make(tmp_path / "stage")


def queue(table: CorrectedStage, criteria: Criteria = ALL, **more: Any) -> Queue:
    return needing_eyes(local_place(table.dataset), corrections(table), criteria, **more)


def corrections(table: CorrectedStage) -> Any:
    return local_place(table.root / "table_corrections")


def names(found: Queue) -> list[str]:
    return [(read.image_name or "").rpartition("/")[2] for read in found.reads]


def read_of(table: CorrectedStage, name: str) -> QueuedRead:
    return next(read for read in queue(table).reads if read.image.endswith(name))


def decide(table: CorrectedStage, read: QueuedRead, *decisions: ReviewDecision, **more: Any) -> None:
    now = one_read(local_place(table.dataset), corrections(table), ALL, read.day, read.type, read.key)
    assert now is not None
    given: dict[str, Any] = {"by": "jane", "why": "seen", "seen": read.said_last, "clock": LATER} | more
    keep(corrections(table), now, decisions, **given)


def test_the_most_doubtful_come_first_and_what_is_sure_does_not_come(table: CorrectedStage) -> None:
    found = queue(table)

    assert (found.total, names(found)) == (2, [TWO, ONE])
    assert found.reads[0].why == "low confidence, several identifiers"
    assert queue(table, Criteria(several=False)).total == 0
    assert names(queue(table, limit=1)) == [TWO]
    assert queue(table, limit=1).total == 2


def test_a_list_of_expected_codes_finds_what_conflicts_with_it(table: CorrectedStage) -> None:
    expected = Expected.of([VIN, (NONE, VIN)])

    found = queue(table, Criteria(confidence_below=None, check_digit=False, several=False, expected=expected))

    assert names(found) == [TWO, NONE]  # of as many reasons, the one that the API was least sure of
    assert [code.nearest for code in found.reads[1].codes] == [VIN]


def test_only_the_days_and_the_rows_that_are_asked_for(table: CorrectedStage) -> None:
    assert queue(table, since=DAY + timedelta(days=1)).total == 0
    assert queue(table, since=DAY, until=DAY).total == 2
    assert queue(table, among=lambda row: row["run_id"] == RUN.run_id).total == 2
    assert queue(table, among=lambda row: row["run_id"] == "another").total == 0


@pytest.mark.parametrize(
    ("name", "decisions", "seen"),
    [
        (ONE, [ReviewDecision(0, ACCEPT)], [(ONE, 0, VIN, VIN, "jane")]),
        (ONE, [ReviewDecision(0, CORRECT, f" {RIGHT} ")], [(ONE, 0, RIGHT, VIN, "jane")]),
        (ONE, [ReviewDecision(None, REJECT)], []),
        (TWO, [ReviewDecision(None, ACCEPT)], [(TWO, 0, VIN, VIN, "jane"), (TWO, 1, OTHER, OTHER, "jane")]),
        (TWO, [ReviewDecision(0, ACCEPT), ReviewDecision(1, REJECT)], [(TWO, 0, VIN, VIN, "jane")]),
    ],
)
def test_what_was_decided_is_in_the_corrected_table_and_is_not_asked_again(
    table: CorrectedStage, name: str, decisions: list[ReviewDecision], seen: list[Any]
) -> None:
    decide(table, read_of(table, name), *decisions)

    assert name not in names(queue(table))
    assert [each for each in table.seen() if each[0] == name] == seen


def test_one_of_two_codes_is_not_enough(table: CorrectedStage) -> None:
    decide(table, read_of(table, TWO), ReviewDecision(0, ACCEPT))

    assert names(queue(table)) == [TWO, ONE]


def test_where_nothing_was_found_a_person_says_so_or_gives_the_code(table: CorrectedStage) -> None:
    criteria = Criteria(expected=Expected.of([(NONE, VIN)]), several=False, confidence_below=None)
    (read,) = [each for each in queue(table, criteria).reads if each.image.endswith(NONE)]

    decide(table, read, ReviewDecision(None, ACCEPT))
    assert NONE not in names(queue(table, criteria))
    assert [each for each in table.seen() if each[0] == NONE] == [(NONE, None, None, None, "jane")]

    decide(
        table,
        read,
        ReviewDecision(None, ADD, RIGHT),
        seen=LATER.now(),
        clock=FakeClock(LATER.now() + timedelta(hours=1)),
    )
    assert [each[1:] for each in table.seen() if each[0] == NONE] == [(0, RIGHT, None, "jane")]


def test_two_reviewers_at_once_lose_no_decision(table: CorrectedStage) -> None:
    as_jane_saw_it = as_joe_saw_it = read_of(table, ONE)
    decide(table, as_jane_saw_it, ReviewDecision(0, CORRECT, RIGHT))

    with pytest.raises(DecidedMeanwhileError, match=r"jane said it is WP0ZZZ99ZTS392124 at 2026-03-03 08:00 UTC"):
        decide(table, as_joe_saw_it, ReviewDecision(0, ACCEPT), by="joe")
    again = one_read(local_place(table.dataset), corrections(table), ALL, DAY, "vin", as_joe_saw_it.key)
    assert again is not None
    decide(table, again, ReviewDecision(0, ACCEPT), by="joe", clock=FakeClock(LATER.now() + timedelta(minutes=1)))

    assert [each for each in table.seen() if each[0] == ONE] == [(ONE, 0, VIN, VIN, "joe")]
    assert len(list((table.root / "table_corrections").iterdir())) == 2  # what jane said is still there


def test_an_export_meanwhile_loses_no_decision(table: CorrectedStage) -> None:
    read = read_of(table, ONE)
    stage = TableStage.local(table.root)
    plan = stage.plan(str(table.root / "list.csv"), RUN)
    decide(table, read, ReviewDecision(0, CORRECT, RIGHT))
    stage.publish(plan)

    frame = read_dataset(str(table.dataset), corrected=True)
    assert RIGHT in set(frame["code"].dropna())


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (ReviewDecision(3, ACCEPT), "has no identifier 3"),
        (ReviewDecision(0, CORRECT, "  "), "1 to 64 characters"),
        (ReviewDecision(0, CORRECT, "X" * 65), "1 to 64 characters"),
        (ReviewDecision(0, CORRECT, "\u200b"), "1 to 64 characters"),
        (ReviewDecision(None, CORRECT, RIGHT), "Say which of the codes"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_and_nothing_is_kept(
    table: CorrectedStage, decision: ReviewDecision, says: str
) -> None:
    with pytest.raises(OCRInputError, match=says):
        decide(table, read_of(table, ONE), ReviewDecision(0, ACCEPT), decision)
    with pytest.raises(OCRInputError, match="nobody who says it"):
        decide(table, read_of(table, ONE), ReviewDecision(0, ACCEPT), by=" ")

    assert not (table.root / "table_corrections").exists()


def test_a_read_that_is_not_there_is_none(table: CorrectedStage) -> None:
    assert one_read(local_place(table.dataset), corrections(table), ALL, DAY, "vin", "nowhere") is None
