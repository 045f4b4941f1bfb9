"""What the account and what runs look like: from files alone, and never by a paid call."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.models import Owner, Statistics
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.core.spending.budget import period_key
from airflow_provider_platerec_ocr.dataset.report.live import LiveFolder, ShardProgress
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook, account_id
from airflow_provider_platerec_ocr.engine.rate.hold_file import HoldFile
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.web.frame.account_facts import ask_statistics
from support.clock import FakeClock
from support.page_stage import AIRFLOW, PageStage
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def stage(tmp_path: Path) -> PageStage:
    return PageStage(tmp_path, clock=FakeClock())


def board(stage: PageStage) -> StoragePath:
    account = account_id(stage.connections["yard"])
    return Ledger.peek(open_place(str(stage.ledger)), lease_s=1.0, clock=stage.clock).board(account)


def hold(stage: PageStage, seconds: float = 600.0) -> HoldFile:
    """Have the account wait, as a shard that met a 429 does."""
    place = board(stage)
    store = Store(place, makes_root=True)
    file = HoldFile(store, stage.clock)
    file.post(stage.clock.now().timestamp() + seconds, throttled_at_s=1.0)
    return file


def form_of(page: str) -> dict[str, str]:
    """Return the hidden fields of the form that lifts a hold."""
    parts = page.partition('action="platerec-ocr/account/lift"')[2].partition("</form>")[0].split('name="')[1:]
    return {part.partition('"')[0]: part.partition('value="')[2].partition('"')[0] for part in parts}


def test_the_account_says_what_is_left_what_runs_hold_and_what_a_new_run_may_spend(stage: PageStage) -> None:
    stage.note(reserve=500)
    statistics = stage.statistics
    assert statistics is not None
    store = Store(open_place(str(stage.ledger)))
    book = BudgetBook(
        store, account_id(stage.connections["yard"]), period_key(statistics, stage.clock.now()), stage.clock
    )
    owner = Owner(dag_id="nightly", run_id="scheduled__1", task_id="ocr.plan")
    made = book.reserve(owner, statistics, lambda _others: 1_000)
    book.purse(made.number, made.calls, owner).draw(100, 1)

    page = stage.get("account").text

    for said in (
        "8,000",
        "of 10,000 calls",
        "scheduled__1",
        ">1,000<",
        ">900<",
        "reserve: 500",
        "held by runs: 900",
        "6,600",
    ):
        assert said in page
    assert 'aria-label="used 2,000, held 900, free 6,600, reserve 500 of 10,000 calls"' in page


def test_a_run_of_a_dag_that_somebody_may_not_read_has_no_name_for_them(stage: PageStage) -> None:
    stage.note(dag_id="mine")
    statistics = stage.statistics
    assert statistics is not None
    store = Store(open_place(str(stage.ledger)))
    book = BudgetBook(
        store, account_id(stage.connections["yard"]), period_key(statistics, stage.clock.now()), stage.clock
    )
    book.reserve(Owner(dag_id="theirs", run_id="their-run"), statistics, lambda _others: 10)

    page = stage.get("account", reads="mine").text

    assert "another DAG" in page
    assert "their" not in page


@pytest.mark.parametrize(
    ("settings", "statistics", "said"),
    [
        (ClientSettings(token="t", rate_per_s=8.0), None, "8.00 starts a second</strong>, known"),
        (ClientSettings(token="t"), None, "Not found yet"),
        (ClientSettings(token="t"), Statistics(10, 10), "The quota is used up"),
        (ClientSettings(token="t", price=Price(Decimal(20), "EUR")), Statistics(0, 1_000), "20.00 EUR"),
        (ClientSettings(token="t"), None, "could not be asked what is left"),
        (ClientSettings(token="t"), Statistics(0, 0), "of 0 calls"),
    ],
)
def test_what_is_known_of_an_account_is_said_and_what_is_not_as_well(
    stage: PageStage, settings: ClientSettings, statistics: Statistics | None, said: str
) -> None:
    stage.note()
    stage.connections["yard"] = settings
    stage.statistics = statistics

    assert said in stage.get("account").text


def test_a_connection_that_the_api_server_does_not_have_is_told_in_words(stage: PageStage) -> None:
    stage.note(conn_id="elsewhere")

    page = stage.get("account")

    assert page.status_code == 200
    assert "cannot be used in the API server" in page.text
    assert stage.asked == 0


def test_the_statistics_are_asked_once_a_minute_whoever_looks(stage: PageStage) -> None:
    stage.note()
    clock = stage.clock
    assert isinstance(clock, FakeClock)

    for user in ("ann", "bob", "ann"):
        stage.get("account", user=user)
    assert stage.asked == 1
    clock.pause(61.0)
    stage.get("account")
    assert stage.asked == 2


def test_accounts_that_are_silent_keep_a_view_for_seconds_and_are_not_asked_again_for_a_minute(
    stage: PageStage,
) -> None:
    for name in "abcde":
        stage.connections[name] = ClientSettings(token=name)
        stage.note(name, conn_id=name)
    stage.statistics, stage.takes_s = None, 100.0
    clock = stage.clock
    assert isinstance(clock, FakeClock)

    page = stage.get("account").text

    assert clock.elapsed_s == 8.0
    assert stage.given_s == [6.0, 2.0]
    assert (page.count("could not be asked"), page.count("not asked: other accounts took too long")) == (2, 3)
    clock.pause(40.0)
    assert stage.get("account").text.count("could not be asked") == 4
    assert stage.given_s == [6.0, 2.0] * 2


def test_an_account_that_was_not_asked_is_asked_the_next_time(stage: PageStage) -> None:
    stage.note()
    look, place, clock = stage.accounts.look, open_place(str(stage.ledger)), stage.clock

    assert look("yard", place, until_s=clock.monotonic()).troubles[0].startswith("not asked")
    assert look("yard", place, until_s=clock.monotonic() + 5.0).statistics == stage.statistics


def test_the_call_for_the_statistics_costs_nothing_and_is_given_up_in_time() -> None:
    with running_sandbox(quota=100) as sandbox:
        assert ask_statistics(ClientSettings(token=TOKEN, base_url=sandbox.url)).remaining == 100
        assert sandbox.books()["posts"] == 0
        gone = sandbox.url
    with pytest.raises(OCRError, match=r"No connection|did not answer") as told:
        ask_statistics(ClientSettings(token=TOKEN, base_url=gone))
    assert TOKEN not in str(told.value)


def test_a_hold_is_shown_and_lifted_by_who_may_edit_a_dag_and_that_is_written_down(stage: PageStage) -> None:
    stage.note()
    file = hold(stage)

    page = stage.get("account", edits="nightly").text
    assert "The account is held" in page
    answer = stage.post("account/lift", form_of(page), edits="nightly")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{AIRFLOW}/platerec-ocr/account")
    assert file.posted().lifted
    assert "The account is held" not in stage.get("account").text
    ((event, dag_id, text),) = stage.notes
    assert (event, dag_id) == ("platerec_ocr.lift_hold", "nightly")
    assert account_id(stage.connections["yard"]) in text


@pytest.mark.parametrize(
    ("user", "edits", "change", "status"),
    [
        (None, "nightly", {}, 401),
        ("ann", "", {}, 403),
        ("ann", "other", {}, 403),
        ("bob", "nightly", {}, 403),
        ("ann", "nightly", {"form_token": ""}, 403),
        ("ann", "nightly", {"form_token": "0" * 64}, 403),
        ("ann", "nightly", {"form_token": "\u00e4"}, 403),
        ("ann", "nightly", {"dataset": "/nowhere"}, 404),
        ("ann", "nightly", {"dataset": ""}, 422),
    ],
)
def test_a_hold_stays_where_the_form_or_the_user_is_not_right(
    stage: PageStage, user: str | None, edits: str, change: dict[str, str], status: int
) -> None:
    stage.note()
    file = hold(stage)
    form = form_of(stage.get("account", edits="nightly").text) | change

    answer = stage.post("account/lift", {name: value for name, value in form.items() if value}, user, edits=edits)

    assert answer.status_code == status
    assert not file.posted().lifted
    assert stage.notes == []


def test_a_form_is_good_until_the_end_of_the_next_day(stage: PageStage) -> None:
    stage.note()
    hold(stage, 3_000.0)
    form = form_of(stage.get("account", edits="*").text)
    clock = stage.clock
    assert isinstance(clock, FakeClock)

    clock.pause(86_400.0)
    assert stage.post("account/lift", form).status_code == 303
    clock.pause(86_400.0)
    assert stage.post("account/lift", form).status_code == 403


def progress(stage: PageStage, **more: Any) -> ShardProgress:
    at = stage.clock.now().isoformat()
    facts: dict[str, Any] = {
        "run": "nightly__1",
        "shard": 0,
        "shards": 2,
        "dag_id": "nightly",
        "run_id": "scheduled__1",
    }
    facts |= {"total": 100, "done": 25, "images_per_s": 2.5, "rate_per_s": 8.0, "rate_given": True, "in_flight": 17}
    facts |= {"refused": {"OCRRateLimited": 3}, "eta_s": 30.0, "started_at": at, "at": at, "from_ledger": 4}
    return ShardProgress(**(facts | more))


def running(stage: PageStage, uri: str, *shards: ShardProgress) -> str:
    (stage.root / "reads_workspace").mkdir()
    for shard in shards:
        LiveFolder(open_place(f"{uri}_workspace")).write(shard)
    return str(stage.get("running").text)


def test_a_shard_that_is_read_says_how_far_it_is(stage: PageStage) -> None:
    uri = stage.note()

    page = running(stage, uri, progress(stage), progress(stage, shard=1, done=100, ended=True, in_flight=0, eta_s=None))

    for said in ("125", "of 200 images in 2 of 2 shards", "25 / 100", "8.00/s given", "3 OCRRateLimited", "17", "30 s"):
        assert said in page
    assert 'id="now" data-renew="5"' in page
    assert page.count('<span class="tag good">read</span>') == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"at": "2020-01-01T00:00:00Z"}, "Nothing runs"),
        ({"dag_id": "theirs"}, "Nothing runs"),
        ({"error": f"OCRDrained: {HOSTILE}", "ended": True}, "stopped</span>"),
        ({"rate_per_s": 0.0}, "none just now"),
        ({"run_id": HOSTILE}, "&lt;script&gt;"),
        ({"done": 100, "ended": True, "shards": 1}, "waits for the export"),
        ({"total": 0, "done": 0}, "0 / 0"),
        ({"try_number": 3}, "try 3"),
    ],
)
def test_what_a_shard_says_is_shown_as_it_is(stage: PageStage, more: dict[str, Any], said: str) -> None:
    uri = stage.note()

    page = running(stage, uri, progress(stage, **more))

    assert said in page
    assert "<script>alert" not in page


def test_a_shard_that_says_nothing_for_a_minute_is_silent(stage: PageStage) -> None:
    uri = stage.note()
    at = (stage.clock.now() - timedelta(seconds=90)).isoformat()

    assert '<span class="tag warn">silent</span>' in running(stage, uri, progress(stage, at=at))


def test_a_workspace_with_rubbish_in_it_is_no_error(stage: PageStage) -> None:
    uri = stage.note()
    page = running(stage, uri, progress(stage))
    folder = stage.root / "reads_workspace" / "_running"
    for name, text in {"x.00000.json": "{", "y.00001.json": "[]", "z.00002.json": '{"run": 7}', "a.txt": "?"}.items():
        (folder / name).write_text(text)
    (folder / "b.00003.json").write_text(json.dumps(asdict(progress(stage)) | {"shard": "x"}))
    clock = stage.clock
    assert isinstance(clock, FakeClock)
    clock.pause(3.0)

    assert "25 / 100" in page
    assert stage.get("running").status_code == 200


def test_of_several_datasets_one_can_be_chosen(stage: PageStage) -> None:
    first, second = stage.note("a-reads"), stage.note("b-reads")

    page = stage.get(f"problems?dataset={second}").text

    assert f'<option value="{second}" selected>' in page
    assert f'<option value="{first}">' in page
