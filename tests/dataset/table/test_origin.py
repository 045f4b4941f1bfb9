"""Where a row comes from and since when it is there: manifest, row, own columns, and the time of publication."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef, load_shard
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.dataset.table.received import publish_outcomes
from airflow_provider_platerec_ocr.dataset.table.times import Publications
from support.clock import FakeClock
from support.older_tables import files_of
from support.table_stage import READ_AT, RUN, VIN, manifest, outcome_of, read_outcome, read_vin

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan
    from support.table_stage import TableStage

DAY = datetime(2026, 3, 2, tzinfo=UTC)
OWN = {"unit": "0071", "gate": 7, "driver": 'Zoë "Z" Müller'}


def publish_at(stage: TableStage, plan: Plan, moment: datetime, run: RunRef = RUN) -> None:
    clock = FakeClock()
    clock.pause((moment - clock.now()).total_seconds())
    publish(
        plan,
        workspace=stage.workspace(run),
        dataset=stage.dataset,
        dead_letters=stage.dead_letters,
        run=run,
        clock=clock,
    )


def with_own_columns(stage: TableStage, plan: Plan) -> None:
    """Give the shards' images what a manifest may say, each second one a name of its own."""
    for shard in plan.shards:
        place = stage.workspace() / shard.path
        lines = []
        for image in load_shard(place):
            name = f"img/{image.row}.jpg" if image.row % 2 else None
            own = json.dumps({**OWN, "row": image.row}, ensure_ascii=False)
            lines.append(to_line(replace(image, image_name=name, manifest_columns=own)))
        place.fs.pipe_file(place.path, "".join(lines).encode())


def test_a_row_says_which_row_of_which_manifest_it_comes_from(stage: TableStage, tmp_path: Path) -> None:
    path = manifest(tmp_path / "m.csv", 3)
    plan = stage.plan(path, images_per_shard=2)
    with_own_columns(stage, plan)
    stage.read(plan, how=lambda image: read_outcome(image, VIN, "ABC 123"))
    stage.publish(plan)

    rows = read_dataset(stage.dataset.uri).to_dict("records")

    assert {row["manifest"] for row in rows} == {path}
    assert [row["manifest_row"] for row in rows] == [1, 1, 2, 2, 3, 3]
    assert [row["image_name"] for row in rows[::2]] == ["img/1.jpg", f"{tmp_path}/1.jpg", "img/3.jpg"]
    assert [json.loads(row["manifest_columns"]) for row in rows[::2]] == [{**OWN, "row": n} for n in (1, 2, 3)]


def test_a_join_with_the_manifest_is_one_line_in_duckdb_and_pandas(stage: TableStage, tmp_path: Path) -> None:
    path = manifest(tmp_path / "m.csv", 4)
    plan = stage.plan(path)
    with_own_columns(stage, plan)
    stage.read(plan)
    stage.publish(plan)
    files = f"'{stage.dataset.path}/**/*.parquet'"

    with duckdb.connect() as connection:
        units = connection.execute(f"select distinct manifest_columns->>'unit' from {files}").fetchall()  # noqa: S608
        joined = connection.execute(
            f"select count(*) from {files} r join (select row_number() over () as n from '{path}') m "  # noqa: S608
            "on r.manifest_row = m.n"
        ).fetchall()
    frame = pd.read_parquet(stage.dataset.path)

    assert units == [("0071",)]
    assert joined == [(4,)]
    assert frame["manifest_columns"].map(json.loads).map(lambda own: own["driver"]).unique().tolist() == [OWN["driver"]]


def test_read_dataset_unfolds_the_manifests_columns(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    with_own_columns(stage, plan)
    stage.read(plan)
    stage.publish(plan)

    frame = read_dataset(stage.dataset.uri, columns=["code"], manifest_columns=True)

    assert list(frame.columns) == ["code", "m_unit", "m_gate", "m_driver", "m_row"]
    assert list(frame["m_unit"]) == ["0071", "0071"]
    assert frame["m_gate"].dtype == pd.ArrowDtype(pa.int64())


@pytest.mark.parametrize(
    ("texts", "column"),
    [
        (['{"a": 1}', '{"a": "x"}'], ["1", "x"]),
        (['{"a": 1}', None, '{"a": 2.5}'], [1.0, None, 2.5]),
        (['{"a": true}', '{"b": 1}', "no json", "[1]"], [True, None, None, None]),
        (['{"a": 123456789012345678901234567890}', '{"a": {"b": 1}}'], ["123456789012345678901234567890", '{"b": 1}']),
    ],
)
def test_an_unfolded_column_has_the_type_that_its_values_share(
    stage: TableStage, texts: list[str | None], column: list[Any]
) -> None:
    place = Path(stage.dataset.path) / "type=vin" / "date=2026-03-01" / "reads-x-00000.parquet"
    place.parent.mkdir(parents=True)

    pq.write_table(pa.Table.from_pylist([{"manifest_columns": text} for text in texts], reads_schema()), place)

    found = read_dataset(stage.dataset.uri, manifest_columns=True)["m_a"]

    assert [None if pd.isna(value) else value for value in found] == column


def test_a_shard_that_is_damaged_costs_names_and_no_rows(
    stage: TableStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan)
    place = stage.workspace() / plan.shards[0].path
    place.fs.pipe_file(place.path, b'{"row": 1, "image_name": "a"}\n{"row": ')

    assert stage.publish(plan).rows == 2
    assert "its rows go without the manifest's names" in caplog.text


def test_rows_say_when_they_were_published_and_a_later_export_does_not_change_it(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3))
    stage.read(plan)
    publish_at(stage, plan, DAY)
    first = [file.read_bytes() for file in files_of(stage.dataset)]

    publish_at(stage, plan, DAY + timedelta(days=3))

    assert [file.read_bytes() for file in files_of(stage.dataset)] == first
    assert set(read_dataset(stage.dataset.uri)["published_at"]) == {DAY}


