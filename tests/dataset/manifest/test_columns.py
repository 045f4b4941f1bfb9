"""The manifest's own columns, which come along with each image as one JSON object."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from airflow_provider_platerec_ocr.dataset.manifest.own_json import MAX_BYTES
from support.manifests import own, planned, rows

if TYPE_CHECKING:
    from pathlib import Path

CSV = "image,Unit Number,gate,camera_id\na.jpg,T-1,,c\nb.jpg,,east,\n"


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        ((), None),
        (["Unit Number"], {"Unit Number": "T-1"}),
        (["unit number"], {"unit number": "T-1"}),
        (["gate", "Unit Number"], {"gate": None, "Unit Number": "T-1"}),
        (["*"], {"Unit Number": "T-1", "gate": None}),
        (["*", "camera_id"], {"Unit Number": "T-1", "gate": None, "camera_id": "c"}),
        (["image", "gate"], {"image": "a.jpg", "gate": None}),
        (["gate", "gate", " gate "], {"gate": None}),
    ],
)
def test_the_columns_that_were_asked_for_come_along(tmp_path: Path, wanted: list[str], first: Any) -> None:
    found = planned(tmp_path / "m.csv", CSV, manifest_columns=wanted)

    assert own(found[0]) == first
    assert (found[1].manifest_columns is None) == (not wanted)
    assert [item.camera_id for item in found] == ["c", None]


def test_what_comes_along_survives_the_plan(tmp_path: Path) -> None:
    (found, _) = planned(tmp_path / "m.csv", CSV, manifest_columns="*")

    assert PlannedImage.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_images_that_the_api_fetches_have_columns_as_well(tmp_path: Path) -> None:
    (found,) = planned(tmp_path / "m.csv", "upload_url,gate\nhttps://x.example/a.jpg,east\n", manifest_columns="*")

    assert own(found) == {"gate": "east"}


VALUES: list[tuple[pa.Array, Any]] = [
    (pa.array([7]), 7),
    (pa.array([2**60]), 2**60),
    (pa.array([7.5]), 7.5),
    (pa.array([float("nan")]), None),
    (pa.array([float("-inf")]), None),
    (pa.array([True]), True),
    (pa.array(['say "x"\nü']), 'say "x"\nü'),
    (pa.array(["NULL"]), "NULL"),
    (pa.array([""]), None),
    (pa.array([None], pa.string()), None),
    (pa.array([Decimal("12.00")]), 12),
    (pa.array([Decimal("12.50")]), 12.5),
    (pa.array([Decimal("0.1234567890123456789")]), "0.1234567890123456789"),
    (pa.array([datetime(2026, 3, 1, 22, 15, tzinfo=UTC)], pa.timestamp("ns", "Europe/Berlin")), "2026-03-01T22:15:00Z"),
    (pa.array([datetime(2026, 3, 1, 22, 15)]), "2026-03-01T22:15:00"),  # noqa: DTZ001  # without a zone on purpose
    (pa.array([date(2026, 3, 1)]), "2026-03-01"),
    (pa.array([time(22, 15)]), "22:15:00"),
    (pa.array([2**62], pa.timestamp("us")), "outside the years 1 to 9999"),
    (pa.array([b"text"]), "text"),
    (pa.array([b"\xff\xd8\xff"]), None),
    (pa.array([[1, None, 2]]), [1, None, 2]),
    (pa.array([{"a": 1.5, "b": [b"x"], "c": date(2026, 3, 1)}]), {"a": 1.5, "b": ["x"], "c": "2026-03-01"}),
    (pa.array(["x"]).dictionary_encode(), "x"),
    (pa.array([uuid.UUID(int=7).bytes], pa.uuid()), str(uuid.UUID(int=7))),
]


@pytest.mark.parametrize(("values", "said"), VALUES, ids=[str(values.type) + f" {said}" for values, said in VALUES])
def test_values_keep_their_type_as_far_as_json_has_it(tmp_path: Path, values: pa.Array, said: Any) -> None:
    pq.write_table(pa.table({"image": ["a.jpg"], "x": values}), tmp_path / "m.parquet")

    (found,) = planned(tmp_path / "m.parquet", manifest_columns="*")

    assert own(found) == {"x": said}


def test_times_as_spark_writes_them_are_utc_in_a_column_of_its_own_as_well(tmp_path: Path) -> None:
    table = pa.table({"image": ["a.jpg"], "x": pa.array([datetime(2026, 3, 1, 22, 15)])})  # noqa: DTZ001  # as above
    pq.write_table(table, tmp_path / "m.parquet", use_deprecated_int96_timestamps=True)

    assert own(planned(tmp_path / "m.parquet", manifest_columns="*")[0]) == {"x": "2026-03-01T22:15:00Z"}


def test_json_is_passed_on_as_it_is_and_what_a_row_lacks_is_null(tmp_path: Path) -> None:
    lines = ['{"image": "a.jpg", "n": 1, "deep": {"k": [true, null]}}', '{"image": "b.jpg", "later": 2}']
    found = planned(tmp_path / "m.jsonl", "\n".join(lines), manifest_columns=["n", "deep", "later"])

    assert [own(item) for item in found] == [
        {"n": 1, "deep": {"k": [True, None]}, "later": None},
        {"n": None, "deep": None, "later": 2},
    ]


def test_of_many_shapes_of_objects_each_is_read_by_its_own(tmp_path: Path) -> None:
    lines = [json.dumps({"image": f"{n}.jpg", f"k{n}": n}) for n in range(2_500)]
    found = planned(tmp_path / "m.jsonl", "\n".join(lines), manifest_columns="*")

    assert [own(item) for item in found] == [{f"k{n}": n} for n in range(2_500)]


def test_no_secret_comes_along(tmp_path: Path) -> None:
    table = {
        "upload_url": ["https://x.example/a.jpg?X-Amz-Signature=geheim77"],
        "order": ["https://tms.example/order?id=7"],
        "thumb": ['see "https://x.example/t.jpg?sig=geheim77&se=1", too'],
        "user": ["ftp://me:geheim77@x.example/a"],
        "query": ["abfs://box/a?geheim77"],
        "conn": ["s3://conn@bucket/a"],
        "deep": [{"url": "https://x.example/u.jpg?token=geheim77geheim77"}],
    }
    pq.write_table(pa.table(table), tmp_path / "m.parquet")

    (found,) = planned(tmp_path / "m.parquet", manifest_columns=["*", "upload_url"])

    assert "geheim77" not in str(found)
    assert own(found) == {
        "order": "https://tms.example/order?id=7",
        "thumb": 'see "https://x.example/t.jpg", too',
        "user": "ftp://x.example/a",
        "query": "abfs://box/a",
        "conn": "s3://conn@bucket/a",
        "deep": {"url": "https://x.example/u.jpg"},
        "upload_url": "https://x.example/a.jpg",
    }


@pytest.mark.parametrize("letter", ["x", "ü", "€", "🚛", '"'])
def test_a_row_with_too_much_in_them_has_none_and_is_read(
    tmp_path: Path, letter: str, caplog: pytest.LogCaptureFixture
) -> None:
    size = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    fits = letter * ((MAX_BYTES - len('{"x":""}')) // size)
    notes = ManifestNotes()
    pq.write_table(pa.table({"image": ["a.jpg", "b.jpg"], "x": [fits, fits + letter]}), tmp_path / "m.parquet")

    found = planned(tmp_path / "m.parquet", manifest_columns="*", notes=notes)

    assert own(found[0]) == {"x": fits}
    assert found[1].manifest_columns is None
    assert notes.columns_too_large == 1
    assert "1 row has more in manifest_columns than comes along" in caplog.text


def test_half_of_a_character_does_not_stop_the_plan(tmp_path: Path) -> None:
    (found,) = planned(tmp_path / "m.jsonl", '{"image": "a.jpg", "x": "\\ud83d"}', manifest_columns="*")

    assert own(found) == {"x": "?"}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_is_nowhere_is_refused_with_the_nearest(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"m.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"image": ["a.jpg"], "Gate": ["e"]}), path)
    else:
        path.write_text({"csv": "image,Gate\na.jpg,e\n", "jsonl": '{"image": "a.jpg", "Gate": "e"}'}[kind])

    with pytest.raises(OCRConfigError, match=r"m\..* has no column 'gates'\. Did you mean 'gate'\?"):
        rows(path, manifest_columns=["gates"])
    with pytest.raises(OCRConfigError, match=r"has no column 'xyz'\. It has: image, Gate\."):
        rows(path, manifest_columns=["xyz"])


def test_a_column_that_one_of_several_files_has_is_there(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.csv").write_text("image\n/a.jpg\n")
    (tmp_path / "m" / "b.csv").write_text("image,Gate\n/b.jpg,e\n")

    found = planned(tmp_path / "m", manifest_columns=["gate"])

    assert [own(item) for item in found] == [{"gate": None}, {"gate": "e"}]


@pytest.mark.parametrize("content", ["", "\n"])
def test_a_table_without_a_header_refuses_no_column(tmp_path: Path, content: str) -> None:
    assert rows(tmp_path / "m.csv", content, manifest_columns=["gate"]) == []


def test_images_alone_have_no_columns(tmp_path: Path) -> None:
    (tmp_path / "yard").mkdir()
    (tmp_path / "yard" / "a.jpg").write_bytes(b"x")

    assert planned(tmp_path / "yard", manifest_columns="*")[0].manifest_columns is None


@pytest.mark.parametrize("wanted", [["gate"], ["*"]])
def test_a_column_that_comes_along_and_is_there_twice_is_refused(tmp_path: Path, wanted: list[str]) -> None:
    with pytest.raises(OCRManifestError, match=r"m\.csv has the column gate twice"):
        rows(tmp_path / "m.csv", "image,gate,gate\na.jpg,1,2\n", manifest_columns=wanted)


@pytest.mark.parametrize("twice", [["image", "image"], ["image", " Image"]])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_counts_and_is_there_twice_is_refused_in_any_format(
    tmp_path: Path, kind: str, twice: list[str]
) -> None:
    path = tmp_path / f"m.{kind}"
    if kind == "csv":
        path.write_text(",".join(twice) + "\na,b\n")
    else:
        pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=twice), path)

    with pytest.raises(OCRManifestError, match=r"m\..* has the column image twice"):
        rows(path)


def test_columns_without_a_name_stay_where_they_are(tmp_path: Path) -> None:
    """As pandas writes its index."""
    assert own(planned(tmp_path / "m.csv", ",image,gate,\n0,a.jpg,e,\n", manifest_columns="*")[0]) == {"gate": "e"}


def test_a_hint_stands_for_near_names_in_any_spelling(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        rows(tmp_path / "m.csv", "image,Camera ID,Image-Id\na.jpg,1,2\n")

    assert "Did you mean camera_id (found 'Camera ID')? Did you mean image_id (found 'Image-Id')?" in caplog.text
    with pytest.raises(OCRManifestError, match=r"Did you mean upload_url \(found 'Image URL'\)\?"):
        rows(tmp_path / "m.csv", "Image URL\nhttps://x/a.jpg\n")
