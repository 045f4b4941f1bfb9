"""Nights in which nothing can be read: each through a whole Airflow, and none of them green without a word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.connection import Connection
from airflow.sdk import DAG
from airflow.utils.session import create_session

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup
from support.airflow_home import connection_env
from support.batch_stage import BatchRun, BatchStage
from support.remote_night import STORE, aws_connection
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.airflow_home import AirflowHome, DagRunResult
    from support.sandbox import Sandbox
    from support.stores import S3Stand

pytestmark = pytest.mark.airflow

GROUP = """
from airflow.sdk import DAG
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

with DAG({dag_id!r}, schedule=None):
    OCRManifestTaskGroup("ocr", retries=0, **{given!r})
"""


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        yield running


def night(home: AirflowHome, dag_id: str, tmp_path: Path, **given: Any) -> DagRunResult:
    places = {"manifest": str(tmp_path / "yard"), "dataset": str(tmp_path / "reads")}
    home.add_dag(f"{dag_id}.py", GROUP.format(dag_id=dag_id, given=places | given))
    return home.run_dag(dag_id)


def test_a_folder_of_nothing_but_parquet_files_fails_and_calls_nobody(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "yard").mkdir()
    for number in range(3):
        (tmp_path / "yard" / f"part-{number}.parquet").write_bytes(b"PAR1")

    run = night(airflow_home, "only_tables", tmp_path, manifest=f"{tmp_path}/yard/*")

    assert (run.state, run.tasks["ocr.plan", -1]) == ("failed", "failed")
    assert sandbox.books()["posts"] == 0


@pytest.mark.parametrize(("on_empty", "state"), [("succeed", "success"), ("skip", "skipped"), ("fail", "failed")])
def test_an_unmounted_share_does_what_the_user_said(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, on_empty: str, state: str
) -> None:
    (tmp_path / "yard" / "@eaDir").mkdir(parents=True)
    (tmp_path / "yard" / "@eaDir" / "a.jpg").touch()

    run = night(airflow_home, f"unmounted_{on_empty}", tmp_path, on_empty=on_empty)

    assert run.tasks["ocr.plan", -1] == state
    assert sandbox.books()["posts"] == 0
    if state != "failed":
        plan = run.xcom("ocr.plan", key="plan")
        assert (plan["rows"], plan["left_aside"]) == (0, {"excluded": 1})
    assert run.state == ("failed" if on_empty == "fail" else "success")
    assert on_empty != "skip" or run.tasks["ocr.export", -1] == "skipped"


def test_a_share_that_was_unmounted_is_planned_anew_once_it_is_there(stage: BatchStage) -> None:
    run = BatchRun()
    with pytest.raises(Exception, match="is empty, and on_empty says skip"):
        stage.plan(run, "night-1", on_empty="skip")
    make_load_images(stage.images, 2, 2_000)

    stage.plan(run, "night-1", on_empty="skip")

    assert run.plan["planned"] == 2


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchStage:
    BatchStage.connect(monkeypatch, tmp_path, sandbox.url, sandbox.token)
    (tmp_path / "images").mkdir()
    return BatchStage(tmp_path)


def test_a_manifest_of_nothing_but_bad_rows_fails_before_any_call(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "m.csv").write_text("image,type\n" + "".join(f"{n}.jpg,no type!\n" for n in range(5)))

    run = night(airflow_home, "all_bad", tmp_path, manifest=f"{tmp_path}/m.csv")

    assert (run.state, run.tasks["ocr.plan", -1]) == ("failed", "failed")
    assert sandbox.books()["posts"] == 0


def test_too_many_bad_rows_reserve_nothing_and_say_which_they_are(stage: BatchStage, tmp_path: Path) -> None:
    make_load_images(stage.images, 4, 2_000)
    names = sorted(path.name for path in stage.images.iterdir())
    manifest = stage.images / "m.csv"
    manifest.write_text("image,type\n" + "".join(f"{name},\n" for name in names) + "x.jpg,VIN!\n")

    with pytest.raises(OCRManifestError, match=r"1 of 5 rows .* lets 10% pass.* Row 5 \(x\.jpg\): type 'VIN!'"):
        stage.plan(BatchRun(), "night-1", manifest=str(manifest))

    ledger = tmp_path / "ledger"
    files = [path.relative_to(ledger) for path in ledger.rglob("*") if path.is_file()]
    assert {path.parts[0] for path in files} == {"ledger-identity"}
    run = stage.run("night-1", manifest=str(manifest), max_bad_rows=1)
    assert (run.counts["reads"], run.counts["dead_letters_by_reason"]) == (4, {"row_invalid": 1})


def test_planning_alone_says_what_would_fail(stage: BatchStage, caplog: pytest.LogCaptureFixture) -> None:
    run = BatchRun()

    stage.plan(run, "night-1", plan_only=True, on_empty="fail")

    assert run.plan["would_fail"].startswith(f"{stage.images} is empty")
    assert "This plan would fail" in caplog.text


@pytest.mark.parametrize("given", [{"on_empty": "explode"}, {"max_bad_rows": "many"}])
def test_words_that_mean_nothing_are_refused(stage: BatchStage, given: dict[str, str]) -> None:
    with pytest.raises(OCRConfigError, match=f"{next(iter(given))} must be"):
        stage.plan(BatchRun(), "night-1", **given)


def test_what_was_left_aside_stands_in_the_report_and_in_the_log(
    stage: BatchStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_load_images(stage.images, 1, 2_000)
    (stage.images / "movie.mov").touch()
    (stage.images / "gate2").symlink_to("/nowhere/at/all")
    caplog.set_level("INFO")

    stage.run("night-1", exclude="old, *.tmp")

    (report,) = (tmp_path / "reads_reports").glob("*.json")
    plan = json.loads(report.read_text())["plan"]
    assert (plan["left_aside"], plan["endings_left_aside"]) == ({"links_to_nowhere": 1, "no_image": 1}, {".mov": 1})
    assert "Left aside: 1 file is no image: .mov 1; 1 link that leads nowhere: gate2." in caplog.text
    assert [record.levelname for record in caplog.records if "Some links, folders or keys" in record.message] == [
        "WARNING"
    ]


def test_linked_folders_are_read_where_the_user_allows_it_and_named_where_not(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "nas", 2, 2_000)
    (stage.images / "gate1").symlink_to(tmp_path / "nas")

    with pytest.raises(OCRManifestError, match=r"1 linked folder outside of the allowed roots: gate1\."):
        stage.plan(BatchRun(), "night-1")
    run = stage.run("night-2", allowed_roots=[str(stage.images), str(tmp_path / "nas")])

    assert run.counts["reads"] == sandbox.books()["posts"] == 2
    assert all(row["image"].startswith(f"{stage.images}/gate1/") for row in stage.rows())


def test_previews_of_a_nas_in_a_bucket_are_not_paid_for(
    airflow_home: AirflowHome, sandbox: Sandbox, s3: S3Stand, tmp_path: Path
) -> None:
    with create_session() as session:
        fields = aws_connection(s3)
        conn_id = fields.pop("connection_id")
        session.query(Connection).filter(Connection.conn_id == conn_id).delete()
        session.add(Connection(conn_id=conn_id, **fields))
    yard = s3.place("yard")
    photo, other = (path.read_bytes() for path in make_load_images(tmp_path, 2, 2_000))
    for name in ("@eaDir/a.jpg/SYNOFILE_THUMB_M.jpg", ".thumbs/t.jpg", "#recycle/x.jpg", "sub/~$b.jpg"):
        yard.fs.pipe_file(f"{yard.path}/{name}", other)
    yard.fs.pipe_file(f"{yard.path}/sub/a.jpg", photo)

    run = night(airflow_home, "in_a_bucket", tmp_path, manifest=f"s3://{STORE}@{yard.path}/")

    assert run.state == "success"
    assert sandbox.books()["posts"] == 1
    assert run.xcom("ocr.plan", key="plan")["left_aside"] == {"excluded": 3, "hidden": 1}
    assert list(read_dataset(str(tmp_path / "reads"))["image"]) == [f"s3://{yard.path}/sub/a.jpg"]


def test_the_task_group_hands_its_rules_to_the_plan() -> None:
    given: dict[str, Any] = {"include": "a", "exclude": ["b"], "on_empty": "fail", "max_bad_rows": 0.2}
    with DAG("yard", schedule=None):
        group = OCRManifestTaskGroup("ocr", manifest="/m.csv", dataset="/reads", **given)

    assert {name: getattr(group.plan, name) for name in given} == given
    assert set(given) <= set(group.plan.template_fields)


def test_a_manifest_of_which_no_image_is_there_is_red_and_one_lost_image_later_is_not(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    names = [path.name for path in make_load_images(tmp_path / "elsewhere", 2, 2_000)]
    (tmp_path / "m.csv").write_text("image\n" + "".join(f"yard/{name}\n" for name in names))

    red = night(airflow_home, "unmounted", tmp_path, manifest=f"{tmp_path}/m.csv")
    (tmp_path / "elsewhere").rename(tmp_path / "yard")
    (tmp_path / "m.csv").write_text((tmp_path / "m.csv").read_text() + "yard/lost.jpg\n")
    mounted = night(airflow_home, "unmounted", tmp_path, manifest=f"{tmp_path}/m.csv")
    later = night(airflow_home, "unmounted", tmp_path, manifest=f"{tmp_path}/m.csv")

    assert (red.state, red.tasks["ocr.export", -1]) == ("failed", "failed")
    assert (mounted.state, later.state) == ("success", "success")
    assert sandbox.books()["billed"] == 2
