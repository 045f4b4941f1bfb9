"""A new or another ledger beside a dataset that has reads: nothing is sent until a person says that it is meant."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCROtherLedger
from support.batch_stage import BatchRun, BatchStage, connected
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sandbox import Sandbox

IMAGES = 3


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        yield running


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> BatchStage:
    """A dataset that was read with the ledger in ``ledger``; its images have new names since, so all is planned."""
    stage = connected(monkeypatch, tmp_path, sandbox, IMAGES)
    assert stage.run("night-1").counts["calls_billed"] == IMAGES
    for image in stage.images.iterdir():
        image.rename(image.with_stem(f"moved-{image.stem}"))
    return stage


def use(monkeypatch: pytest.MonkeyPatch, ledger: Path) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(ledger))


def id_of(ledger: Path) -> str:
    return str(json.loads((ledger / "ledger-identity" / "identity.json").read_text())["id"])


def billed(sandbox: Sandbox) -> int:
    return int(sandbox.books()["billed"])


def test_a_mistyped_or_unmounted_place_stops_the_plan_and_is_not_created(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path / "nomount" / "ledger")

    with pytest.raises(OCROtherLedger) as caught:
        stage.run("night-2")

    said = str(caught.value)
    assert f"The ledger {tmp_path / 'nomount' / 'ledger'} is new" in said
    assert str(tmp_path / "ledger") in said
    assert id_of(tmp_path / "ledger") in said
    assert f"{IMAGES} answers" in said
    assert "new_ledger=true" in said
    assert not (tmp_path / "nomount").exists()
    assert billed(sandbox) == IMAGES


def test_a_ledger_that_others_filled_stops_the_plan_too(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path / "theirs")
    BatchStage(stage.root / "elsewhere", dag_id="theirs").run("night-1", manifest=str(stage.images))
    before = billed(sandbox)

    with pytest.raises(OCROtherLedger, match="is not the one of") as caught:
        stage.run("night-2")

    assert f"new_ledger={id_of(tmp_path / 'theirs')}" in str(caught.value)
    assert billed(sandbox) == before


@pytest.mark.parametrize("empty", ["false", "", None, False, "0123456789ab"])
def test_only_a_word_or_the_ledgers_own_id_says_that_it_is_meant(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty: Any
) -> None:
    use(monkeypatch, tmp_path / "other")

    with pytest.raises(OCROtherLedger):
        stage.run("night-2", new_ledger=empty)
    with pytest.raises(OCRConfigError, match="new_ledger must be"):
        stage.run("night-2", new_ledger="perhaps")


def test_a_new_ledger_that_is_meant_is_said_once(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path / "other")

    assert stage.run("night-2", new_ledger="true").counts["calls_billed"] == IMAGES
    shutil.rmtree(stage.dataset)
    assert stage.run("night-3").counts["calls_billed"] == 0

    use(monkeypatch, tmp_path / "ledger")
    stage.dataset.mkdir(exist_ok=True)
    with pytest.raises(OCROtherLedger):
        stage.run("night-4")
    stage.run("night-5", new_ledger=id_of(tmp_path / "ledger"))
    assert billed(sandbox) == 2 * IMAGES


def test_plan_only_says_what_would_stop_the_run_and_makes_no_ledger(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, tmp_path / "other")

    run = BatchRun()
    with caplog.at_level(logging.INFO):
        stage.plan(run, "night-2", plan_only=True)

    assert "The run would stop here: The ledger" in caplog.text
    assert "is new: it has no claim" in run.plan["would_stop"]
    assert run.plan["to_pay"] == IMAGES
    assert not (tmp_path / "other").exists()
    assert json.loads((stage.root / "reads_ledger.json").read_text())["ledger"]["id"] == id_of(tmp_path / "ledger")


def test_reads_of_an_older_version_go_on_with_their_ledger(stage: BatchStage, sandbox: Sandbox, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "ledger" / "ledger-identity")
    (stage.root / "reads_ledger.json").unlink()

    run = stage.run("night-2")

    assert run.counts["calls_billed"] == 0
    assert run.report["ledger"]["age"].startswith("older than 20")
    assert id_of(tmp_path / "ledger") == run.report["ledger"]["id"]
    assert billed(sandbox) == IMAGES


def test_reads_of_an_older_version_stop_at_an_empty_ledger(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (stage.root / "reads_ledger.json").unlink()
    use(monkeypatch, tmp_path / "other")
    (tmp_path / "other").mkdir()

    with pytest.raises(OCROtherLedger, match="a ledger that nobody wrote down"):
        stage.run("night-2")

    assert list((tmp_path / "other").iterdir()) == []


def test_a_ledger_whose_claims_are_gone_stops_the_plan(stage: BatchStage, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "ledger" / "vin")

    with pytest.raises(OCROtherLedger, match="has lost its claims"):
        stage.run("night-2")


def test_reads_that_were_never_published_count_as_reads(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage = connected(monkeypatch, tmp_path, sandbox, IMAGES)
    run = BatchRun()
    stage.plan(run, "night-1")
    stage.read(run, "night-1")
    use(monkeypatch, tmp_path / "other")

    with pytest.raises(OCROtherLedger):
        stage.run("night-2")


def test_a_read_task_with_another_ledger_than_its_plan_sends_nothing(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = BatchRun()
    stage.plan(run, "night-2")
    use(monkeypatch, tmp_path / "default-of-this-machine")

    stage.read(run, "night-2")

    (error,) = run.reads
    assert isinstance(error, OCROtherLedger)
    assert id_of(tmp_path / "ledger") in str(error)
    assert not (tmp_path / "default-of-this-machine").exists()
    assert billed(sandbox) == IMAGES


def test_plan_read_and_export_name_the_ledger_once_each(
    stage: BatchStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[str]:
        said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Ledger: ")]
        caplog.clear()
        return said

    run = BatchRun()
    with caplog.at_level(logging.INFO):
        stage.plan(run, "night-2")
        planned = lines()
        stage.read(run, "night-2")
        read = lines()
        stage.export(run, "night-2")
        exported = lines()

    for said in (planned, read, exported):
        (line,) = said
        assert str(tmp_path / "ledger") in line
        assert f"id {id_of(tmp_path / 'ledger')}" in line
        assert f"{IMAGES} answers" in line
        assert "made 20" in line
    assert run.report["ledger"]["id"] == id_of(tmp_path / "ledger")
    assert run.report["ledger"]["answers"] == IMAGES


def test_an_export_with_another_ledger_publishes_and_says_so(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = BatchRun()
    stage.plan(run, "night-2")
    stage.read(run, "night-2")
    use(monkeypatch, tmp_path / "other")

    stage.export(run, "night-2")

    assert run.counts["reads"] == IMAGES
    assert "the export has another ledger" in caplog.text
    assert json.loads((stage.root / "reads_ledger.json").read_text())["ledger"]["id"] == id_of(tmp_path / "ledger")


def test_a_ledger_that_was_moved_is_the_same_one(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subprocess.run(["cp", "-a", str(tmp_path / "ledger"), str(tmp_path / "moved")], check=True)  # noqa: S603, S607  # as the page says
    shutil.rmtree(tmp_path / "ledger")
    use(monkeypatch, tmp_path / "moved")

    assert stage.run("night-2").counts["calls_billed"] == 0
    assert billed(sandbox) == IMAGES


def test_a_restored_backup_goes_on_and_says_what_it_may_lack(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subprocess.run(["cp", "-a", str(tmp_path / "ledger"), str(tmp_path / "backup")], check=True)  # noqa: S603, S607  # as the page says
    more = stage.images / "more.jpg"
    more.write_bytes(next(iter(stage.images.iterdir())).read_bytes() + b"\0")
    assert stage.run("night-2").counts["calls_billed"] == 1
    shutil.rmtree(tmp_path / "ledger")
    (tmp_path / "backup").rename(tmp_path / "ledger")

    assert stage.run("night-3").counts["planned"] == 0

    assert f"The ledger has {IMAGES} answers, and had {IMAGES + 1} answers" in caplog.text
    assert billed(sandbox) == IMAGES + 1


def test_two_ledgers_that_were_merged_answer_for_both(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path / "theirs")
    other = BatchStage.over(tmp_path / "second-yard", images=2, seed=11)
    other.run("night-1")
    before = billed(sandbox)
    for folder in ("vin", "ledger-identity"):
        subprocess.run(["cp", "-an", str(tmp_path / "theirs" / folder), str(tmp_path / "ledger")], check=True)  # noqa: S603, S607  # as the page says
    shutil.rmtree(tmp_path / "theirs")
    use(monkeypatch, tmp_path / "ledger")

    for yard in (stage, other):
        shutil.rmtree(yard.dataset)
        yard.dataset.mkdir()
        run = yard.run("night-2")
        assert (run.error, run.counts["calls_billed"]) == (None, 0)
    assert billed(sandbox) == before == IMAGES + 2
