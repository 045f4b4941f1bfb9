"""What holds for every view: who may see it, what it may load, and that names of a dataset stay text."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.web.app import ROUTERS
from airflow_provider_platerec_ocr.web.frame.datasets import Datasets, Sources
from airflow_provider_platerec_ocr.web.frame.page import PageDep
from support.clock import FakeClock
from support.page_stage import AIRFLOW, PageStage

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

HOSTILE = "\"><script>alert(1)</script>'{{7*7}}"
VIEWS = sorted(
    {
        getattr(route, "path", "")
        for router in ROUTERS
        for route in router.routes
        if "GET" in getattr(route, "methods", ())
    }
)
NEEDED = "run=nightly__1&dag_id=secret-dag&run_id=manual__1&image=/a.jpg"
"""What some of the views cannot do without."""
trial = APIRouter()


@trial.get("/trial", response_class=HTMLResponse)
def a_view(page: PageDep, dataset: str = "") -> HTMLResponse:
    return HTMLResponse(page.dataset(dataset).known.dag_id)


@trial.get("/edit", response_class=HTMLResponse)
def a_change(page: PageDep, dataset: str = "") -> HTMLResponse:
    return HTMLResponse(page.editable(dataset).name)


@trial.get("/broken")
def broken(page: PageDep) -> None:
    message = f"The store of {page.viewer.name} at https://user:secret@host/x?X-Amz-Signature=abc is gone."
    raise OCRLedgerError(message)


@trial.get("/number")
def a_number(page: PageDep, number: int) -> None:
    del page, number


@pytest.fixture
def stage(tmp_path: Path) -> PageStage:
    return PageStage(tmp_path, routers=(*ROUTERS, trial))


@pytest.mark.parametrize("view", [*VIEWS, "/trial", "/"])
def test_nobody_sees_a_view_who_is_not_signed_in(stage: PageStage, view: str) -> None:
    uri = stage.note("reads", dag_id="secret-dag")

    answer = stage.get(f"{view.lstrip('/')}?dataset={uri}", user=None)

    assert answer.status_code == 401
    assert "secret-dag" not in answer.text
    assert "Sign in to Airflow" in answer.text


def test_no_view_has_its_form_read_before_it_is_known_who_asks() -> None:
    # FastAPI reads what a view declares as a form or a body before it calls the guard
    routes = [route for router in ROUTERS for route in router.routes]

    assert [route for route in routes if getattr(route, "body_field", None) is not None] == []


@pytest.mark.parametrize("view", [*VIEWS, "/trial"])
def test_nobody_sees_a_dataset_whose_dag_they_may_not_read(stage: PageStage, view: str) -> None:
    uri = stage.note("reads", dag_id="secret-dag")

    for reads in ("", "mine"):
        answer = stage.get(f"{view.lstrip('/')}?dataset={uri}&{NEEDED}", reads=reads)

        assert answer.status_code == 403
        assert "secret-dag" not in answer.text


def test_who_may_read_one_dag_sees_its_dataset_and_no_other(stage: PageStage) -> None:
    mine, theirs = stage.note("mine", dag_id="mine"), stage.note("theirs", dag_id="theirs")

    assert stage.get(f"trial?dataset={mine}", reads="mine").status_code == 200
    assert stage.get(f"trial?dataset={theirs}", reads="mine").status_code == 403
    assert "theirs" not in stage.get("account", reads="mine").text


def test_only_who_may_edit_the_dag_may_change_anything_of_its_dataset(stage: PageStage) -> None:
    mine = stage.note("mine", dag_id="mine")

    assert stage.get(f"edit?dataset={mine}", edits="mine").status_code == 200
    assert stage.get(f"edit?dataset={mine}", edits="other").status_code == 403


def test_a_dataset_of_two_dags_is_for_who_may_read_or_edit_one_of_them(stage: PageStage) -> None:
    for dag_id in ("nightly", "weekly"):
        uri = stage.note(dag_id=dag_id, conn_id=f"of-{dag_id}")

    seen = {reads: stage.get(f"trial?dataset={uri}", reads=reads).status_code for reads in ("nightly", "weekly", "x")}
    edited = {dag: stage.get(f"edit?dataset={uri}", edits=dag).status_code for dag in ("nightly", "weekly", "x")}

    assert seen == edited == {"nightly": 200, "weekly": 200, "x": 403}
    assert "weekly" not in stage.get("nights", reads="nightly").text
    shown = {reads: "of-weekly" in stage.get("account", reads=reads).text for reads in ("nightly", "weekly")}
    assert shown == {"nightly": False, "weekly": True}  # the connection is the DAG's that planned last


def test_a_store_that_hangs_is_told_as_silent() -> None:
    gate = threading.Event()

    def hangs(uri: str) -> StoragePath:
        gate.wait()
        return open_place(uri)

    listed = Datasets(Sources(("/srv/ledger",), opener=hangs), FakeClock(), give_up_s=0.0)
    try:
        assert "did not answer within 0 s" in listed.all().troubles[0]
    finally:
        gate.set()


def test_a_place_that_nobody_noted_is_never_opened(stage: PageStage, tmp_path: Path) -> None:
    stage.note("reads")
    (tmp_path / "other").mkdir()

    for uri in (tmp_path / "other", "/etc/passwd", f"{tmp_path}/reads/../other", "s3://somebodys/bucket"):
        assert stage.get(f"trial?dataset={uri}").status_code == 404


def test_a_dataset_is_found_however_its_uri_is_written(stage: PageStage) -> None:
    stage.note(dataset="/data/reads")

    for uri in ("/data/reads", "/data/reads/", "file:///data/reads"):
        assert stage.get(f"trial?dataset={uri}").status_code == 200


def test_hostile_names_are_text_on_the_page(stage: PageStage) -> None:
    stage.note(dataset=f"/data/{HOSTILE}", dag_id=HOSTILE)

    page = stage.get("account").text

    assert "<script>alert" not in page
    assert "{{7*7}}" in page


@pytest.mark.parametrize("url", ["account", "nowhere", "static/page.css", "trial?dataset=/nothing"])
def test_every_answer_forbids_other_hosts_inline_scripts_and_foreign_frames(stage: PageStage, url: str) -> None:
    headers = stage.get(url).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["frame-ancestors"] == "'self'"
    assert not any(word in " ".join(policy.values()) for word in ("unsafe", "http", "*"))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if "static" in url else "no-store")


def test_every_address_on_a_page_stays_below_airflows_own(stage: PageStage) -> None:
    page = stage.get("account").text

    assert f'<base href="{AIRFLOW}/">' in page
    assert "http://" not in page
    assert "https://" not in page
    assert "style=" not in page
    assert f'href="{AIRFLOW}/platerec-ocr/account#content"' in page


def test_the_first_view_is_the_accounts(stage: PageStage) -> None:
    answer = stage.get("")

    assert (answer.status_code, answer.headers["location"]) == (307, f"{AIRFLOW}/platerec-ocr/account")


def test_a_store_that_does_not_answer_is_told_in_words_and_without_secrets(stage: PageStage) -> None:
    answer = stage.get("broken")

    assert answer.status_code == 503
    assert "The store of ann" in answer.text
    assert "secret" not in answer.text
    assert "abc" not in answer.text


def test_a_program_gets_its_error_as_json(stage: PageStage) -> None:
    answer = stage.get("nowhere", accept="application/json")

    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_an_address_that_is_not_complete_says_what_is_missing(stage: PageStage) -> None:
    answer = stage.get("number?number=many")

    assert answer.status_code == 422
    assert "number" in answer.text


def test_without_any_dataset_the_page_says_how_one_comes_to_be(stage: PageStage) -> None:
    assert "Nothing was planned yet" in stage.get("account").text
    assert stage.get("account", reads="").status_code == 403


def test_a_ledger_that_cannot_be_read_is_told_on_the_page(tmp_path: Path) -> None:
    stage = PageStage(tmp_path, datasets=("nothing://known/reads",))

    page = stage.get("account").text

    assert "nothing://known/reads" in page
    assert 'class="notice warn"' in page


def test_a_dataset_that_the_option_names_is_shown_with_its_places_by_default(tmp_path: Path) -> None:
    other = PageStage(tmp_path, routers=(trial,), datasets=("/data/other",))

    assert other.get("trial?dataset=/data/other", edits="*").status_code == 200
    assert other.get("trial?dataset=/data/other", reads="").status_code == 403


def test_a_dataset_that_only_the_option_names_is_for_who_may_read_the_dag_of_its_newest_report(tmp_path: Path) -> None:
    uri = str(tmp_path / "other")
    stage = PageStage(tmp_path, clock=FakeClock(), routers=(trial,), datasets=(uri,))
    clock = stage.clock
    assert isinstance(clock, FakeClock)

    assert stage.get(f"trial?dataset={uri}", reads="*").status_code == 403
    assert stage.get(f"trial?dataset={uri}", edits="mine").status_code == 403
    (tmp_path / "other_reports").mkdir()
    for day, dag_id in enumerate(("theirs", "mine"), 1):
        night = {"dag_id": dag_id, "run_id": "r", "written_at": f"2026-03-0{day}T22:00:00Z"}
        (tmp_path / "other_reports" / f"{dag_id}.json").write_text(json.dumps(night))
    clock.pause(20.0)

    assert stage.get(f"trial?dataset={uri}", reads="mine").text == "mine"
    assert stage.get(f"trial?dataset={uri}", reads="theirs").status_code == 403
