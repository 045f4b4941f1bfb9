"""Planning: what is new, what fits, and that a run's plan is made once."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow
from airflow_provider_platerec_ocr.dataset.plan.plan import (
    Plan,
    PlanRequest,
    RunRef,
    ShardRef,
    load_bad_rows,
    load_shard,
    make_plan,
)
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.stores import local_place
from support.table_stage import granting, manifest, names, outcome_of, read_vin
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


def test_a_plan_holds_every_image_in_the_order_of_the_manifest(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 24), images_per_shard=6)

    assert plan.shards == tuple(ShardRef(f"shards/0000{i}.jsonl", i, 6) for i in range(4))
    assert names(stage.images(plan)) == [f"{i}.jpg" for i in range(24)]
    assert (plan.rows, plan.planned, plan.to_pay, plan.done, plan.duplicates, plan.bad_rows) == (24, 24, 24, 0, 0, 0)


def test_shards_are_of_nearly_equal_size(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 10), images_per_shard=4)

    assert [shard.images for shard in plan.shards] == [3, 3, 4]
    assert len(stage.images(plan)) == 10


class Waiting(MemoryFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """A store on which no shard is there before another one is on its way, too."""

    together = threading.Barrier(2, timeout=PATIENCE_S)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if "/shards/" in path:
            self.together.wait()
        super().pipe_file(path, value, mode, **kwargs)


def test_shards_are_written_at_the_same_time(tmp_path: Path) -> None:
    workspace = StoragePath(Waiting(), "/waiting/work", "memory")
    request = PlanRequest(
        manifest=manifest(tmp_path / "m.csv", 4),
        opener=local_place,
        dataset=local_place(tmp_path / "reads"),
        dead_letters=local_place(tmp_path / "dead"),
        workspace=workspace,
        run=NEXT,
        default_type="vin",
        images_per_shard=2,
    )

    plan = make_plan(request)

    read = [image for shard in plan.shards for image in load_shard(workspace / shard.path)]
    assert names(read) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_too_many_shards_become_larger_ones(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 100), images_per_shard=2, max_shards=3)

    assert [shard.images for shard in plan.shards] == [33, 33, 34]


def test_a_plan_beyond_the_spool_is_whole(stage: TableStage, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("image\n" + "".join(f"{'x' * 200}{i}.jpg\n" for i in range(30_000)))

    plan = stage.plan(str(path))

    assert sum(1 for _ in stage.images(plan)) == plan.planned == 30_000


def test_duplicates_are_dropped_and_counted(stage: TableStage, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("image,type,camera_id\na.jpg,,first\n./a.jpg,,second\na.jpg,trailer_id,\n")

    plan = stage.plan(str(tmp_path / "m.csv"))

    assert (plan.duplicates, plan.planned) == (1, 2)
    assert [(image.row, image.type, image.camera_id) for image in stage.images(plan)] == [
        (1, "vin", "first"),
        (3, "trailer_id", None),
    ]


def test_what_is_in_the_dataset_is_not_planned_again(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3))
    stage.read(plan)
    stage.publish(plan)

    again = stage.plan(manifest(tmp_path / "m.csv", 5), NEXT)

    assert (again.rows, again.done, again.planned) == (5, 3, 2)
    assert names(stage.images(again, NEXT)) == ["3.jpg", "4.jpg"]


def test_the_same_image_is_new_with_another_version_or_type(stage: TableStage, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("image,image_version\na.jpg,v1\n")
    plan = stage.plan(str(path))
    stage.read(plan)
    stage.publish(plan)
    path.write_text("image,image_version,type\na.jpg,v1,\na.jpg,v2,\na.jpg,,\na.jpg,v1,trailer_id\n")

    again = stage.plan(str(path), NEXT)

    assert again.done == 1
    assert [image.row for image in stage.images(again, NEXT)] == [2, 3, 4]


@pytest.mark.parametrize(("retry_rejected", "planned"), [(False, ["1.jpg"]), (True, ["0.jpg", "1.jpg"])])
def test_only_permanent_dead_letters_stay_away(
    stage: TableStage, tmp_path: Path, planned: list[str], *, retry_rejected: bool
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan, how=lambda image: outcome_of(image, "rejected" if image.row == 1 else "failed"))
    stage.publish(plan)

    again = stage.plan(str(tmp_path / "m.csv"), NEXT, retry_rejected=retry_rejected)

    assert names(stage.images(again, NEXT)) == planned


@pytest.mark.parametrize(
    ("reason", "version", "planned"),
    [("image_truncated", "", 1), ("image_empty", "", 1), ("image_not_an_image", "", 1), ("image_too_large", "", 0),
     ("image_outside_roots", "", 0), ("image_truncated", "v1", 0)],
)  # fmt: skip
def test_what_an_older_version_gave_up_for_good_is_looked_at_again_where_no_version_says_it_is_the_same(
    stage: TableStage, tmp_path: Path, reason: str, version: str, planned: int
) -> None:
    (tmp_path / "m.csv").write_text(f"image,image_version\na.jpg,{version}\n")
    plan = stage.plan(str(tmp_path / "m.csv"))
    stage.read(plan, how=lambda image: outcome_of(image, "rejected", reason=reason))
    (file,) = stage.publish(plan).dead_letter_files
    place = stage.dead_letters / file
    table = pq.read_table(place.path)
    permanent = pa.array([True], pa.bool_())
    pq.write_table(table.set_column(table.schema.names.index("permanent"), "permanent", permanent), place.path)

    assert stage.plan(str(tmp_path / "m.csv"), NEXT).planned == planned


def test_a_corrected_row_is_planned_though_it_was_a_dead_letter(stage: TableStage, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("image,timestamp\na.jpg,2026-03-01T22:00:00\n")
    stage.publish(stage.plan(str(path)))
    path.write_text("image,timestamp\na.jpg,2026-03-01T22:00:00Z\n")

    assert stage.plan(str(path), NEXT).planned == 1


def test_what_does_not_fit_the_allowance_is_left_for_the_next_run(stage: TableStage, tmp_path: Path) -> None:
    path = manifest(tmp_path / "m.csv", 10)

    plan = stage.plan(path, grant=granting(4, "daily_limit 4"))

    assert (plan.planned, plan.to_pay, plan.left_over, plan.limit_reason) == (10, 4, 6, "daily_limit 4")
    stage.read(plan, how=lambda image: outcome_of(image, "read" if image.row <= 4 else "carried_over"))
    stage.publish(plan)
    rest = stage.plan(path, NEXT, grant=granting(100, "quota"))
    assert names(stage.images(rest, NEXT)) == [f"{i}.jpg" for i in range(4, 10)]
    assert rest.limit_reason == ""


def test_images_that_the_ledger_answers_spend_nothing(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 5), grant=granting(1))

    assert names(stage.images(plan)) == [f"{i}.jpg" for i in range(5)]  # only their bytes tell which those are
    assert (plan.planned, plan.to_pay, plan.left_over) == (5, 1, 4)


def test_a_plan_looks_at_so_many_images_beyond_its_calls(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 5), grant=granting(1), looks=2)

    assert names(stage.images(plan)) == ["0.jpg", "1.jpg", "2.jpg"]
    assert (plan.planned, plan.to_pay, plan.left_over) == (3, 1, 4)


def test_an_allowance_of_zero_plans_what_the_ledger_may_answer(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 5), grant=granting(0))

    assert (plan.planned, plan.to_pay, plan.left_over) == (5, 0, 5)


def test_the_budget_is_asked_once(stage: TableStage, tmp_path: Path) -> None:
    asked = []

    def grant(wanted: int) -> tuple[int, str]:
        asked.append(wanted)
        return wanted, ""

    stage.plan(manifest(tmp_path / "m.csv", 3), grant=grant)

    assert asked == [3]


@pytest.mark.parametrize(("granted", "to_pay"), [(-5, 0), (99, 3)])
def test_a_grant_never_pays_for_more_than_is_wanted_or_less_than_nothing(
    stage: TableStage, tmp_path: Path, granted: int, to_pay: int
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3), grant=lambda _: (granted, ""))

    assert (plan.to_pay, plan.left_over) == (to_pay, 3 - to_pay)


def test_bad_rows_are_counted_and_kept_for_the_dead_letters(stage: TableStage, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("image\na.jpg\n,x\nb.jpg\n" + ",x\n" * 60_000)

    plan = stage.plan(str(path))

    assert (plan.rows, plan.bad_rows, plan.planned) == (60_003, 60_001, 2)
    bad = list(load_bad_rows(stage.workspace(), plan))
    assert len(bad) == 60_001
    assert bad[0] == BadRow(2, None, "The row has 2 fields where the header has 1.")


def test_an_empty_manifest_gives_an_empty_plan(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 0))

    assert (plan.rows, plan.planned, plan.shards) == (0, 0, ())
    assert "Nothing to read: no call will be made." in plan.describe()


def test_a_half_written_plan_is_overwritten(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 9), images_per_shard=3)
    stage.read(plan)
    (stage.workspace() / "plan.json").fs.rm_file((stage.workspace() / "plan.json").path)

    again = stage.plan(manifest(tmp_path / "m.csv", 2, start=50), images_per_shard=3)

    assert names(stage.images(again)) == ["50.jpg", "51.jpg"]
    result = stage.publish(again)
    assert (result.missing, result.reads) == (2, 0)  # outcomes of the first plan do not count for other images


def test_a_dry_run_counts_and_writes_nothing(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 24), images_per_shard=6, dry_run=True)

    assert (plan.planned, len(plan.shards)) == (24, 4)
    assert not stage.root.fs.exists(stage.root.path)


def test_images_that_this_very_run_has_published_count_as_done_and_its_files_stay(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3))
    stage.read(plan)
    first = stage.publish(plan)
    stage.root.fs.rm(stage.workspace().path, recursive=True)

    again = stage.plan(manifest(tmp_path / "m.csv", 5))

    assert (again.done, again.planned, again.kept) == (3, 2, first.files)
    stage.read(again)
    result = stage.publish(again)
    assert result.removed == ()
    rows = pq.read_table(stage.dataset.path)
    assert rows.num_rows == 5


def test_a_plan_survives_its_json(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 5), images_per_shard=2)

    assert Plan.from_json(json.loads(json.dumps({**plan.to_json(), "later": 1}))) == plan


def test_a_plan_says_when_it_was_made(stage: TableStage, tmp_path: Path) -> None:
    plan = make_plan(stage.request(manifest(tmp_path / "m.csv", 1)), clock=FakeClock())

    assert plan.created_at == "2026-03-01T22:00:00Z"


def test_what_is_done_under_the_name_of_an_older_version_is_done(stage: TableStage, tmp_path: Path) -> None:
    """Up to version 0.1 a parameter beside a signature was part of the name."""
    path = tmp_path / "urls.txt"
    path.write_text("https://x.example/a.jpg?w=8&X-Amz-Signature=t\nhttps://x.example:443/b.jpg\n")
    plan = stage.plan(str(path))
    formerly = ["", "https://x.example/a.jpg?w=8", "https://x.example:443/b.jpg"]
    stage.read(plan, how=lambda image: read_vin(replace(image, image=formerly[image.row])))
    stage.publish(plan)

    again = stage.plan(str(path), NEXT)

    assert (again.done, again.planned) == (2, 0)


def test_signed_urls_that_are_one_once_they_are_cut_are_said_to_be(
    stage: TableStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("".join(f"https://x.example/get?jwt=eyJhbGciOiJ9.e{n}.s\n" for n in range(3)))

    plan = stage.plan(str(path))

    assert (plan.planned, plan.duplicates) == (1, 2)
    assert "2 signed URLs known under one name" in caplog.text
