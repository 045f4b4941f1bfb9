"""The main job through Airflow in this process: plan, read, export and their group, as the nightly DAG wires them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from airflow import sdk

from airflow_provider_platerec_ocr.core.page_urls import report_url, run_url
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.sandbox import TOKEN, running_sandbox
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.airflow_home import AirflowHome, DagRunResult
    from support.sandbox import Sandbox

pytestmark = pytest.mark.airflow

NIGHTLY = Path(__file__).parents[3] / "dags" / "nightly_ocr_batch.py"
QUICK = NIGHTLY.read_text().replace("read_timeout=", "retries=0,\n        read_timeout=")
"""Without retries, so that a failure ends the run at once."""
REPORT_LINK = "_link_OCRReportLink"
"""Where Airflow keeps a task's button."""


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        yield running


def nightly(home: AirflowHome, tmp_path: Path, *, source: str = QUICK, **conf: Any) -> DagRunResult:
    home.add_dag("nightly.py", source)
    places = {"manifest": str(tmp_path / "images"), "dataset": str(tmp_path / "reads")}
    return home.run_dag("nightly_ocr_batch", places | conf)


def code_of(sandbox: Sandbox, url: str) -> str:
    """Return what the sandbox answers for a URL: a code made from all of it."""
    answer = requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": "vin", "upload_url": url},
        headers={"Authorization": f"Token {TOKEN}"},
        timeout=PATIENCE_S,
    ).json()
    return str(answer["results"][0]["identifier"]["props"]["code"][0]["value"])


def report(tmp_path: Path) -> dict[str, Any]:
    newest = max((tmp_path / "reads_reports").glob("*.json"), key=lambda path: path.stat().st_mtime)
    content: dict[str, Any] = json.loads(newest.read_text())
    return content


def test_a_folder_of_images_becomes_a_table_over_several_shards(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "images", 12, 2_000)

    run = nightly(airflow_home, tmp_path, images_per_shard=5)

    assert run.state == "success"
    assert [run.tasks["ocr.read", index] for index in range(3)] == ["success"] * 3
    assert run.xcom("ocr.export")["reads"] == run.xcom("ocr.export")["calls_billed"] == 12
    assert sandbox.books()["billed"] == 12
    if hasattr(sdk, "NEVER_EXPIRE"):  # which came with the tasks' own state
        kept = run.state_of("ocr.read", map_index=2, key="platerec_ocr")
        assert (kept["step"], kept["done"], kept["total"], kept["counts"]["read"]) == ("read", 4, 4, 4)
    table = read_dataset(str(tmp_path / "reads"))
    assert len(table) == 12
    assert set(table["dag_id"]) == {"nightly_ocr_batch"}
    (page,) = (tmp_path / "reads_reports").glob("*.html")
    assert run.xcom("ocr.export", key=REPORT_LINK) == report_url(str(tmp_path / "reads"), page.stem)
    assert run.xcom("ocr.read", map_index=1, key=REPORT_LINK) == run_url("nightly_ocr_batch", run.run_id)


def test_the_next_run_pays_for_nothing_and_one_without_the_table_reads_the_ledger(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "images", 6, 2_000)
    nightly(airflow_home, tmp_path)

    second = nightly(airflow_home, tmp_path)
    elsewhere = nightly(airflow_home, tmp_path, dataset=str(tmp_path / "other"))

    assert second.state == elsewhere.state == "success"
    assert second.xcom("ocr.plan", key="plan")["done"] == 6
    assert second.tasks["ocr.read", -1] == "skipped"
    assert elsewhere.xcom("ocr.plan", key="plan")["to_pay"] == 6  # at most: only the bytes tell what the ledger has
    assert elsewhere.xcom("ocr.export")["from_ledger"] == 6
    assert sandbox.books()["billed"] == 6


def test_planning_alone_makes_no_call(airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path) -> None:
    make_load_images(tmp_path / "images", 4, 2_000)

    run = nightly(airflow_home, tmp_path, plan_only=True)

    assert run.state == "success"
    assert run.xcom("ocr.plan", key="plan")["to_pay"] == 4
    assert run.xcom("ocr.export") == {"plan_only": True}
    assert {run.xcom(f"ocr.{task}", key=REPORT_LINK) for task in ("plan", "export")} == {""}
    assert sandbox.books()["posts"] == 0
    assert not (tmp_path / "reads").exists()


def test_a_dry_run_does_not_wait_behind_the_gate(airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path) -> None:
    make_load_images(tmp_path / "images", 4, 2_000)
    sandbox.control(used=1000)

    run = nightly(airflow_home, tmp_path, plan_only=True)

    assert run.state == "success"
    assert run.xcom("gate")["remaining"] == 0
    plan = run.xcom("ocr.plan", key="plan")
    assert (plan["to_pay"], plan["left_over"]) == (0, 4)
    assert sandbox.books()["posts"] == 0


def test_an_empty_manifest_is_a_run_that_succeeds_and_says_so(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "images.csv").write_text("image\n")

    run = nightly(airflow_home, tmp_path, manifest=str(tmp_path / "images.csv"))

    assert run.state == "success"
    assert sandbox.books()["posts"] == 0
    assert "Nothing to read" in " ".join(report(tmp_path)["summary"])


