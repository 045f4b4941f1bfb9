"""What a manifest calls an image: paths, URIs of files in all their forms, and names that are another system's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from support.manifests import planned, problems, rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import PlannedImage


def one(path: Path, name: str) -> PlannedImage:
    (found,) = planned(path / "m.txt", name)
    return found


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///data/a%20b.jpg", "/data/a b.jpg"),  # Spark's input_file_name(), Path.as_uri()
        ("file:///data/a%2520b.jpg", "/data/a%20b.jpg"),
        ("file:///data/100%.jpg", "/data/100%.jpg"),
        ("file:///data/M%C3%BCnchen%23%3F.jpg", "/data/München#?.jpg"),
        ("file:/data/a.jpg", "/data/a.jpg"),  # Spark's binaryFile.path
        ("file:/data/a%20b.jpg", "/data/a b.jpg"),
        ("FILE:///data/../a.jpg", "/a.jpg"),
        ("file:///data/%2E%2E/a.jpg", "/a.jpg"),
        ("file://localhost/data/a.jpg", "/data/a.jpg"),
        ("file://LOCALHOST/data/a.jpg", "/data/a.jpg"),
        ("file:////data/a.jpg", "/data/a.jpg"),
        ("local:///data/a.jpg", "/data/a.jpg"),
        ("/data/a%20b.jpg", "/data/a%20b.jpg"),
    ],
)
def test_a_uri_of_a_file_is_its_path(tmp_path: Path, uri: str, path: str) -> None:
    found = one(tmp_path, uri)

    assert found.image == found.uri == path
    assert found.image_name == (None if uri == path else uri)


def test_what_pathlib_makes_of_a_path_is_that_path(tmp_path: Path) -> None:
    path = tmp_path / "ä b#?%20&.jpg"

    assert one(tmp_path, path.as_uri()).image == str(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("file://nas/share/a.jpg", "file://nas/… names a file of another machine"),
        ("file:a.jpg", "A file URI holds an absolute path"),
        ("file:///data/%ff.jpg", "A file URI holds bytes that are no text"),
        ("file:///data/%00.jpg", "A file URI holds bytes that are no text"),
        ("C:\\yard\\a.jpg", "image is a path of Windows"),
        ("d:/yard/a.jpg", "image is a path of Windows"),
        ("file:///C:/yard/a.jpg", "image is a path of Windows"),  # Path.as_uri() there
        ("/C:/yard/a.jpg", "image is a path of Windows"),
        ("\\\\nas\\share\\a.jpg", "image is a path of Windows"),
        ("s3:/bucket/a.jpg", "image is a URI with one slash too few: s3:/ must be s3://"),
        ("GS:/bucket/a.jpg", "one slash too few"),
        ("https:/x.example/a.jpg", "one slash too few"),
        ("dbfs:/mnt/a.jpg", "one slash too few"),
    ],
)
def test_a_name_that_is_absolute_somewhere_else_is_a_bad_row_that_says_so(tmp_path: Path, name: str, said: str) -> None:
    """Taken as relative, it would be an image that is missing, every night."""
    ((row, message),) = problems(rows(tmp_path / "m.csv", f"image,type\n{name},vin\n"))

    assert row == 1
    assert said in message


@pytest.mark.parametrize("name", ["12:30.jpg", "gate:1/a.jpg", "a\\b.jpg", "%20.jpg", "x:y.jpg"])
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    assert one(tmp_path, name).image == f"{tmp_path}/{name}"


def test_a_name_with_a_backslash_is_said_once_to_be_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        planned(tmp_path / "m.txt", "sub\\a.jpg\nsub\\b.jpg\n")

    (record,) = caplog.records
    assert record.message.startswith("2 rows have a backslash in its name, such as 'sub\\\\a.jpg'")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (",a.jpg,,", ("a.jpg",)),
        (",/data/a.jpg,,", (None,)),
        (",/data/a.jpg,,gate-7", ("/data/a.jpg",)),
        (",s3://conn@bucket/a.jpg,,", ("s3://conn@bucket/a.jpg",)),
        (",s3://bucket/a.jpg,,", (None,)),
        (",s3://bucket/b/../a.jpg,,", ("s3://bucket/b/../a.jpg",)),
        (",,https://x.example/a.jpg,", (None,)),
        (",,HTTPS://X.example:443/a.jpg,", ("HTTPS://X.example:443/a.jpg",)),
        (",,https://x.example/a.jpg?X-Amz-Signature=geheim77,", (None,)),
        (",,https://x.example/a.jpg?X-Amz-Signature=geheim77,gate-7", ("https://x.example/a.jpg",)),
        (",,https://me:geheim77@x.example/a.jpg,gate-7", ("https://x.example/a.jpg",)),
    ],
)
def test_an_image_has_the_name_that_the_manifest_gives_it_without_secrets(
    tmp_path: Path, line: str, names: Sequence[str | None]
) -> None:
    found = planned(tmp_path / "m.csv", f"type,image,upload_url,image_id\n{line}\n")

    assert [item.image_name for item in found] == list(names)
    assert "geheim77" not in str(found[0].image_name)
