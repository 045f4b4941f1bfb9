"""What becomes of a run whose plan was skipped, failed, only counted or found nothing: one error, no false news."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.airflow_home import AirflowHome, DagRunResult
    from support.sandbox import Sandbox

pytestmark = pytest.mark.airflow

HEAD = """
from airflow.sdk import DAG, Asset, task
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow_provider_platerec_ocr import (
    OCRExportOperator, OCRManifestTaskGroup, OCRPlanOperator, OCRReadBatchOperator, OCRStatsSensor,
)
from airflow_provider_platerec_ocr.compat import find

ROOT, EVENTS = "{root}", Asset("{dag}")
Skip = find("AirflowSkipException", ("airflow.sdk.exceptions", "airflow.exceptions"))

def group(**given):
    where = dict(manifest=ROOT + "/images", dataset=ROOT + "/reads", asset=EVENTS, retries=0)
    return OCRManifestTaskGroup("ocr", **(where | given))

def by_hand(manifest=ROOT + "/images", **given):
    plan = OCRPlanOperator(task_id="plan", manifest=manifest, dataset=ROOT + "/reads", **given)
    read = OCRReadBatchOperator.partial(task_id="read").expand(shard=plan.output)
    export = OCRExportOperator(task_id="export", dataset=ROOT + "/reads", outlets=[EVENTS])
    plan >> read >> export
    return plan

@task
def skipped():
    raise Skip("not today")

@task
def broken():
    raise ValueError("broken")

@task.branch
def elsewhere():
    return "nothing"

with DAG("{dag}", schedule=None):
"""


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        make_load_images(tmp_path / "images", 3, 2_000)
        yield running


def run_dag(home: AirflowHome, root: Path, wiring: str, dag: str, *, at: datetime | None = None) -> DagRunResult:
    lines = "\n".join(f"    {line}" for line in wiring.splitlines())
    home.add_dag(f"{dag}.py", HEAD.format(root=root, dag=dag) + lines + "\n")
    return home.run_dag(dag, at=at)


def failed(run: DagRunResult) -> list[str]:
    return sorted(task for (task, _), state in run.tasks.items() if state == "failed")


def events(run: DagRunResult) -> list[dict[str, Any]]:
    """Return the extras of the run's asset events."""
    from airflow.models.asset import AssetEvent  # Airflow must not be imported before its home is claimed
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        mine = (AssetEvent.source_dag_id == run.dag_id) & (AssetEvent.source_run_id == run.run_id)
        return list(session.scalars(select(AssetEvent.extra).where(mine)))


@pytest.mark.parametrize(
    "wiring",
    [
        "skipped() >> group()",
        "elsewhere() >> [EmptyOperator(task_id='nothing'), group()]",
        "skipped() >> by_hand()",
        "elsewhere() >> [EmptyOperator(task_id='nothing'), by_hand()]",
        "LatestOnlyOperator(task_id='latest') >> group()",
    ],
    ids=["group_after_a_skip", "group_beside_a_branch", "by_hand_after_a_skip", "by_hand_beside_a_branch", "latest"],
)
def test_an_upstream_that_is_skipped_skips_all_three_and_fails_nothing(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, wiring: str, request: pytest.FixtureRequest
) -> None:
    run = run_dag(airflow_home, tmp_path, wiring, f"skips_{request.node.callspec.id}")

    latest = "Latest" in wiring and run.tasks["latest", -1] == "success"  # a run by hand is the latest
    export = next(state for (task, _), state in run.tasks.items() if task.rpartition(".")[2] == "export")
    assert run.state == "success", run.tasks
    assert export == ("success" if latest else "skipped")
    assert len(events(run)) == int(latest)
    assert sandbox.books()["posts"] == (3 if latest else 0)


@pytest.mark.parametrize(
    ("wiring", "first"),
    [
        ("group(manifest=ROOT + '/none.csv')", "ocr.plan"),
        ("broken() >> group()", "broken"),
        ("OCRStatsSensor(task_id='gate', min_remaining=5000, soft_fail=True) >> group()", "gate"),
        ("group(manifest=ROOT + '/none.csv') >> EmptyOperator(task_id='after')", "ocr.plan"),
        ("group(conn_id='there_is_none')", "ocr.plan"),
        (
            "plan = by_hand(ROOT + '/none.csv')\nplan >> EmptyOperator(task_id='planned')",
            "plan",
        ),
        ("group(manifest=ROOT + '/none.csv', plan_only=True)", "ocr.plan"),
    ],
    ids=["plan", "before_it", "gate", "with_a_task_after_it", "no_connection", "by_hand_with_a_leaf", "dry_run"],
)
def test_a_plan_that_fails_is_the_runs_one_error(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, wiring: str, first: str
) -> None:
    run = run_dag(airflow_home, tmp_path, wiring, f"fails_{zlib.crc32(wiring.encode())}")

    assert run.state == "failed", run.tasks
    assert failed(run) == [first]
    assert events(run) == []
    assert sandbox.books()["posts"] == 0


