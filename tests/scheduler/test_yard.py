"""What comes after a night, under a real scheduler: a person looks at doubtful reads, and a yard is reconciled."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.operators.review import SAVE
from support.airflow_versions import ASKS_PEOPLE
from support.asked_live import answer_for
from support.corrected_stage import OTHER, RIGHT, CorrectedStage
from support.table_stage import VIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.xdist_group("one_airflow")]
REVIEW, YARD = "review_doubtful", "yard_reconciliation"
SINCE_THEN = (datetime.now(UTC).date() - date(2026, 3, 1)).days + 2
"""How many days ago the table's only day is."""


@pytest.fixture(autouse=True)
def paused_again(airflow: Fleet) -> Iterator[None]:
    """Have later nights of other tests start neither."""
    yield
    for dag_id in (REVIEW, YARD):
        airflow.call("PATCH", f"/dags/{dag_id}", {"is_paused": True})


def test_a_person_corrects_a_doubtful_read_and_units_are_found_by_what_they_say(airflow: Fleet, tmp_path: Path) -> None:
    table = str(CorrectedStage.make(tmp_path / "stage").dataset)
    units = tmp_path / "units.csv"
    units.write_text(f"code,bay\n{VIN},1\n{RIGHT},2\n4711,3\n")

    def one_is_wrong(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {name: RIGHT if value == OTHER else value for name, value in fields.items()}

    if ASKS_PEOPLE:
        review = airflow.trigger(REVIEW, {"dataset": table, "confidence_below": 0.9, "days": SINCE_THEN})
        asked = answer_for(airflow, (REVIEW, review), "review", SAVE, one_is_wrong)
        assert airflow.wait(REVIEW, review) == "success"
        assert asked["subject"] == "review_doubtful: 2 reads need eyes"
        counts = airflow.xcom(REVIEW, review, "review")
        assert (counts["accepted"], counts["corrected"], counts["left_open"]) == (1, 1, 0)
        frame = read_dataset(table, corrected=True)
        assert sorted(frame["code"].dropna()) == sorted([VIN, VIN, RIGHT])
        assert set(frame["corrected_by"].dropna()) == {"ann"}

    yard = airflow.trigger(YARD, {"reads": table, "expected": str(units)})
    assert airflow.wait(YARD, yard) == "success"
    found = airflow.xcom(YARD, yard, "reconcile")
    assert (found["units"], found["matched"], found["missing"]) == (3, 2 if ASKS_PEOPLE else 1, 2 - ASKS_PEOPLE)
    [result] = [place for place in found["files"] if "reconciliations" in place]
    rows = pq.read_table(result).to_pylist()
    assert [row["status"] for row in rows if row["code"] == VIN] == ["matched"]
