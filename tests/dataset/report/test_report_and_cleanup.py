"""The report of a run, and taking old workspaces away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.report.report import describe, write_report
from airflow_provider_platerec_ocr.dataset.table.cleanup import remove_old_workspaces
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.stores import local_place
from support.table_stage import RUN

if TYPE_CHECKING:
    from support.stores import S3Stand
    from support.table_stage import TableStage

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_a_report_holds_the_run_in_numbers_and_in_words(stage: TableStage, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("image\na.jpg\nb.jpg\n")
    plan = stage.plan(str(tmp_path / "m.csv"))
    stage.read(plan)
    result = stage.publish(plan)

    place = write_report(
        stage.root / "reports", RUN, plan, result, extra={"statistics": {"calls": 7}}, clock=FakeClock()
    )

    assert place.path == f"{stage.root.path}/reports/{RUN.slug}.json"
    report = json.loads(Path(place.path).read_text())
    assert report["dag_id"] == "nightly"
    assert report["written_at"] == "2026-03-01T22:00:00Z"
    assert report["whole"] is True
    assert report["plan"]["planned"] == 2
    assert report["plan"]["shards"] == 1
    assert report["result"]["calls_billed"] == 2
    assert report["statistics"] == {"calls": 7}
    assert report["summary"] == describe(plan, result)
    assert "2 images of 2 read, 2 rows." in report["summary"]


def test_a_report_replaces_the_one_of_the_same_run(stage: TableStage, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("image\na.jpg\n")
    plan = stage.plan(str(tmp_path / "m.csv"))
    folder = stage.root / "reports"
    write_report(folder, RUN, plan, stage.publish(plan))
    stage.read(plan)

    place = write_report(folder, RUN, plan, stage.publish(plan))

    assert [path.name for path in Path(folder.path).iterdir()] == [f"{RUN.slug}.json"]
    assert json.loads(Path(place.path).read_text())["result"]["reads"] == 1


def workspace(root: Path, name: str, mark: str | None) -> Path:
    folder = root / name
    (folder / "outcomes").mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    if mark is not None:
        (folder / "finished.json").write_text(mark)
    return folder


def finished(days_ago: float) -> str:
    return json.dumps({"finished_at": (NOW - timedelta(days=days_ago)).isoformat()})


def test_only_old_workspaces_of_finished_runs_go(tmp_path: Path) -> None:
    old = workspace(tmp_path, "old", finished(8))
    kept = [
        workspace(tmp_path, "young", finished(6)),
        workspace(tmp_path, "not whole", None),
        workspace(tmp_path, "odd", "no json"),
        workspace(tmp_path, "list", "[]"),
        workspace(tmp_path, "naive", '{"finished_at": "2020-01-01T00:00:00"}'),
        workspace(tmp_path, "number", '{"finished_at": 7}'),
        workspace(tmp_path, "empty", "{}"),
    ]
    (tmp_path / "finished.json").write_text(finished(100))

    gone = remove_old_workspaces(local_place(tmp_path), 7, NOW)

    assert [place.path for place in gone] == [str(old)]
    assert not old.exists()
    assert all((folder / "plan.json").exists() for folder in kept)
    assert (tmp_path / "finished.json").exists()


def test_no_workspaces_at_all_is_fine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    assert remove_old_workspaces(local_place(tmp_path / "none"), 7, NOW) == []
    assert remove_old_workspaces(local_place(tmp_path), 7, NOW) == []


def test_a_naive_present_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OCRConfigError, match="now 2026-03-31T12:00:00 has no time zone"):
        remove_old_workspaces(local_place(tmp_path), 7, NOW.replace(tzinfo=None))


def test_a_workspace_that_cannot_be_removed_is_named_and_the_others_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        """A disk that keeps one folder."""

        def rm(self, path: str, *args: object, **kwargs: object) -> None:
            if path.endswith("kept"):
                raise PermissionError(13, "Permission denied", path)
            super().rm(path, *args, **kwargs)

    workspace(tmp_path, "kept", finished(9))
    workspace(tmp_path, "old", finished(9))

    gone = remove_old_workspaces(StoragePath(Refusing(skip_instance_cache=True), str(tmp_path)), 7, NOW)

    assert [place.name for place in gone] == ["old"]
    assert "kept cannot be removed" in caplog.text


def test_workspaces_on_s3_go_as_well(s3: S3Stand) -> None:
    root = s3.place("work")
    for name, mark in (("old", finished(8)), ("young", finished(1))):
        root.fs.pipe_file(f"{root.path}/{name}/finished.json", mark.encode())
        root.fs.pipe_file(f"{root.path}/{name}/shards/00000.jsonl", b"{}")

    gone = remove_old_workspaces(s3.again(root), 7, NOW)

    assert [place.name for place in gone] == ["old"]
    left = s3.again(root)
    assert [path.removeprefix(root.path) for path in left.fs.find(root.path)] == [
        "/young/finished.json",
        "/young/shards/00000.jsonl",
    ]
