"""What the example DAGs do to somebody's Airflow: nothing starts by itself, and no samples go to a real API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.manifest.manifest import SAMPLES_MARK
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.airflow_versions import RetryAction
from support.batch_stage import BatchRun, BatchStage, connected
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome

DAGS = Path(__file__).parents[3] / "dags"


class EventsOf:
    """The events of one asset, as a task gets them; in Airflow 3.0 an asset is no key of a dict."""

    def __init__(self, asset: Any, events: list[Any]) -> None:
        self.asset, self.events = asset, events

    def __getitem__(self, asset: Any) -> list[Any]:
        assert asset == self.asset
        return self.events


SAMPLES = DAGS / "sample_images"
EXAMPLES = sorted(path.stem for path in DAGS.glob("*.py"))
NIGHTLY = (DAGS / "nightly_ocr_batch.py").read_text()
SCHEDULE = 'from_next_slot("0 22 * * *")'
ELSEWHERE = "127.0.0.2"
"""An address of this machine that the provider takes for a host like any other."""


def minutes_ago(minutes: int) -> datetime:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).replace(second=0, microsecond=0)


def nightly_at(slot: datetime, dag_id: str, schedule: str = SCHEDULE) -> str:
    """Return the nightly DAG under another id, with the time of the day of a slot."""
    assert NIGHTLY.count(SCHEDULE) == 1
    return (
        NIGHTLY.replace(SCHEDULE, schedule)
        .replace("0 22 * * *", f"{slot.minute} {slot.hour} * * *")
        .replace('dag_id="nightly_ocr_batch"', f'dag_id="{dag_id}"')
    )


def next_night() -> datetime:
    now = datetime.now(UTC)
    tonight = now.replace(hour=22, minute=0, second=0, microsecond=0)
    return tonight if tonight > now else tonight + timedelta(days=1)


def ran_on_schedule(dag_id: str, slot: datetime) -> None:
    """Have a run of a slot in the database, as of a DAG that was not paused then."""
    from airflow.models.dagrun import DagRun  # Airflow must not be imported before its home is claimed
    from airflow.utils.session import create_session

    with create_session() as session:
        run: dict[str, Any] = {"run_id": f"scheduled__{slot.isoformat()}", "run_type": "scheduled", "state": "success"}
        session.add(DagRun(dag_id, **run, logical_date=slot, data_interval=(slot, slot), run_after=slot))


def unpaused(home: AirflowHome, folder: Path) -> tuple[dict[str, datetime | None], set[str]]:
    """Unpause every DAG of a folder; return when Airflow would run each next, and which it would start at once."""
    from airflow.models.dag import DagModel  # as above
    from airflow.utils.session import create_session
    from sqlalchemy import select, update

    done = home.airflow("dags", "reserialize", AIRFLOW__CORE__DAGS_FOLDER=str(folder))
    assert done.returncode == 0, done.stdout
    with create_session() as session:
        fresh = update(DagModel).where(~DagModel.is_stale).values(is_paused=False)
        session.execute(fresh.execution_options(synchronize_session=False))
        known = {dag.dag_id: dag.next_dagrun_create_after for dag in session.scalars(select(DagModel))}
        due = {dag.dag_id for dag in DagModel.dags_needing_dagruns(session)[0]}
    return known, due


@pytest.mark.airflow
def test_being_unpaused_starts_no_example_dag_at_any_time_of_the_day(airflow_home: AirflowHome, tmp_path: Path) -> None:
    for name in EXAMPLES:
        (tmp_path / f"{name}.py").write_text((DAGS / f"{name}.py").read_text())
    for minutes in (2, 100, 700, 1400):
        (tmp_path / f"at_{minutes}.py").write_text(nightly_at(minutes_ago(minutes), f"slot_{minutes}_minutes_ago"))
    (tmp_path / "plain.py").write_text(nightly_at(minutes_ago(100), "a_plain_cron_string", '"0 22 * * *"'))
    dated = f"{SCHEDULE},\n    start_date=__import__('pendulum').datetime(2026, 1, 1)"
    (tmp_path / "dated.py").write_text(nightly_at(minutes_ago(700), "a_start_date", dated))
    last = minutes_ago(100)
    for days, dag_id in enumerate(("it_ran_last_night", "it_missed_a_night", "it_missed_two_nights")):
        (tmp_path / f"{dag_id}.py").write_text(nightly_at(last, dag_id))
        ran_on_schedule(dag_id, last - timedelta(days=days))
    before = next_night()

    known, due = unpaused(airflow_home, tmp_path)

    assert set(EXAMPLES) <= set(known)
    unlike = {"a_plain_cron_string", "a_start_date"}  # what the examples must not be like
    made_up_for = {"it_missed_a_night", "it_missed_two_nights"}  # as any DAG that has run on its schedule before
    assert due & set(known) == unlike | made_up_for
    assert {known[dag_id] for dag_id in made_up_for} == {last}  # of several, the last one alone
    assert known["it_ran_last_night"] == last + timedelta(days=1)
    assert [name for name in EXAMPLES if known[name]] == ["nightly_ocr_batch", "yard_weekdays"]
    assert known["nightly_ocr_batch"] in {before, next_night()}
    later = [known[f"slot_{minutes}_minutes_ago"] for minutes in (2, 100, 700, 1400)]
    assert all(each and each > datetime.now(UTC) for each in later)


@pytest.mark.airflow
def test_the_form_groups_the_parameters(airflow_home: AirflowHome) -> None:
    import runpy  # as above: a DAG file imports Airflow

    assert airflow_home.dags.is_dir()
    params = runpy.run_path(str(DAGS / "nightly_ocr_batch.py"))["dag"].params
    sections = [(name, params.get_param(name).schema["section"]) for name in params]

    grouped = [(title, [name for name, _ in group]) for title, group in groupby(sections, key=lambda each: each[1])]
    assert grouped == [
        ("What to read", ["manifest", "dataset", "type"]),
        ("What to spend", ["plan_only", "daily_limit", "reserve", "pace", "on_quota"]),
        ("Finer points", ["images_per_shard", "in_doubt", "retry_rejected", "shrink", "new_ledger"]),
    ]
    assert all(params.get_param(name).description for name in params)


def test_the_downstream_dag_takes_the_rows_of_its_events_run_and_not_of_another_dag_with_the_same_run_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import runpy  # as above: a DAG file imports Airflow

    example = runpy.run_path(str(DAGS / "ocr_downstream.py"))
    doubtful = example["dag"].task_dict["doubtful_codes"].python_callable
    monkeypatch.setitem(doubtful.__globals__, "LOW_CONFIDENCE", 2.0)  # so that each read is doubtful
    with running_sandbox() as sandbox:
        stage = connected(monkeypatch, tmp_path, sandbox, images=3)
        make_load_images(tmp_path / "others", 2, 2_000, seed=99)
        mine = stage.run("scheduled__1")
        BatchStage(tmp_path, dag_id="twin").run("scheduled__1", manifest=str(tmp_path / "others"))
    extra = mine.counts | {
        "dataset": str(stage.dataset),
        "date": "2026-03-01",
        "dag_id": "yard",
        "run_id": "scheduled__1",
    }

    found = doubtful(EventsOf(example["OCR_READS"], [SimpleNamespace(extra=extra)]))

    assert sorted(each["image"].rpartition("/")[0] for each in found) == [str(tmp_path / "images")] * 3


def test_the_dag_of_ones_own_fails_where_too_many_reads_of_its_own_run_are_doubtful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import runpy  # as above: a DAG file imports Airflow

    example = runpy.run_path(str(DAGS / "yard_weekdays.py"))
    check = example["dag"].task_dict["check"].python_callable
    with running_sandbox() as sandbox:
        stage = connected(monkeypatch, tmp_path, sandbox, images=3)
        counts = stage.run("scheduled__1").counts
    monkeypatch.setitem(check.__globals__, "DATASET", stage.dataset)
    monkeypatch.setitem(check.__globals__, "SURE", 2.0)  # so that each read is doubtful

    with pytest.raises(ValueError, match="100% of the rows are doubtful"):
        check(counts, SimpleNamespace(dag_id="yard", run_id="scheduled__1"))
    check(counts, SimpleNamespace(dag_id="yard", run_id="scheduled__2"))  # none of these are its own
    check({"plan_only": True}, SimpleNamespace(dag_id="yard", run_id="scheduled__1"))


@pytest.mark.airflow
def test_the_summary_of_urls_is_one_xcom_whatever_the_urls(
    airflow_home: AirflowHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.xcom import XComModel  # as above
    from airflow.utils.session import create_session
    from sqlalchemy import select

    url = f"https://photos.example/{'long/' * 120}a.jpg"
    airflow_home.add_dag("ocr_urls.py", DAGS / "ocr_urls.py")
    with running_sandbox() as sandbox:
        monkeypatch.setenv(*connection_env(sandbox.url, sandbox.token))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        run = airflow_home.run_dag("ocr_urls", {"urls": [url], "type": "trailer_id"})

    with create_session() as session:
        of_summary = (XComModel.run_id == run.run_id) & (XComModel.task_id == "summary")
        keys = set(session.scalars(select(XComModel.key).where(of_summary)))
    assert run.state == "success"
    assert keys == {"return_value"}
    assert list(run.xcom("summary")) == [url]


@pytest.mark.airflow
@pytest.mark.parametrize(("urls", "state"), [(["good", "bad"], "failed"), (["good"], "success"), ([], "success")])
def test_a_url_that_could_not_be_read_makes_the_run_fail_and_the_others_are_summed_up(
    airflow_home: AirflowHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, urls: list[str], state: str
) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
    airflow_home.add_dag("ocr_urls.py", (DAGS / "ocr_urls.py").read_text().replace("retries=3", "retries=0"))
    with running_sandbox() as sandbox:
        monkeypatch.setenv(*connection_env(sandbox.url, sandbox.token))
        sandbox.control(faults=["nth=2:400"])
        run = airflow_home.run_dag("ocr_urls", {"urls": [f"https://photos.example/{name}.jpg" for name in urls]})

    assert run.state == state
    assert run.tasks["summary", -1] == "success"
    assert len(run.xcom("summary")) == min(1, len(urls))
    assert run.tasks["all_read", -1] == ("upstream_failed" if state == "failed" else "success")


@pytest.mark.parametrize("manifest", ["manifest.csv", "", "*.jpg"], ids=["file", "folder", "glob"])
@pytest.mark.parametrize("plan_only", [True, False])
def test_the_samples_are_not_planned_for_a_host_that_is_not_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: str, *, plan_only: bool
) -> None:
    with running_sandbox(host=ELSEWHERE) as sandbox:
        BatchStage.connect(monkeypatch, tmp_path, sandbox.url, TOKEN, allow_plain_http=True)
        with pytest.raises(OCRManifestError, match="set the parameter manifest to images of your own") as caught:
            BatchStage(tmp_path).plan(BatchRun(), "r", manifest=str(SAMPLES / manifest), plan_only=plan_only)
        books = sandbox.books()

    assert sandbox.url in str(caught.value)
    assert str(caught.value).count(". ") == 0  # one sentence
    assert books["posts"] == 0
    assert list(tmp_path.iterdir()) == []


def test_the_samples_are_planned_for_a_local_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = BatchRun()
    with running_sandbox() as sandbox:
        connected(monkeypatch, tmp_path, sandbox, images=0).plan(run, "r", manifest=str(SAMPLES / "manifest.csv"))

    assert run.plan["planned"] == 24


def test_copies_of_the_samples_in_another_folder_are_images_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = BatchRun()
    (tmp_path / "mine").mkdir()
    for path in SAMPLES.glob("vin_plate_*.jpg"):
        (tmp_path / "mine" / path.name).write_bytes(path.read_bytes())
    with running_sandbox(host=ELSEWHERE) as sandbox:
        BatchStage.connect(monkeypatch, tmp_path, sandbox.url, TOKEN, allow_plain_http=True)
        BatchStage(tmp_path).plan(run, "r", manifest=str(tmp_path / "mine"))

    assert run.plan["planned"] == 6


def test_the_refusal_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BatchStage.connect(monkeypatch, tmp_path, "https://api.example.com", TOKEN)
    task: Any = OCRPlanOperator(task_id="p", manifest=str(SAMPLES), dataset=str(tmp_path / "reads"), conn_id="batch")
    with pytest.raises(OCRManifestError) as caught:
        task.execute(BatchStage(tmp_path).context("r", "plan"))

    assert task.retry_policy.evaluate(caught.value, 1, 3).action is RetryAction.FAIL


def test_the_sample_images_carry_the_mark_that_the_plan_looks_for() -> None:
    assert (SAMPLES / SAMPLES_MARK).is_file()
