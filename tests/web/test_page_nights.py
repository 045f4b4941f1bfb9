"""The last nights from their reports alone, a report that runs nothing, and the way from Airflow's run to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core import page_urls as urls
from airflow_provider_platerec_ocr.web.nights import LARGEST_REPORT
from support.page_stage import AIRFLOW, PageStage

if TYPE_CHECKING:
    from pathlib import Path

RUN_ID = "scheduled__2026-03-01T22:00:00+00:00"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def stage(tmp_path: Path) -> PageStage:
    return PageStage(tmp_path)


def report(stage: PageStage, run: str = "nightly__1", html: str = "", **more: Any) -> Path:
    facts: dict[str, Any] = {"dag_id": "nightly", "run_id": RUN_ID, "date": "2026-03-01", "whole": True}
    facts |= {"written_at": "2026-03-01T22:40:00Z", "plan": {"planned": 100}, "took": {"seconds": 75, "limit_s": 60}}
    facts |= {"result": {"calls_billed": 90, "from_ledger": 10, "in_doubt": 1, "dead_letters": {"image_missing": 2}}}
    folder = stage.root / "reads_reports"
    folder.mkdir(exist_ok=True)
    (folder / f"{run}.json").write_text(json.dumps(facts | more))
    if html:
        (folder / f"{run}.html").write_text(html)
    return folder


def test_a_night_is_a_row_with_its_figures_its_report_and_airflows_own_page(stage: PageStage) -> None:
    uri = stage.note()
    report(stage, price={"per_1000_calls": "20", "currency": "EUR"})

    page = stage.get(urls.nights_url(uri)).text

    for said in ("2026-03-01", ">100<", "90<br>", "1.80 EUR", "saved 0.20 EUR", "1 min 15 s", " 1.25"):
        assert said in page
    assert urls.airflow_run_url("nightly", RUN_ID) in page
    assert urls.report_url(uri, "nightly__1").replace("&", "&amp;") in page
    assert "<svg" in page


@pytest.mark.parametrize(
    "more",
    [
        {"plan": None, "result": None, "took": None},
        {"date": HOSTILE, "run_id": HOSTILE, "dag_id": "nightly"},
        {"whole": False, "took": {"seconds": 0, "limit_s": 0}},
    ],
)
def test_an_older_or_a_strange_report_is_a_row_too(stage: PageStage, more: dict[str, Any]) -> None:
    uri = stage.note()
    report(stage, **more)

    answer = stage.get(urls.nights_url(uri))

    assert answer.status_code == 200
    assert "nightly" in answer.text
    assert "<script>alert" not in answer.text


def test_without_a_report_the_page_says_where_one_comes_from(stage: PageStage) -> None:
    uri = stage.note()

    assert "No run was exported yet" in stage.get(urls.nights_url(uri)).text


def test_a_report_is_served_so_that_no_script_of_it_runs(stage: PageStage) -> None:
    uri = stage.note()
    report(stage, html="<h1>Report</h1><script>alert(1)</script>")

    answer = stage.get(urls.report_url(uri, "nightly__1"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "default-src 'none'" in policy
    assert "script" not in policy


def test_a_run_without_a_page_gives_its_figures(stage: PageStage) -> None:
    uri = stage.note()
    report(stage)

    answer = stage.get(urls.report_url(uri, "nightly__1"))

    assert answer.json()["run_id"] == RUN_ID
    assert answer.headers["content-security-policy"].startswith("sandbox")


@pytest.mark.parametrize(
    "run", ["nothing", "../reads_workspace/secret", "..", ".hidden", "a/b", "", "x" * 300, "a\x00b"]
)
def test_only_a_report_of_the_dataset_is_served(stage: PageStage, run: str) -> None:
    uri = stage.note()
    folder = report(stage)
    (folder / ".hidden.html").write_text("secret")
    (stage.root / "reads_workspace").mkdir()
    (stage.root / "reads_workspace" / "secret.html").write_text("secret")

    answer = stage.get(urls.report_url(uri, run))

    assert answer.status_code in {404, 422}
    assert "secret" not in answer.text.replace("workspace%2Fsecret", "").replace("workspace/secret", "")


def test_a_report_is_for_who_may_read_its_dag(stage: PageStage) -> None:
    uri = stage.note(dag_id="theirs")
    report(stage, html="<h1>Report</h1>")

    assert stage.get(urls.report_url(uri, "nightly__1"), reads="mine").status_code == 403
    assert stage.get(urls.report_url(uri, "nightly__1"), user=None).status_code == 401


def test_nights_of_another_dag_in_the_same_folder_are_for_who_may_read_that_dag(stage: PageStage) -> None:
    uri = stage.note()
    report(stage, html="<h1>Mine</h1>")
    report(stage, "theirs__1", html="<h1>Theirs</h1>", dag_id="theirs", run_id="their-run")
    (stage.root / "reads_reports" / "nobodys__1.html").write_text("<h1>Whose?</h1>")

    assert "theirs" in stage.get(urls.nights_url(uri)).text
    assert stage.get(urls.report_url(uri, "theirs__1")).status_code == 200
    page = stage.get(urls.nights_url(uri), reads="nightly").text
    assert "nightly__1" in page
    assert "their" not in page
    said = [stage.get(urls.report_url(uri, run), reads="nightly") for run in ("nightly__1", "theirs__1", "nobodys__1")]
    assert [each.status_code for each in said] == [200, 404, 404]
    assert "Theirs" not in said[1].text


def test_no_more_of_a_report_is_fetched_than_can_be_shown(stage: PageStage, monkeypatch: pytest.MonkeyPatch) -> None:
    uri, asked = stage.note(), []
    folder = report(stage, html="<h1>Report</h1>")
    with (folder / "nightly__1.html").open("ab") as file:
        file.truncate(LARGEST_REPORT + 1)
    cat_file = LocalFileSystem.cat_file

    def noted(self: LocalFileSystem, path: str, start: int | None = None, end: int | None = None) -> Any:
        asked.append(end)
        return cat_file(self, path, start, end)

    monkeypatch.setattr(LocalFileSystem, "cat_file", noted)
    answer = stage.get(urls.report_url(uri, "nightly__1"))

    assert answer.json()["run_id"] == RUN_ID
    assert asked[-2:] == [LARGEST_REPORT + 1] * 2


@pytest.mark.parametrize("run_id", [RUN_ID, RUN_ID.replace("+", " ")])
def test_airflows_page_of_a_run_leads_to_its_report(stage: PageStage, run_id: str) -> None:
    uri = stage.note()
    report(stage)

    answer = stage.get(urls.run_url("nightly", run_id))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{AIRFLOW}/{urls.report_url(uri, 'nightly__1')}")


@pytest.mark.parametrize(
    ("dag_id", "reads", "status", "said"),
    [
        ("nightly", "*", 200, "There is no report yet"),
        ("other", "*", 200, "This DAG reads no images"),
        ("nightly", "other", 403, "may not read this DAG"),
        (HOSTILE, "*", 200, "&lt;script&gt;"),
    ],
)
def test_a_run_without_a_report_says_what_there_is(
    stage: PageStage, dag_id: str, reads: str, status: int, said: str
) -> None:
    stage.note()

    answer = stage.get(urls.run_url(dag_id, "manual__1"), reads=reads)

    assert answer.status_code == status
    assert said in answer.text


def test_a_run_with_several_reports_lists_them(stage: PageStage) -> None:
    stage.note()
    for name in ("nightly.east__1", "nightly.west__1"):
        report(stage, name)

    assert "wrote 2 reports" in stage.get(urls.run_url("nightly", RUN_ID)).text
