"""Manifests that are many files: folders as Spark, DuckDB and Hive write them, and globs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.manifest.listing import Search
from airflow_provider_platerec_ocr.dataset.manifest.tables import table_kind
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.manifests import own, planned, problems, rows

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand


GATES = pd.DataFrame({"image": ["/a.jpg", "/b.jpg"], "gate": ["east", "west"], "n": [1, 2]})


def spark(folder: Path, parts: list[pa.Table], *, suffix: str = "snappy.parquet") -> None:
    """Write a folder as Spark does: hidden sums beside each part, and a mark at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts):
        name = f"part-{number:05d}-0a1b2c3d-c000.{suffix}"
        pq.write_table(part, folder / name)
        (folder / f".{name}.crc").write_bytes(b"crc\0")
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / "._SUCCESS.crc").write_bytes(b"crc\0")


def images(*names: str) -> pa.Table:
    return pa.table({"image": list(names)})


def names(found: list) -> list[tuple[int, str | None]]:  # type: ignore[type-arg]  # whatever rows there are
    return [(item.row, item.image) for item in found]


@pytest.mark.parametrize("folder", ["m.parquet", "M.PARQUET", "manifest"])
def test_a_folder_that_spark_wrote_is_one_manifest(tmp_path: Path, folder: str) -> None:
    spark(tmp_path / folder, [images("/a.jpg", "/b.jpg"), images(), images("/c.jpg")])

    assert names(planned(tmp_path / folder)) == [(1, "/a.jpg"), (2, "/b.jpg"), (3, "/c.jpg")]
    assert names(planned(f"{tmp_path / folder}/")) == names(planned(tmp_path / folder))


def test_relative_names_count_from_where_a_file_of_that_name_would_lie(tmp_path: Path) -> None:
    spark(tmp_path / "m.parquet", [images("a.jpg")])
    spark(tmp_path / "lists", [images("a.jpg")])

    assert names(planned(tmp_path / "m.parquet")) == [(1, f"{tmp_path}/a.jpg")]
    assert names(planned(tmp_path / "lists")) == [(1, f"{tmp_path}/lists/a.jpg")]
    assert names(planned(f"{tmp_path}/lists/*.parquet")) == [(1, f"{tmp_path}/lists/a.jpg")]
    assert names(planned(f"{tmp_path}/li*/*.parquet")) == [(1, f"{tmp_path}/a.jpg")]


def test_a_glob_may_say_that_a_sign_in_its_folders_name_is_one(tmp_path: Path) -> None:
    spark(tmp_path / "yard [1]" / "lists", [images("a.jpg")])
    spark(tmp_path / "yard 1" / "lists", [images("b.jpg")])

    pattern = f"{tmp_path}/yard [[]1]/lists/*.parquet"

    assert names(planned(pattern)) == [(1, f"{tmp_path}/yard [1]/lists/a.jpg")]
    assert names(planned(pattern, search=Search(include=("part-*",)))) == names(planned(pattern))


def test_values_of_partition_folders_are_columns(tmp_path: Path) -> None:
    """Spark and Hive take them out of the files; their names have escapes, and one stands for null."""
    top = tmp_path / "m"
    spark(top / "type=trailer_id" / "camera_id=gate%207" / "day=2026-03-01", [images("/a.jpg")])
    spark(top / "type=vin" / "camera_id=__HIVE_DEFAULT_PARTITION__" / "day=2026-03-02", [images("/b.jpg")])

    first, second = planned(top, manifest_columns="*")

    assert (first.type, first.camera_id, own(first)) == ("trailer_id", "gate 7", {"day": "2026-03-01"})
    assert (second.type, second.camera_id, own(second)) == ("vin", None, {"day": "2026-03-02"})


def test_a_column_of_the_file_goes_before_one_of_its_folders(tmp_path: Path) -> None:
    spark(tmp_path / "m" / "camera_id=folder", [pa.table({"image": ["/a.jpg"], "Camera_ID": ["file"]})])

    assert planned(tmp_path / "m")[0].camera_id == "file"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_folder_that_duckdb_partitioned_is_one_manifest(tmp_path: Path, form: str) -> None:
    copy = f"COPY (SELECT * FROM GATES) TO '{tmp_path}/m' (FORMAT {form}, PARTITION_BY (gate))"  # noqa: S608  # a file of this test
    try:
        duckdb.sql(copy)
    except duckdb.BinderException as error:
        pytest.skip(f"DuckDB {duckdb.__version__}: {error}")

    found = planned(tmp_path / "m", manifest_columns=["gate"])

    assert names(found) == [(1, "/a.jpg"), (2, "/b.jpg")]
    assert [own(item) for item in found] == [{"gate": "east"}, {"gate": "west"}]


