"""Manifests of every format: what is planned, and what each bad input gets."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow, read_manifest
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = "airflow_provider_platerec_ocr.dataset.manifest.columns"


def rows(path: Path, content: str | bytes | None = None, **more: Any) -> list[PlannedImage | BadRow]:
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given: dict[str, Any] = {"default_type": "vin", **more}
    return list(read_manifest(str(path), opener=local_place, **given))


def problems(found: list[PlannedImage | BadRow]) -> list[tuple[int, str]]:
    return [(item.row, item.message) for item in found if isinstance(item, BadRow)]


def test_a_csv_names_images_relative_to_itself(tmp_path: Path) -> None:
    found = rows(
        tmp_path / "m.csv",
        "image,type,camera_id,timestamp,image_version\r\n"
        "a.jpg,trailer_id,gate-1,2026-03-01T23:15:00+01:00,v7\r\n"
        "sub/b.jpg,,,,\r\n"
        "/elsewhere/c.jpg,,,,\r\n",
    )

    assert found == [
        PlannedImage(
            row=1,
            image=f"{tmp_path}/a.jpg",
            type="trailer_id",
            uri=f"{tmp_path}/a.jpg",
            image_version="v7",
            camera_id="gate-1",
            timestamp="2026-03-01T22:15:00Z",
            image_name="a.jpg",
        ),
        PlannedImage(
            row=2, image=f"{tmp_path}/sub/b.jpg", type="vin", uri=f"{tmp_path}/sub/b.jpg", image_name="sub/b.jpg"
        ),
        PlannedImage(row=3, image="/elsewhere/c.jpg", type="vin", uri="/elsewhere/c.jpg"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", "image,camera_id\na.jpg,c\n"),
        ("m.csv", "\ufeffimage,camera_id\na.jpg,c\n"),
        ("m.csv", " Image , CAMERA_ID \na.jpg, c\n"),
        ("m.csv", "image;camera_id\na.jpg;c\n"),
        ("m.csv", '"image","camera_id"\n"a.jpg","c"\n'),
        ("m.tsv", "image\tcamera_id\na.jpg\tc\n"),
        ("m.jsonl", '{"image": "a.jpg", "camera_id": "c"}\n'),
        ("m.ndjson", '\n{"image": "a.jpg", "camera_id": "c", "x": null}'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_formats_and_their_dialects_say_the_same(tmp_path: Path, name: str, content: str, *, packed: bool) -> None:
    data = content.encode()

    found = rows(tmp_path / (name + ".gz" * packed), gzip.compress(data) if packed else data)

    row = 2 if content.startswith("\n") else 1
    image = f"{tmp_path}/a.jpg"
    assert found == [PlannedImage(row=row, image=image, type="vin", uri=image, camera_id="c", image_name="a.jpg")]


def test_a_list_holds_paths_and_urls(tmp_path: Path) -> None:
    found = rows(tmp_path / "m.txt", "a.jpg\n\n  # b.jpg  \r\nhttps://x.example/c.jpg?X-Amz-Signature=s&v=1\n")

    assert found == [
        PlannedImage(row=1, image=f"{tmp_path}/a.jpg", type="vin", uri=f"{tmp_path}/a.jpg", image_name="a.jpg"),
        PlannedImage(row=3, image=f"{tmp_path}/# b.jpg", type="vin", uri=f"{tmp_path}/# b.jpg", image_name="# b.jpg"),
        PlannedImage(
            row=4,
            image="https://x.example/c.jpg",
            type="vin",
            upload_url="https://x.example/c.jpg",
            signed=True,
            formerly=identity_key("vin", "https://x.example/c.jpg?v=1", None).hex(),
        ),
    ]


def test_blank_lines_are_passed_over_and_still_count_as_lines(tmp_path: Path) -> None:
    found = rows(tmp_path / "m.csv", "image,timestamp\r\n\r\na.jpg,  \r\n")

    assert found == [
        PlannedImage(row=2, image=f"{tmp_path}/a.jpg", type="vin", uri=f"{tmp_path}/a.jpg", image_name="a.jpg")
    ]


def test_an_unsigned_url_is_sent_as_it_is(tmp_path: Path) -> None:
    (found,) = rows(tmp_path / "m.csv", "upload_url\nhttps://x.example/c.jpg\n")

    assert found == PlannedImage(
        row=1, image="https://x.example/c.jpg", type="vin", upload_url="https://x.example/c.jpg", signed=False
    )


def test_a_parquet_manifest_may_be_typed(tmp_path: Path) -> None:
    table = pa.table(
        {
            "image": pa.array(["a.jpg", "b.jpg", None]).dictionary_encode(),
            "timestamp": pa.array([datetime(2026, 3, 1, 22, tzinfo=UTC), None, None], pa.timestamp("ns", "UTC")),
            "camera_id": pa.array([7, None, None], pa.int64()),
            "image_version": pa.array([b"v", None, None], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")

    found = rows(tmp_path / "m.parquet")

    assert found[0] == PlannedImage(
        row=1,
        image=f"{tmp_path}/a.jpg",
        type="vin",
        uri=f"{tmp_path}/a.jpg",
        image_version="v",
        camera_id="7",
        timestamp="2026-03-01T22:00:00Z",
        image_name="a.jpg",
    )
    assert found[2] == BadRow(3, None, "The row has neither image nor upload_url.")


def test_rows_of_a_parquet_manifest_are_numbered_across_batches(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [f"{i}.jpg" for i in range(1, 20_003)]}), tmp_path / "m.parquet")

    found = rows(tmp_path / "m.parquet")

    assert [item.row for item in found] == list(range(1, 20_003))
    assert isinstance(found[-1], PlannedImage)
    assert found[-1].image == f"{tmp_path}/20002.jpg"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg,vin,,,x", "has 5 fields where the header has 4"),
        ("a.jpg", "has 1 field where the header has 4"),
        ('"a.jpg,vin,,', "is not well-formed CSV: unexpected end of data"),
        ('"a".jpg,vin,,', "is not well-formed CSV: ',' expected after '\"'"),
        (",vin,,", "neither image nor upload_url"),
        ("   ,vin,,", "neither image nor upload_url"),
        ("a.jpg,V I N,,", "type 'V I N' cannot be used"),
        ("a.jpg,../x,,", "type '../x' cannot be used"),
        ("a.jpg,vin,,https://x/y", "both image and upload_url"),
        (",vin,,ftp://x/y", "upload_url is not an http(s) URL"),
        (",vin,,/data/y.jpg", "upload_url is not an http(s) URL"),
        (",vin,,https:///y", "upload_url is not an http(s) URL"),
        (",vin,,http://[x", "upload_url is not an http(s) URL"),
        (",vin,,https://x/a b", "upload_url is not an http(s) URL"),
        ("https://x/y.jpg,vin,,", "Put it into the column upload_url"),
        ("s3://key:secret@bucket/y.jpg,vin,,", "has a password in its URI"),
        ("s3://bucket,vin,,", "names no object inside a bucket"),
        ("abfs://c@a.dfs.core.windows.net/y.jpg?sv=2026&sig=q%2FcrEt9Z%3D,vin,,", "has a signature in its URI"),
        ("1://x/y.jpg,vin,,", "neither a path nor a URI"),
    ],
)
def test_a_bad_row_is_named_and_the_next_one_is_read(tmp_path: Path, line: str, message: str) -> None:
    found = rows(tmp_path / "m.csv", f"image,type,timestamp,upload_url\n{line}\nb.jpg,,,\n")

    ((row, said),) = problems(found)
    assert row == 1
    assert message in said
    assert isinstance(found[1], PlannedImage)
    assert found[1].row == 2


def test_a_bad_row_shows_what_it_names_without_secrets(tmp_path: Path) -> None:
    found = rows(
        tmp_path / "m.csv",
        "image,type,upload_url\ns3://key:secret@bucket/y.jpg,vin,\n,X Y,https://u:p@x/y?sig=1\n",
    )

    assert [item.image for item in found] == ["s3://bucket/y.jpg", "https://x/y"]
    assert "secret" not in str(found)
    assert "sig" not in str(found)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nope", "is not JSON"),
        ("[1]", "is not a JSON object but list"),
        ("[" * 100_000, "is not JSON"),
        ('{"image": 7.5, "type": true}', "type must be text, not bool"),
        ('{"image": ["a.jpg"]}', "image must be text, not list"),
        ('{"camera_id": "c"}', "neither image nor upload_url"),
        ('{"image": "\\ud800.jpg"}', "image holds bytes that are no text"),
    ],
)
def test_a_bad_line_of_json_is_named_and_the_next_one_is_read(tmp_path: Path, line: str, message: str) -> None:
    found = rows(tmp_path / "m.jsonl", f'{line}\n{{"image": "b.jpg"}}\n')

    assert message in problems(found)[0][1]
    assert isinstance(found[1], PlannedImage)
    json.dumps(str(found)).encode()


@pytest.mark.parametrize(
    ("name", "start", "line", "position"),
    [("m.csv", b"image\n", b"%s", 2), ("m.jsonl", b"", b'{"image": "%s"}', 13), ("m.txt", b"", b"%s", 2)],
)
def test_bytes_that_are_no_text_spoil_their_row_alone(
    tmp_path: Path, name: str, start: bytes, line: bytes, position: int
) -> None:
    content = start + b"\n".join(line % text for text in (b"a.jpg", b"M\xfcnchen.jpg", b"b\0.jpg", b"c.jpg"))

    found = rows(tmp_path / name, content)

    assert problems(found) == [
        (2, f"The row is not UTF-8 (byte 0xfc at position {position})."),
        (3, "The row holds a NUL byte."),
    ]
    assert [isinstance(item, PlannedImage) for item in found] == [True, False, False, True]


def test_a_line_of_ten_megabytes_is_one_bad_row(tmp_path: Path) -> None:
    found = rows(tmp_path / "m.csv", b"image\na.jpg\n" + b"x" * 10_000_000 + b"\nb.jpg\n")

    assert problems(found) == [(2, "The row is longer than 1,000,000 bytes.")]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "img,type\na.jpg,vin\n", "it has: img, type. Did you mean image (found 'img')?"),
        ("m.csv", "url\nhttps://x/y\n", "Did you mean upload_url (found 'url')?"),
        ("m.csv", "foo\na.jpg\n", "Name one of them image (a path) or upload_url."),
        ("m.csv", "image,image\na,b\n", "has the column image twice"),
        ("m.csv", "\nimage\n", "The first line of"),
        ("m.csv", b"im\xff\na.jpg\n", "is not UTF-8 (byte 0xff at position 3): no header can be read"),
        ("m.csv", b"i\0m\0\n\0", "holds a NUL byte"),
        ("m.csv", b"\xff\xfei\0m\0", "is written in UTF-16. Save it as UTF-8"),
        ("m.jsonl", '{"file": "a.jpg"}\n{"path": "b.jpg"}\n', "it has: file, path. Did you mean image (found 'file')?"),
        ("m.parquet", "no parquet", "cannot be read as a Parquet manifest"),
        ("m.xlsx", "x", "is of no known format. A manifest is CSV"),
        ("m.jpg", "x", "is an image, not a manifest"),
    ],
)
def test_a_manifest_that_is_bad_as_a_whole_is_refused_by_name(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(OCRManifestError) as caught:
        rows(tmp_path / name, content)

    assert name in str(caught.value)
    assert message in str(caught.value)


def test_a_parquet_manifest_without_the_columns_is_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"photo": ["a.jpg"]}), tmp_path / "m.parquet")

    with pytest.raises(OCRManifestError, match=r"m\.parquet has neither.*Did you mean image \(found 'photo'\)\?"):
        rows(tmp_path / "m.parquet")


@pytest.mark.parametrize("name", ["m.csv", "folder", "m.parquet"])
def test_a_missing_manifest_is_refused_by_its_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(OCRManifestError, match=rf"There is no manifest at {tmp_path}/{name}"):
        rows(tmp_path / name)


def test_a_manifest_behind_a_file_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(OCRManifestError, match=r"file/m\.csv cannot be opened"):
        rows(tmp_path / "file" / "m.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [("m.csv", ""), ("m.csv", "image\n"), ("m.csv", "\n \n"), ("m.jsonl", ""), ("m.txt", ""), ("m.txt", "\n\n")],
)
def test_a_manifest_without_rows_has_no_rows(tmp_path: Path, name: str, content: str) -> None:
    assert rows(tmp_path / name, content) == []


def test_a_row_without_any_type_is_bad(tmp_path: Path) -> None:
    found = rows(tmp_path / "m.csv", "image,type\na.jpg,\nb.jpg,vin\n", default_type=None)

    assert problems(found) == [
        (1, "The row has no type. Fill in the column type, or give a type for the whole manifest.")
    ]


def test_a_default_type_that_is_none_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(OCRConfigError, match="type 'V I N' cannot be used"):
        rows(tmp_path / "missing.csv", default_type="V I N")


def test_ignored_columns_are_named_once_with_near_misses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        rows(tmp_path / "m.csv", "image,camera,colour\na.jpg,c,red\nb.jpg,c,blue\n")

    (record,) = caplog.records
    assert "ignoring columns that have no meaning here: camera, colour." in record.message
    assert "Did you mean camera_id (found 'camera')?" in record.message


@pytest.mark.parametrize(
    ("name", "resolved"),
    [
        ("./a.jpg", "{}/a.jpg"),
        ("sub/../b/a.jpg", "{}/b/a.jpg"),
        ("../" * 40 + "a.jpg", "/a.jpg"),
        ("x//a.jpg", "{}/x/a.jpg"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("file:///data/./a.jpg", "/data/a.jpg"),
        ("file://localhost/data/a.jpg", "/data/a.jpg"),
        ("s3://conn@bucket/a/../b.jpg", "s3://bucket/b.jpg"),
        ("S3://bucket/a//./b.jpg", "s3://bucket/a//b.jpg"),
        ("gs://bucket/../../b.jpg", "gs://bucket/b.jpg"),
    ],
)
def test_names_are_resolved_before_anybody_checks_roots(tmp_path: Path, name: str, resolved: str) -> None:
    (found,) = rows(tmp_path / "m.txt", name)

    assert isinstance(found, PlannedImage)
    assert found.image == resolved.format(tmp_path)


def test_a_connection_in_a_uri_is_for_opening_and_no_part_of_the_identity(tmp_path: Path) -> None:
    (found,) = rows(tmp_path / "m.txt", "s3://conn@bucket/a.jpg")

    assert isinstance(found, PlannedImage)
    assert (found.image, found.uri) == ("s3://bucket/a.jpg", "s3://conn@bucket/a.jpg")


def test_signatures_are_nowhere_in_what_is_planned(tmp_path: Path) -> None:
    url = "https://user:pw@x.example/a.jpg?v=2&X-Amz-Signature=geheim"

    (found,) = rows(tmp_path / "m.csv", f"upload_url\n{url}\n")

    assert isinstance(found, PlannedImage)
    assert found.signed
    assert "geheim" not in str(found)
    assert "pw" not in str(found)
    assert found.upload_url == found.image == "https://x.example/a.jpg"