def test_the_daily_limit_leaves_the_rest_to_the_next_run(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "images", 10, 2_000)

    run = nightly(airflow_home, tmp_path, daily_limit=4)
    same_day = nightly(airflow_home, tmp_path, daily_limit=4)

    assert run.xcom("ocr.plan", key="plan")["left_over"] == 6
    assert same_day.xcom("ocr.plan", key="plan")["to_pay"] == 0
    assert sandbox.books()["billed"] == 4


def test_a_run_keeps_the_reserve_for_others(airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path) -> None:
    make_load_images(tmp_path / "images", 10, 2_000)
    sandbox.control(used=900)

    run = nightly(airflow_home, tmp_path, reserve=97)

    assert run.state == "success"
    assert sandbox.books()["billed"] == 3


def test_bad_rows_and_bad_images_are_dead_letters_and_the_rest_is_read(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    make_load_images(images, 3, 2_000)
    (images / "empty.jpg").touch()
    (images / "text.jpg").write_text("this is no image at all")
    (images / "half.jpg").write_bytes((images / "load_000001.jpg").read_bytes()[:1500])
    (tmp_path / "secret.jpg").write_bytes((images / "load_000001.jpg").read_bytes() + b"\0")
    (images / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    rows = ["load_000001.jpg,", "load_000002.jpg,", "load_000001.jpg,", "load_000003.jpg,odometer", "gone.jpg,"]
    rows += ["empty.jpg,", "text.jpg,", "half.jpg,", "link.jpg,", "../secret.jpg,", ",vin", "load_000002.jpg,VIN!"]
    (images / "manifest.csv").write_text("image,type\n" + "\n".join(rows) + "\n")

    source = QUICK.replace("read_timeout=", "max_bad_rows=2,\n        read_timeout=")
    run = nightly(airflow_home, tmp_path, source=source, manifest=str(images / "manifest.csv"))

    result = run.xcom("ocr.export")
    assert run.state == "success"
    assert result["reads"] == 2
    assert result["dead_letters_by_reason"] == {
        "api_rejected": 1,
        "image_empty": 1,
        "image_missing": 1,
        "image_not_an_image": 1,
        "image_outside_roots": 2,
        "image_truncated": 1,
        "row_invalid": 2,
    }
    assert run.xcom("ocr.plan", key="plan")["duplicates"] == 1
    assert sandbox.books()["billed"] == 2


def test_a_bracket_in_a_folders_name_lets_no_manifest_name_files_outside_of_it(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "private", 1, 2_000)
    make_load_images(tmp_path / "yard [1]", 1, 2_000)
    mine, other = (next((tmp_path / name).iterdir()).name for name in ("yard [1]", "private"))
    (tmp_path / "yard [1]" / "m.csv").write_text(f"image\n{mine}\n../private/{other}\n")

    run = nightly(airflow_home, tmp_path, manifest=str(tmp_path / "yard [1]" / "m.csv"))

    assert run.xcom("ocr.export")["dead_letters_by_reason"] == {"image_outside_roots": 1}
    assert sandbox.books()["posts"] == 1


def test_presigned_urls_are_sent_whole_and_written_down_without_their_signature(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    url = "https://photos.example/a.jpg?X-Amz-Signature=s3cr3tsignature"
    (tmp_path / "urls.csv").write_text(f"upload_url\n{url}\n")

    run = nightly(airflow_home, tmp_path, manifest=str(tmp_path / "urls.csv"))

    assert run.state == "success"
    read = read_dataset(str(tmp_path / "reads"))["code"].item()
    assert read == code_of(sandbox, url) != code_of(sandbox, url.partition("?")[0])
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "urls.csv"]
    assert not [path for path in written if b"s3cr3tsignature" in path.read_bytes()]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [({"tokens": []}, "401"), ({"enabled": False}, "not enabled")],
)
def test_an_account_that_refuses_fails_at_once_and_spends_nothing(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, wishes: dict[str, Any], message: str
) -> None:
    make_load_images(tmp_path / "images", 2, 2_000)
    sandbox.control(**wishes)

    run = nightly(airflow_home, tmp_path)

    assert run.state == "failed"
    assert run.tasks["gate", -1] == "failed", message
    assert sandbox.books()["posts"] == 0


def test_a_token_revoked_mid_run_publishes_what_was_read_and_fails_as_incomplete(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "images", 20, 2_000)
    sandbox.control(faults=["nth=8-999:401"])

    run = nightly(airflow_home, tmp_path)

    assert run.tasks["ocr.read", 0] == "failed"
    assert run.tasks["ocr.export", -1] == "failed"
    assert len(read_dataset(str(tmp_path / "reads"))) == sandbox.books()["billed"] >= 7
    assert report(tmp_path)["whole"] is False


@pytest.mark.parametrize(
    ("content", "says"),
    [("path\na.jpg\n", "image"), ("image\na.jpg\n".encode("utf-16"), "UTF-16")],
)
def test_a_manifest_that_cannot_be_used_fails_the_plan_before_any_call(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, content: str | bytes, says: str
) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(content if isinstance(content, bytes) else content.encode())

    run = nightly(airflow_home, tmp_path, manifest=str(manifest))

    assert run.tasks["ocr.plan", -1] == "failed", says
    assert (run.state, run.tasks["ocr.export", -1]) == ("failed", "skipped")
    assert sandbox.books()["posts"] == 0