def test_without_another_last_task_the_export_says_which_plan_failed_and_keeps_the_run_red(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    run = run_dag(airflow_home, tmp_path, "by_hand(ROOT + '/none.csv')", "fails_by_hand")

    assert run.state == "failed"
    assert failed(run) == ["export", "plan"]
    assert sandbox.books()["posts"] == 0


@pytest.mark.parametrize("wiring", ["group(plan_only=True)", "by_hand(plan_only=True)"], ids=["group", "by_hand"])
def test_a_dry_run_publishes_nothing_and_sends_no_event(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, wiring: str, request: pytest.FixtureRequest
) -> None:
    run = run_dag(airflow_home, tmp_path, wiring, f"dry_{request.node.callspec.id}")

    assert run.state == "success"
    export = next(task for task, _ in run.tasks if task.rpartition(".")[2] == "export")
    assert (run.tasks[export, -1], run.xcom(export)) == ("success", {"plan_only": True})
    assert events(run) == []
    assert not (tmp_path / "reads").exists()
    assert sandbox.books()["posts"] == 0


@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Kiritimati", "2026-03-02"), ("Pacific/Honolulu", "2026-03-01"), ("UTC", "2026-03-02")]
)
def test_rows_can_go_to_the_local_day(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, zone: str, day: str
) -> None:
    template = "{{ data_interval_start.in_timezone('" + zone + "') | ds }}"
    at = datetime(2026, 3, 2, 1, tzinfo=UTC)
    run_dag(airflow_home, tmp_path, f"group(partition_date={template!r})", f"day_{zone.rpartition('/')[2]}", at=at)

    assert [path.name for path in (tmp_path / "reads" / "type=vin").iterdir()] == [f"date={day}"]
    assert sandbox.books()["billed"] == 3


def test_an_empty_night_succeeds_and_sends_no_event_and_the_night_before_it_sent_one(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    full = run_dag(airflow_home, tmp_path, "group()", "nights")
    empty = airflow_home.run_dag("nights")

    assert [extra["reads"] for extra in events(full)] == [3]
    assert empty.state == empty.tasks["ocr.export", -1] == "success"
    assert empty.xcom("ocr.export")["planned"] == 0
    assert events(empty) == []
    assert len(list((tmp_path / "reads_reports").glob("*.json"))) == 2
    assert sandbox.books()["billed"] == 3


def test_a_night_that_could_read_nothing_for_want_of_calls_sends_no_event(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control(used=1000)

    run = run_dag(airflow_home, tmp_path, "group()", "no_calls")

    assert run.state == "success"
    assert run.xcom("ocr.export")["carried_over"] == 3
    assert events(run) == []


@pytest.mark.parametrize(("between", "state"), [("skipped", "success"), ("broken", "failed")])
def test_reads_that_never_began_leave_no_second_error(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, between: str, state: str
) -> None:
    wiring = f"ocr = group()\nocr.plan >> {between}() >> ocr.read\n"
    wiring += "broken_leaf = EmptyOperator(task_id='leaf')\nocr.read >> broken_leaf" if state == "failed" else ""

    run = run_dag(airflow_home, tmp_path, wiring, f"between_{between}")

    assert run.state == state, run.tasks
    assert failed(run) == ([between] if state == "failed" else [])
    assert run.tasks["ocr.export", -1] == "skipped"
    assert events(run) == []
    plan = airflow_home.run_dag(f"between_{between}", {"plan_only": True})
    assert plan.xcom("ocr.plan", key="plan")["to_pay"] == 3  # the first run's calls were given back
    assert sandbox.books()["posts"] == 0


def test_a_read_that_fails_makes_the_run_red(airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.control(faults=["nth=2-99:401"])

    run = run_dag(airflow_home, tmp_path, "group()", "reads_fail")

    assert run.state == "failed"
    assert failed(run) == ["ocr.export", "ocr.read"]
