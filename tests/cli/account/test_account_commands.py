"""``quota``, ``plan``, ``runs``, ``report``, ``holds``: what they say to people and to programs, and exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.cli.command import main
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.allowance import open_book
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.reservations import account_id
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from support.airflow_home import connection_env
from support.reading import images
from support.sandbox import running_sandbox
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.sandbox import Sandbox

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """The API behind the connection ``yard``, which has a price, and a ledger of this test's own."""
    with running_sandbox(quota=1000, used=240) as running:
        extra = {"price_per_1000_calls": "12.40", "currency": "EUR"}
        monkeypatch.setenv(*connection_env(running.url, running.token, conn_id="yard", **extra))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def files_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def ledger_with_a_run(tmp_path: Path) -> None:
    """Make a ledger in which a run holds 60 calls of the account."""
    hook, clock = PlateRecOCRHook("yard"), SystemClock()
    ledger = Ledger.open(local_place(tmp_path / "ledger"), lease_s=60, clock=clock, owner=Owner(), spill=tmp_path / "s")
    book = open_book(ledger.store, account_id(hook.settings()), hook.statistics(), clock)
    book.reserve(Owner("nightly", "r1", "ocr.plan"), hook.statistics(), lambda _: 60)


def test_quota_tells_what_is_left_and_what_runs_hold(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    ledger_with_a_run(tmp_path)

    code, said, _ = run("quota", "--conn-id", "yard", "--reserve", "200")

    assert code == 0
    for line in (
        "240 of 1,000 calls",
        "760 calls",
        "60 calls, by 1 run",
        "500 calls for a new run",
        "2.98 EUR",
        "9.42 EUR",
    ):
        assert line in said
    assert "nightly" in said
    code, said, _ = run("quota", "--conn-id", "yard", "--reserve", "200", "-o", "json")
    told = json.loads(said)
    assert {key: told[key] for key in ("calls", "total_calls", "left", "reserve", "held", "free")} == {
        "calls": 240,
        "total_calls": 1000,
        "left": 760,
        "reserve": 200,
        "held": 60,
        "free": 500,
    }
    assert told["money"] == {"used": "2.98", "left": "9.42", "currency": "EUR"}
    assert [(each["run_id"], each["calls"]) for each in told["runs"]] == [("r1", 60)]
    assert sandbox.token not in said


def test_quota_fails_with_3_where_nothing_is_free(run: Run, sandbox: Sandbox) -> None:
    assert run("quota", "--conn-id", "yard", "--reserve", "760")[0] == 3
    assert sandbox.books()["billed"] == 0


@pytest.mark.usefixtures("sandbox")
def test_quota_refuses_a_ledger_that_is_not_there(run: Run, tmp_path: Path) -> None:
    code, said, warned = run("quota", "--conn-id", "yard", "--ledger", str(tmp_path / "nowhere"))

    assert (code, said) == (1, "")
    assert f"There is no folder {tmp_path}/nowhere. Check --ledger." in warned


def test_a_connection_that_is_not_there_is_told_with_how_to_make_it(run: Run, tmp_path: Path) -> None:
    code, said, warned = run("quota", "--conn-id", "nowhere", "--ledger", str(tmp_path))

    assert (code, said) == (1, "")
    assert "airflow connections add nowhere --conn-type platerec_ocr" in warned


def test_a_bad_token_is_told_and_not_shown(run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*connection_env(sandbox.url, "wrong-token-123456", conn_id="yard"))

    code, said, warned = run("quota", "--conn-id", "yard")

    assert code == 1
    assert "401" in warned
    assert "wrong-token-123456" not in said + warned


def test_plan_tells_what_a_run_would_cost_and_writes_nothing(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    images(tmp_path, 5)
    before = files_below(tmp_path)
    words = ("plan", str(tmp_path / "photos"), "--dataset", str(tmp_path / "reads"), "--conn-id", "yard")

    code, said, _ = run(*words)

    assert code == 0
    assert "5 images to read" in said
    assert "Plan only: nothing is written or read" in said
    told = json.loads(run(*words, "--daily-limit", "3", "--output", "json")[1])
    assert (told["rows"], told["to_pay"], told["left_over"]) == (5, 3, 2)
    assert told["dataset"] == str(tmp_path / "reads")
    assert any("daily_limit 3," in line for line in told["summary"])
    assert files_below(tmp_path) == before
    assert sandbox.books()["billed"] == 0


def test_plan_fails_with_3_where_the_run_would(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("image\n")
    words = ("plan", str(tmp_path / "list.csv"), "--dataset", str(tmp_path / "reads"), "--conn-id", "yard")

    assert run(*words)[0] == 0
    code, said, _ = run(*words, "--on-empty", "fail")
    assert code == 3
    assert "would fail" in said
    assert sandbox.books()["billed"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("/nowhere/list.csv", "--dataset", "/srv/reads"), "/nowhere/list.csv"),
        (("", "--dataset", "/srv/reads"), "empty"),
        (("/srv/list.csv", "--dataset", "/srv/reads", "--reserve", "many"), "reserve must be a whole number"),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_a_plan_that_cannot_be_made_fails_with_1_and_says_why(run: Run, words: tuple[str, ...], says: str) -> None:
    code, _, warned = run("plan", *words, "--conn-id", "yard")

    assert code == 1
    assert says in warned


def report(run_id: str, at: str, **fields: Any) -> dict[str, Any]:
    return {
        "dag_id": "nightly",
        "run_id": run_id,
        "date": at[:10],
        "written_at": at,
        "whole": True,
        "plan": {"planned": 500},
        "result": {
            "planned": 500,
            "reads": 499,
            "calls_billed": 499,
            "dead_letters": {"image_missing": 1},
            "in_doubt": 0,
            "carried_over": 2,
        },
        "summary": [
            f"499 reads of {run_id} are in the table.",
            "1 dead letter: image_missing.",
            "499 calls were billed.",
        ],
        **fields,
    }


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The reports of three runs of ``reads``, and files that are none."""
    folder = tmp_path / "reads_reports"
    folder.mkdir()
    price = {"per_1000_calls": "12.40", "currency": "EUR"}
    for number, found in enumerate(
        [
            report("r2", "2026-03-02T04:00:00Z", price=price),
            report("r1", "2026-03-01T04:00:00Z"),
            report("r3", "2026-03-03T04:00:00Z", whole=False),
        ]
    ):
        (folder / f"nightly-{number}.json").write_text(json.dumps(found))
    (folder / "half.json").write_text("{")
    (folder / "other.json").write_text("{}")
    return folder


def test_runs_lists_the_last_ones_newest_first(run: Run, reports: Path, tmp_path: Path) -> None:
    code, said, _ = run("runs", str(tmp_path / "reads"), "--last", "2")

    head, *lines = said.splitlines()
    assert code == 3  # the newest is not whole
    assert " ".join(head.split()) == (
        "RUN DATE PLANNED READS CALLS FROM LEDGER IN DOUBT DEAD LETTERS CARRIED OVER WHOLE COST"
    )
    assert [line.split()[0] for line in lines] == ["r3", "r2"]
    assert lines[1].split()[1:] == ["2026-03-02", "500", "499", "499", "-", "0", "1", "2", "yes", "6.19", "EUR"]
    told = json.loads(run("runs", str(tmp_path / "reads"), "-o", "json")[1])
    assert [each["run_id"] for each in told["runs"]] == ["r3", "r2", "r1"]
    assert told["runs"][2]["dead_letters"] == 1
    assert told["runs"][0]["report"] == str(reports / "nightly-2.json")


def test_a_report_is_told_in_its_sentences_or_whole(run: Run, reports: Path, tmp_path: Path) -> None:
    dataset = ("--dataset", str(tmp_path / "reads"))

    assert "499 reads of r2 are in the table." in run("report", "r2", *dataset)[1]
    assert run("report", *dataset)[0] == 3
    assert run("report", str(reports / "nightly-1.html"))[1] == run("report", "nightly-1.html", *dataset)[1]
    assert "499 reads of r1 are in the table." in run("report", "nightly-1", "--reports", str(reports))[1]
    code, said, _ = run("report", str(reports / "nightly-0.json"), "-o", "json")
    assert code == 0
    assert json.loads(said) == json.loads((reports / "nightly-0.json").read_text())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("runs", "/nowhere/reads"), "no report of a run in /nowhere/reads_reports"),
        (("runs", ""), "empty"),
        (("report", "r9", "--dataset", "READS"), "no report of a run 'r9'. The newest: r3, r2, r1"),
        (("report", "r9"), "Say of which dataset"),
        (("report", "/nowhere/r9.json"), "There is no report at /nowhere/r9.json"),
        (("report", "/nowhere/r9.html"), "no report at /nowhere/r9.json, which belongs to the page /nowhere/r9.html"),
        (("holds", "--ledger", "/nowhere"), "There is no ledger"),
        (("holds", "--ledger", ""), "--ledger is empty"),
    ],
)
@pytest.mark.usefixtures("reports")
def test_what_is_not_there_fails_with_1_and_says_so(
    run: Run, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    code, said, warned = run(*(str(tmp_path / "reads") if word == "READS" else word for word in words))

    assert (code, said) == (1, "")
    assert says in warned


def test_holds_needs_to_know_its_ledger(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW__PLATEREC_OCR__LEDGER", raising=False)

    assert run("holds")[0] == 1


SHOWN = Path(__file__).parents[1] / "shown"
"""What each command says, as the reference quotes it."""


def in_a_yard(said: str, tmp_path: Path, sandbox: Sandbox) -> str:
    """Return what was said as somebody with folders in /srv would see it, on a certain day."""
    said = said.replace(str(tmp_path), "/srv").replace(sandbox.url, "https://api.platerecognizer.com")
    said = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-03-01T22:00:00Z", said)
    said = re.sub(r"At [\d,.]+ calls a day.*", "At 16 calls a day, as in this period so far, …", said)
    return re.sub(r"id [0-9a-f]{12}", "id 5f1d0c3e9a27", said)


@pytest.mark.usefixtures("reports")
def test_the_reference_quotes_what_the_commands_say(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    ledger_with_a_run(tmp_path)
    images(tmp_path, 5)
    reads = str(tmp_path / "reads")
    words = {
        "quota": ("--conn-id", "yard", "--reserve", "200"),
        "plan": (str(tmp_path / "photos"), "--dataset", reads, "--conn-id", "yard", "--reserve", "200"),
        "runs": (reads,),
        "report": ("r2", "--dataset", reads),
        "holds": (),
    }

    for name, options in words.items():
        said = f"$ airflow platerec-ocr {' '.join((name, *options))}\n{run(name, *options)[1]}"
        assert in_a_yard(said, tmp_path, sandbox) == (SHOWN / f"{name}.txt").read_text(), name