def test_pyarrows_own_folders_are_read(tmp_path: Path) -> None:
    table = pa.table({"image": ["/a.jpg", "/b.jpg"], "gate": [1, 2]})
    pq.write_to_dataset(table, tmp_path / "m", partition_cols=["gate"])

    assert [own(item) for item in planned(tmp_path / "m", manifest_columns="*")] == [{"gate": "1"}, {"gate": "2"}]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("csv", "image,n\n{}\n"),
        ("CSV", "image;n\r{}\r"),
        ("tsv", "image\tn\n{}\n"),
        ("jsonl", '{{"image": "{}"}}\n'),
        ("ndjson", '{{"image": "{}"}}\n'),
        ("json", '[{{"image": "{}"}}]'),
    ],
)
@pytest.mark.parametrize("folder", ["m", "m.{}"])
def test_a_folder_of_text_tables_is_one_manifest(tmp_path: Path, folder: str, suffix: str, text: str) -> None:
    top = tmp_path / folder.format(suffix)
    row = "{}" if "n" not in text.partition("\n")[0] or suffix.lower() not in {"csv", "tsv"} else "{},1"
    row = row.replace(",", {"CSV": ";", "tsv": "\t"}.get(suffix, ","))
    for name in ("b", "a", "sub/c"):
        path = top / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(row.format(f"/{name[-1]}.jpg")), newline="")
    (top / f"empty.{suffix}").write_text("" if suffix != "json" else "[]")

    assert names(planned(top)) == [(1, "/a.jpg"), (2, "/b.jpg"), (3, "/c.jpg")]
    if folder == "m":
        assert names(planned(top, recursive=False)) == [(1, "/a.jpg"), (2, "/b.jpg")]


def test_parts_of_a_folder_with_a_tables_name_need_no_ending(tmp_path: Path) -> None:
    """Hadoop and Hive write ``part-00000`` and ``000000_0``."""
    for name, image in (("part-00000", "/a.jpg"), ("000001_0", "/b.jpg")):
        path = tmp_path / "m.txt" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{image}\n")

    assert names(planned(tmp_path / "m.txt")) == [(1, "/b.jpg"), (2, "/a.jpg")]


def test_what_begins_with_a_dot_or_an_underscore_is_not_looked_at(tmp_path: Path) -> None:
    spark(tmp_path / "m", [images("/a.jpg")])
    spark(tmp_path / "m" / "_temporary" / "0" / "task_0", [images("/never.jpg")])
    spark(tmp_path / "m" / ".staging", [images("/never.jpg")])
    (tmp_path / "m" / "_metadata.parquet").write_bytes(b"x")

    assert names(planned(tmp_path / "m")) == [(1, "/a.jpg")]
    assert names(planned(f"{tmp_path}/m/**/*.parquet")) == [(1, "/a.jpg")]


@pytest.mark.parametrize("pattern", ["", "/**/*.csv"])
def test_tables_in_a_bin_and_those_that_exclude_names_are_left_out_and_counted(tmp_path: Path, pattern: str) -> None:
    for folder in ("day", "#recycle", "old"):
        (tmp_path / "m" / folder).mkdir(parents=True)
        (tmp_path / "m" / folder / "t.csv").write_text(f"image\n/{folder}.jpg\n")
    search = Search(exclude=("old",))

    assert names(planned(f"{tmp_path}/m{pattern}", search=search)) == [(1, "/day.jpg")]
    assert search.left.counts == {"excluded": 2}
    only = Search(include=("gate",))
    with pytest.raises(OCRManifestError, match=r"files? (are|is) no images?: \.csv|no file matches"):
        planned(f"{tmp_path}/m{pattern}", search=only)


def test_images_in_a_folder_go_before_tables_in_it(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.jpg").write_bytes(b"x")
    (tmp_path / "m" / "z.csv").write_text("image\n/never.jpg\n")

    assert names(planned(tmp_path / "m")) == [(1, f"{tmp_path}/m/a.jpg")]


@pytest.mark.parametrize("mark", ["_delta_log/00000000000000000000.json", ".hoodie/x", "metadata/v1.metadata.json"])
def test_the_folder_of_a_lake_table_is_refused_since_it_holds_rows_that_are_gone(tmp_path: Path, mark: str) -> None:
    spark(tmp_path / "m", [images("/a.jpg")])
    (tmp_path / "m" / mark).parent.mkdir()
    (tmp_path / "m" / mark).write_text("{}")

    with pytest.raises(OCRManifestError, match="m is a table of Delta, Hudi or Iceberg") as caught:
        planned(tmp_path / "m")
    assert caught.value.permanent
    if not mark.startswith("metadata"):
        with pytest.raises(OCRManifestError, match="m is a table of Delta, Hudi or Iceberg"):
            planned(f"{tmp_path}/m/*.parquet")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("m/*.csv", ["/a.jpg", "/b.jpg"]),
        ("m/a.*", ["/a.jpg"]),
        ("m/[ab].csv", ["/a.jpg", "/b.jpg"]),
        ("**/*.csv", ["/a.jpg", "/b.jpg", "/c.jpg"]),
        ("m/day=*/*.csv", ["/c.jpg"]),
        ("m/day=*", ["/c.jpg"]),
        ("m/*", ["/a.jpg", "/b.jpg", "/c.jpg"]),
        ("*/*.txt", ["/list.jpg"]),
    ],
)
def test_a_glob_of_tables_is_one_manifest(tmp_path: Path, pattern: str, found: list[str]) -> None:
    for name in ("m/a", "m/b", "m/day=2026-03-01/c"):
        path = tmp_path / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"image\n/{name[-1]}.jpg\n")
    (tmp_path / "m" / "notes.txt").write_text("/list.jpg\n")

    assert names(planned(f"{tmp_path}/{pattern}")) == list(enumerate(found, start=1))


