"""A person is asked under a real scheduler: a yes reads, a no and the deadline end the run green, with nothing read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_versions import since_3_1
from support.asked_live import answer_for, states

if TYPE_CHECKING:
    from pathlib import Path

    from support.fleet import Fleet
    from support.sandbox import Sandbox

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.scheduler,
    pytest.mark.xdist_group("one_airflow"),
    since_3_1("no task waits for a person"),
]
PATIENT, BRIEF = "asking", "asking_briefly"


def start(airflow: Fleet, dag_id: str, place: Path, seed: int, images: int = 4) -> str:
    make_load_images(place / "images", images, seed=seed)
    return airflow.trigger(dag_id, {"manifest": str(place / "images"), "dataset": str(place / "reads")})


def test_a_yes_reads_and_a_no_the_deadline_and_a_small_plan_end_green(
    airflow: Fleet, sandbox: Sandbox, tmp_path: Path
) -> None:
    before = sandbox.books()["billed"]
    yes, no = (start(airflow, PATIENT, tmp_path / name, seed) for name, seed in (("yes", 61), ("no", 62)))
    late = start(airflow, BRIEF, tmp_path / "late", 63)
    small = start(airflow, PATIENT, tmp_path / "small", 64, images=2)  # runs after these: one run of a DAG at a time

    asked = answer_for(airflow, (PATIENT, yes), "ocr.approve", "Approve")
    assert airflow.wait(PATIENT, yes) == "success"
    answer_for(airflow, (PATIENT, no), "ocr.approve", "Reject")

    assert {airflow.wait(PATIENT, no), airflow.wait(BRIEF, late), airflow.wait(PATIENT, small)} == {"success"}
    assert asked["subject"] == "Pay for up to 4 calls?"
    assert "more than 2 calls (approve_above_calls)" in asked["body"]
    assert airflow.xcom(PATIENT, yes, "ocr.export")["calls_billed"] == 4
    assert airflow.xcom(PATIENT, yes, "ocr.approve", key="approval")["approved"] is True
    for dag_id, run_id in ((PATIENT, no), (BRIEF, late)):
        assert states(airflow, dag_id, run_id)["ocr.read"] == "skipped"
        assert airflow.xcom(dag_id, run_id, "ocr.export")["not_approved"] == 1
    assert airflow.xcom(PATIENT, small, "ocr.export")["calls_billed"] == 2
    assert sandbox.books()["billed"] - before == 4 + 2

    airflow.clear_tasks(PATIENT, yes, "ocr.read")  # with what comes after it: the approval stands, nothing is paid
    assert airflow.wait(PATIENT, yes) == "success"
    assert states(airflow, PATIENT, yes)["ocr.approve"] == "success"
    assert sandbox.books()["billed"] - before == 4 + 2
