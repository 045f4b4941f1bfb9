"""Planning a manifest that is empty, or of which too much is bad; and what a folder had beside its images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.saying.choices import OnEmpty
from airflow_provider_platerec_ocr.dataset.plan.plan import Plan, RunRef, load_plan
from airflow_provider_platerec_ocr.dataset.plan.tolerance import Tolerance
from support.table_stage import manifest

if TYPE_CHECKING:
    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


class Budget:
    """A budget that remembers whether it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, wanted: int) -> tuple[int, str]:
        """Grant all."""
        self.asked.append(wanted)
        return wanted, ""


@pytest.fixture(params=["folder", "csv", "glob"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    (tmp_path / "yard").mkdir()
    (tmp_path / "m.csv").write_text("image\n")
    return {"folder": f"{tmp_path}/yard", "csv": f"{tmp_path}/m.csv", "glob": f"{tmp_path}/yard/*.jpg"}[request.param]


def test_an_empty_manifest_succeeds_and_says_so(stage: TableStage, nothing: str) -> None:
    plan = stage.plan(nothing)

    assert (plan.rows, plan.planned) == (0, 0)
    assert plan.describe()[0] == f"{nothing} is empty: it has no rows."
    assert load_plan(stage.workspace()) == plan


def test_an_empty_manifest_fails_where_the_user_says_so_before_anything_is_reserved(
    stage: TableStage, nothing: str
) -> None:
    budget = Budget()

    with pytest.raises(OCRManifestError, match="is empty: it has no rows, and on_empty says fail"):
        stage.plan(nothing, on_empty=OnEmpty.FAIL, grant=budget)

    assert (load_plan(stage.workspace()), budget.asked) == (None, [])


def test_a_plan_that_is_to_be_skipped_is_not_written_so_that_the_next_try_looks_anew(
    stage: TableStage, nothing: str
) -> None:
    budget = Budget()

    assert stage.plan(nothing, on_empty=OnEmpty.SKIP, grant=budget).rows == 0

    assert (load_plan(stage.workspace()), budget.asked) == (None, [])


def test_a_dry_run_says_what_would_fail(stage: TableStage, nothing: str) -> None:
    plan = stage.plan(nothing, on_empty=OnEmpty.FAIL, dry_run=True)

    assert plan.would_fail.startswith(f"{nothing} is empty")
    assert plan.describe()[-1] == f"Without plan_only this would fail: {plan.would_fail}"


@pytest.mark.parametrize("on_empty", OnEmpty)
def test_a_plan_whose_images_are_all_done_is_not_empty(stage: TableStage, tmp_path: Path, on_empty: OnEmpty) -> None:
    path = manifest(tmp_path / "m.csv", 3)
    plan = stage.plan(path)
    stage.read(plan)
    stage.publish(plan)

    again = stage.plan(path, NEXT, on_empty=on_empty)

    assert (again.rows, again.done, again.planned) == (3, 3, 0)
    assert load_plan(stage.workspace(NEXT)) == again


def half_bad(path: Path) -> str:
    path.write_text("image,type\n" + "".join(f"{i}.jpg,{'' if i % 2 else 'VIN!'}\n" for i in range(20)))
    return str(path)


@pytest.mark.parametrize("most", ["10%", "49%", 9, 0])
def test_too_many_bad_rows_fail_the_plan_before_anything_is_reserved(
    stage: TableStage, tmp_path: Path, most: str | int
) -> None:
    budget = Budget()

    with pytest.raises(OCRManifestError, match=rf"10 of 20 rows .*lets {most} pass.* Row 1 \(0\.jpg\): type 'VIN!'"):
        stage.plan(half_bad(tmp_path / "m.csv"), max_bad_rows=Tolerance.of(most), grant=budget)

    assert (load_plan(stage.workspace()), budget.asked) == (None, [])


@pytest.mark.parametrize("most", ["50%", 10, "100%"])
def test_what_is_let_pass_becomes_dead_letters(stage: TableStage, tmp_path: Path, most: str | int) -> None:
    plan = stage.plan(half_bad(tmp_path / "m.csv"), max_bad_rows=Tolerance.of(most))

    assert (plan.bad_rows, plan.planned) == (10, 10)


def test_a_dry_run_with_too_many_bad_rows_counts_them_all_and_says_what_would_fail(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(half_bad(tmp_path / "m.csv"), max_bad_rows=Tolerance.of("10%"), dry_run=True)

    assert (plan.bad_rows, plan.to_pay) == (10, 10)
    assert plan.would_fail.startswith("10 of 20 rows")


def test_a_plan_says_what_was_left_aside_and_keeps_the_count(stage: TableStage, tmp_path: Path) -> None:
    yard = tmp_path / "yard"
    for name in ("a.jpg", "IMG_1.HEIC", "b.mov", ".c.jpg", "@eaDir/a.jpg", "old/a.jpg", "gate/a.jpg"):
        (yard / name).parent.mkdir(parents=True, exist_ok=True)
        (yard / name).touch()

    plan = stage.plan(str(yard), exclude=("old",), include=("*.jpg", "*.heic"))

    assert (plan.rows, plan.left_aside, plan.endings_left_aside) == (
        3,
        {"hidden": 1, "excluded": 2, "no_image": 1},
        {".mov": 1},
    )
    assert plan.describe()[1] == "Left aside: 1 file is no image: .mov 1; 1 hidden; 2 excluded."
    loaded = load_plan(stage.workspace())
    assert loaded == plan
    assert Plan.from_json({"manifest": "m", "shards": []}).left_aside == {}


@pytest.mark.parametrize("recursive", [True, False])
def test_what_runs_write_into_the_folder_of_the_images_is_no_part_of_it(stage: TableStage, *, recursive: bool) -> None:
    """Photographs that were read are often moved away, and then only what was written for them is there."""
    yard = Path(stage.root.path)
    yard.mkdir(exist_ok=True)
    (yard / "a.jpg").touch()
    plan = stage.plan(str(yard))
    stage.read(plan)
    stage.publish(plan)
    (yard / "table_ledger.json").write_text("{}")
    (yard / "ledger").mkdir()
    (yard / "ledger" / "identity.json").write_text("{}")

    again = stage.plan(str(yard), NEXT, own_places=(stage.root / "ledger",), recursive=recursive)
    (yard / "a.jpg").unlink()
    gone = stage.plan(str(yard), replace(NEXT, run_id="third"), own_places=(stage.root / "ledger",))

    assert (again.rows, again.done) == (1, 1)
    assert (gone.rows, set(gone.left_aside)) == (0, {"ours"})
    assert gone.describe()[0] == f"{yard} is empty: it has no rows."


def test_patterns_for_a_list_are_said_to_mean_nothing(
    stage: TableStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert stage.plan(manifest(tmp_path / "m.csv", 2), exclude=("1.jpg",)).planned == 2
    assert f"include and exclude are for folders and globs: {tmp_path}/m.csv names its images" in caplog.text


def test_links_of_a_folder_may_lead_where_the_images_may_lie(stage: TableStage, tmp_path: Path) -> None:
    for name in ("yard", "nas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").touch()
    (tmp_path / "yard" / "gate1").symlink_to(tmp_path / "nas")
    yard = replace(stage.request(f"{tmp_path}/yard").opener(f"{tmp_path}/yard"))

    plan = stage.plan(f"{tmp_path}/yard", roots=(yard,))

    assert (plan.rows, plan.left_aside) == (1, {"links_outside_roots": 1})
    assert "1 linked folder outside of the allowed roots: gate1" in plan.left_aside_text
    assert stage.plan(f"{tmp_path}/yard", NEXT).rows == 2