def test_a_glob_gives_the_values_of_the_folders_that_it_leaves_open(tmp_path: Path) -> None:
    for day in ("01", "02"):
        spark(tmp_path / "type=vin" / f"day={day}" / "x.parquet", [images(f"/{day}.jpg")])

    found = planned(f"{tmp_path}/type=vin/day=*/*.parquet", manifest_columns="*", default_type="trailer_id")

    assert [(item.type, own(item)) for item in found] == [("trailer_id", {"day": "01"}), ("trailer_id", {"day": "02"})]


def test_bad_rows_are_numbered_through_and_the_log_says_which_file_has_which(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.csv").write_text("image\n/a.jpg\n\n/b.jpg\n")
    (tmp_path / "m" / "b.csv").write_text("image,type\n/c.jpg,\n,vin\n")

    with caplog.at_level(logging.INFO):
        found = rows(tmp_path / "m")

    assert [item.row for item in found] == [1, 3, 4, 5]
    assert problems(found) == [(5, "The row has neither image nor upload_url.")]
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}/m/a.csv: rows 1 to 3.",
        f"{tmp_path}/m/b.csv: rows 4 to 5.",
    ]


def test_a_file_of_many_that_is_no_manifest_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.csv").write_text("image\n/a.jpg\n")
    (tmp_path / "m" / "b.csv").write_text("unit,gate\n1,2\n")

    with pytest.raises(OCRManifestError, match=r"m/b\.csv has neither a column image nor a column upload_url"):
        rows(tmp_path / "m")


@pytest.mark.parametrize("name", ["m.csv", "m.parquet", "m.jsonl.gz"])
def test_a_table_without_a_part_is_not_there_yet(tmp_path: Path, name: str) -> None:
    """The job that writes it may not have ended."""
    (tmp_path / name / "_temporary").mkdir(parents=True)
    (tmp_path / name / "_temporary" / name).write_bytes(b"x")

    with pytest.raises(OCRManifestError, match=r"There is no manifest at .*: the folder holds no part") as caught:
        rows(tmp_path / name)

    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("m.csv", "csv"),
        ("M.CSV.GZ", "csv"),
        ("m.tsv.bz2", "tsv"),
        ("m.json", "json"),
        ("m.tab", "tsv"),
        ("m.psv", "csv"),
        ("m.ndjson.zst", "jsonl"),
        ("part-0.snappy.parquet", "parquet"),
        ("part-0.gz.parquet", "parquet"),
        ("m.parquet.gz", None),
        ("m.pq", "parquet"),
        ("m.xlsx", None),
        ("csv", None),
        ("m.csv.zip", "csv"),
        ("m.zip", None),
    ],
)
def test_a_name_says_what_kind_of_table_it_is(name: str, kind: str | None) -> None:
    assert table_kind(name) == kind


class TestOnS3:
    def opener(self, s3: S3Stand, text: str) -> StoragePath:
        bare = text.removeprefix("s3://").rpartition("@")[2]
        return StoragePath(s3.file_system(), bare.rstrip("/"), "s3")

    def test_folders_and_globs_of_tables_lie_there_as_well(self, s3: S3Stand) -> None:
        place = s3.place("m")
        for name, text in (
            ("day=1/_SUCCESS", ""),
            ("day=1/part-0.csv", "image\na.jpg\n"),
            ("day=2/part-0.CSV", "image\n/x/b.jpg\n"),
        ):
            place.fs.pipe_file(f"{place.path}/{name}", text.encode())
        bare = place.uri.removeprefix("s3://")

        for uri in (f"s3://conn@{bare}", f"s3://conn@{bare}/day=*/*.[cC][sS][vV]", f"s3://conn@{bare}/day=*"):
            found = planned(uri, opener=lambda text: self.opener(s3, text), manifest_columns="*")
            assert [(item.image, own(item)) for item in found] == [
                (f"{place.uri}/a.jpg", {"day": "1"}),
                ("/x/b.jpg", {"day": "2"}),
            ]
            assert found[0].uri == f"s3://conn@{bare}/a.jpg"

    def test_what_matches_nothing_is_not_there_yet(self, s3: S3Stand) -> None:
        place = s3.place("m")

        with pytest.raises(OCRManifestError, match="There is no manifest at s3://") as caught:
            rows(f"{place.uri}/*.parquet", opener=lambda text: self.opener(s3, text))
        assert not caught.value.permanent