def test_what_a_later_try_fills_in_is_not_dated_back(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan, how=lambda image: read_vin(image) if image.row == 1 else None)
    publish_at(stage, plan, DAY)
    later = "2026-03-03T07:00:00Z"
    stage.read(plan, how=lambda image: None if image.row == 1 else read_outcome(image, VIN, at=later), try_number=2)
    publish_at(stage, plan, DAY + timedelta(days=2))
    second = [file.read_bytes() for file in files_of(stage.dataset)]
    publish_at(stage, plan, DAY + timedelta(days=9))

    assert list(read_dataset(stage.dataset.uri)["published_at"]) == [DAY, DAY + timedelta(days=2)]
    assert [file.read_bytes() for file in files_of(stage.dataset)] == second


def test_a_worker_whose_clock_is_ahead_does_not_make_exports_differ(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan, how=lambda image: read_outcome(image, VIN, at=f"2026-03-02T00:0{image.row}:30Z"))
    publish_at(stage, plan, DAY)
    first = [file.read_bytes() for file in files_of(stage.dataset)]
    publish_at(stage, plan, DAY + timedelta(days=1))

    assert [file.read_bytes() for file in files_of(stage.dataset)] == first
    found = list(read_dataset(stage.dataset.uri)["published_at"])
    assert found == [DAY + timedelta(minutes=2), DAY + timedelta(minutes=3)]


def test_times_of_publication_are_those_of_the_first_one_that_had_the_row() -> None:
    kind = pa.timestamp("us", tz="UTC")
    ended = pa.array([DAY - timedelta(1), DAY, DAY + timedelta(1), DAY + timedelta(5), None], kind)

    found = Publications({DAY, DAY + timedelta(2)}, DAY + timedelta(6)).moments(ended).to_pylist()

    assert found == [DAY, DAY, DAY + timedelta(2), DAY + timedelta(6), DAY]


def test_the_last_row_of_an_image_is_the_one_that_was_published_last(stage: TableStage, tmp_path: Path) -> None:
    """A photograph under one name shows A, then B, then A again, whose answer was paid for on the first night."""
    codes = {"1": "1M8GDM9AXKP042788", "2": "1HGBH41JXMN109186", "3": "1M8GDM9AXKP042788"}
    for night, version in enumerate(codes):
        run = RunRef("nightly", f"night-{version}", f"2026-03-0{version}")
        (tmp_path / "m.csv").write_text(f"image,image_version\ngate.jpg,{version}\n")
        plan = stage.plan(str(tmp_path / "m.csv"), run)
        first_read = READ_AT if version != "2" else "2026-03-02T23:15:00Z"

        def read(image: PlannedImage, at: str = first_read, code: str = codes[version]) -> Outcome:
            mark = "a" * 64 if code.startswith("1M8") else "b" * 64
            return read_outcome(image, code, read_at=at, fingerprint=mark)

        stage.read(plan, run, read)
        publish_at(stage, plan, DAY + timedelta(days=night), run)

    latest = read_dataset(stage.dataset.uri, latest_only=True)

    assert latest[["code", "run_id"]].to_dict("records") == [{"code": codes["3"], "run_id": "night-3"}]


def test_a_read_that_no_manifest_names_has_none(stage: TableStage) -> None:
    image = PlannedImage(1, "https://api/1.jpg", "vin", image_version="7")
    publish_outcomes(
        [read_outcome(image, VIN), outcome_of(replace(image, row=2), "rejected")],
        dataset=stage.dataset,
        dead_letters=stage.dead_letters,
        run=RUN,
        at=READ_AT,
    )

    (row,) = read_dataset(stage.dataset.uri).to_dict("records")
    assert pd.isna(row["manifest"])
    assert pd.isna(row["manifest_row"])
    assert row["image_name"] == "https://api/1.jpg"
