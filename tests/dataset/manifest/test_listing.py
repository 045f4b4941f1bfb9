"""Folders and globs as manifests."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.manifest.listing import Search, version_of
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow, read_manifest
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    for name in (
        "b.JPG",
        "a.jpeg",
        "sub/c.png",
        "sub/deep/d.webp",
        "notes.txt",
        ".hidden.jpg",
        "._a.jpg",
        ".trash/x.jpg",
    ):
        path = tmp_path / "yard" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
        os.utime(path, ns=(0, 1_700_000_000_000_000_001))
    return tmp_path / "yard"


def names(uri: str, base: Path, **more: Any) -> list[str]:
    found = read_manifest(uri, opener=local_place, default_type="vin", **more)
    return [item.image.removeprefix(f"{base}/") for item in found if isinstance(item, PlannedImage)]


def test_a_folder_gives_its_images_with_those_of_its_subfolders(yard: Path) -> None:
    assert names(str(yard), yard) == ["a.jpeg", "b.JPG", "sub/c.png", "sub/deep/d.webp"]


def test_without_recursion_only_its_own(yard: Path) -> None:
    assert names(str(yard), yard, recursive=False) == ["a.jpeg", "b.JPG"]


def test_the_listing_gives_the_version_from_size_and_time(yard: Path) -> None:
    first = next(iter(read_manifest(str(yard), opener=local_place, default_type="vin")))

    assert isinstance(first, PlannedImage)
    assert first.image_version == "5-1700000000000000001"
    assert first.uri == first.image == f"{yard}/a.jpeg"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.jpeg", "b.JPG"]),
        ("sub/*.png", ["sub/c.png"]),
        ("**/*.webp", ["sub/deep/d.webp"]),
        ("[ab].*", ["a.jpeg", "b.JPG"]),
        ("*.nothing", []),
    ],
)
def test_a_glob_gives_the_images_it_matches(yard: Path, pattern: str, found: list[str]) -> None:
    assert names(f"{yard}/{pattern}", yard) == found


def test_a_glob_may_say_that_a_sign_in_its_folders_name_is_one(tmp_path: Path) -> None:
    for name in ("yard [old]", "yard o"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "a.jpg").write_bytes(b"x")

    assert names(f"{tmp_path}/yard [[]old]/s*/*.jpg", tmp_path) == ["yard [old]/sub/a.jpg"]
    assert names(f"{tmp_path}/yard [old]/s*/*.jpg", tmp_path) == ["yard o/sub/a.jpg"]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "yard [old]").mkdir()
    (tmp_path / "yard [old]" / "a.jpg").write_bytes(b"x")

    assert names(f"{tmp_path}/yard [old]", tmp_path) == ["yard [old]/a.jpg"]


def test_a_glob_of_manifests_that_matches_none_is_refused_until_there_is_one(yard: Path) -> None:
    with pytest.raises(OCRManifestError, match=r"There is no manifest at .*\*\.csv: no file matches") as caught:
        names(f"{yard}/*.csv", yard)

    assert not caught.value.permanent


@pytest.mark.parametrize("pattern", ["*.jp*", "**/*.*", "*/*.jpg", "**/*.jpg"])
def test_a_glob_leaves_out_what_a_folder_leaves_out(yard: Path, pattern: str) -> None:
    for name in ("@eaDir/a.jpg", "sub/#recycle/a.jpg", "$RECYCLE.BIN/a.jpg", "~$a.jpg", ".thumbnails/A.jpg"):
        (yard / name).parent.mkdir(exist_ok=True)
        (yard / name).write_bytes(b"x")

    assert set(names(f"{yard}/{pattern}", yard)) <= set(names(str(yard), yard))


def test_a_glob_that_itself_names_something_hidden_means_it(yard: Path) -> None:
    assert names(f"{yard}/.tr*/*.jpg", yard) == [".trash/x.jpg"]
    assert names(f"{yard}/*/.trash/*.jpg", yard.parent) == []
    assert names(f"{yard.parent}/*/.trash/*.jpg", yard) == [".trash/x.jpg"]
    assert names(f"{yard}/.hid*", yard) == [".hidden.jpg"]


def test_a_glob_in_a_folder_that_is_not_there_is_refused(yard: Path) -> None:
    with pytest.raises(OCRManifestError, match=f"There is no folder {yard}/gone"):
        names(f"{yard}/gone/*.jpg", yard)


NOTHING = [
    ({"list.txt": 2}, "", {}, r"2 files are no images: \.txt 2\. Give the list itself"),
    (
        {"a.dng": 1, "b.mov": 2, "c": 1},
        "",
        {},
        r"4 files are no images: \.mov 2, \.dng 1, without an ending 1.*exclude",
    ),
    ({"a.xlsx": 1}, "/*", {}, r"1 file is no image: \.xlsx 1\. "),
    ({"sub/a.jpg": 1}, "/s*", {}, r"1 folder that the pattern names: sub\. End the pattern with /\*\*"),
    ({"a.jpg": 1}, "", {"include": ("gate",)}, r"1 image is in no pattern of include\. See whether include says"),
]


@pytest.mark.parametrize(("files", "pattern", "more", "says"), NOTHING)
def test_a_folder_from_which_nothing_could_be_taken_although_files_are_there_is_refused(
    tmp_path: Path, files: dict[str, int], pattern: str, more: dict[str, Any], says: str
) -> None:
    for name, number in files.items():
        for each in range(number):
            path = tmp_path / "y" / (name if not each else f"{each}{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    with pytest.raises(OCRManifestError, match=rf"Nothing could be taken from {tmp_path}/y.*{says}"):
        names(f"{tmp_path}/y{pattern}", tmp_path, search=Search(**more))


@pytest.mark.parametrize(
    ("files", "more"),
    [
        ([".DS_Store", "Thumbs.db", "@eaDir/a.jpg", ".thumbs/b.jpg"], {}),
        (["notes.txt"], {"exclude": ("*.txt",)}),
        (["done/a.jpg"], {"exclude": ("done",)}),
        (["done/a.jpg"], {"recursive": False}),
    ],
)
def test_what_a_machine_left_and_what_the_user_named_make_no_folder_less_empty(
    tmp_path: Path, files: list[str], more: dict[str, Any]
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    search = Search(**more)

    assert names(str(tmp_path), tmp_path, search=search) == []
    assert sum(search.left.counts.values()) == len(files)


def test_links_that_lead_to_nothing_readable_are_no_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "yard").mkdir()
    (tmp_path / "nas").mkdir()
    (tmp_path / "yard" / "gate1").symlink_to(tmp_path / "unmounted")
    with pytest.raises(OCRManifestError, match=r"1 link that leads nowhere: gate1\. See that what the links lead to"):
        names(f"{tmp_path}/yard", tmp_path)

    (tmp_path / "yard" / "gate1").unlink()
    (tmp_path / "yard" / "gate1").symlink_to(tmp_path / "nas")
    with pytest.raises(OCRManifestError, match=r"1 linked folder outside of the allowed roots: gate1\. Name the "):
        names(f"{tmp_path}/yard", tmp_path, search=Search(roots=(local_place(tmp_path / "yard"),)))


def test_an_empty_folder_has_no_rows(tmp_path: Path) -> None:
    assert names(str(tmp_path), tmp_path) == []


def test_a_link_into_nowhere_is_left_to_the_read_task(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")

    (found,) = read_manifest(str(tmp_path), opener=local_place, default_type="vin")

    assert isinstance(found, PlannedImage)
    assert found.image_version is None


def test_a_file_name_that_is_no_text_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with open(os.fsencode(tmp_path) + b"/M\xfcnchen.jpg", "wb") as file:  # noqa: PTH123  # a name of bytes
        file.write(b"x")

    bad, good = sorted(
        read_manifest(str(tmp_path), opener=local_place, default_type="vin"),
        key=lambda item: not isinstance(item, BadRow),
    )

    assert isinstance(bad, BadRow)
    assert bad.image == f"{tmp_path}/M?nchen.jpg"
    assert "no text (UTF-8)" in bad.message
    assert isinstance(good, PlannedImage)


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"ETag": '"abc"', "size": 5}, "abc"),
        ({"generation": 17}, "17"),
        ({"size": 5, "LastModified": datetime(2026, 3, 1, tzinfo=UTC)}, "5-2026-03-01T00:00:00+00:00"),
        ({"size": 5, "mtime": 1.5}, "5-1.5"),
        ({"size": 5}, None),
        ({}, None),
    ],
)
def test_a_version_is_what_the_listing_knows(info: dict[str, Any], version: str | None) -> None:
    assert version_of(info) == version


class TestOnS3:
    @pytest.fixture
    def bucket(self, s3: S3Stand) -> StoragePath:
        place = s3.place("yard")
        for name in ("a.jpg", "sub/b.jpg", "notes.txt"):
            place.fs.pipe_file(f"{place.path}/{name}", b"12345")
        return place

    def found(self, s3: S3Stand, uri: str, **more: Any) -> list[PlannedImage | BadRow]:
        def opener(text: str) -> StoragePath:
            bare = text.removeprefix("s3://").rpartition("@")[2]
            return StoragePath(s3.file_system(), bare.rstrip("/"), "s3")

        return list(read_manifest(uri, opener=opener, default_type="vin", **more))

    def test_a_prefix_gives_its_images_with_their_etags(self, s3: S3Stand, bucket: StoragePath) -> None:
        found = self.found(s3, f"{bucket.uri}/")

        assert [(item.row, item.image) for item in found] == [
            (1, f"{bucket.uri}/a.jpg"),
            (2, f"{bucket.uri}/sub/b.jpg"),
        ]
        assert isinstance(found[0], PlannedImage)
        assert found[0].image_version == "827ccb0eea8a706c4c34a16891f84e7b"

    def test_without_recursion_only_its_own(self, s3: S3Stand, bucket: StoragePath) -> None:
        assert [item.image for item in self.found(s3, bucket.uri, recursive=False)] == [f"{bucket.uri}/a.jpg"]

    def test_a_glob_gives_the_images_it_matches(self, s3: S3Stand, bucket: StoragePath) -> None:
        assert [item.image for item in self.found(s3, f"{bucket.uri}/**/*.jpg")] == [
            f"{bucket.uri}/a.jpg",
            f"{bucket.uri}/sub/b.jpg",
        ]

    def test_images_are_opened_through_the_connection_of_the_manifest(self, s3: S3Stand, bucket: StoragePath) -> None:
        bucket.fs.pipe_file(f"{bucket.path}/m.csv", b"image\na.jpg\n")
        bare = bucket.uri.removeprefix("s3://")

        for uri in (f"s3://conn@{bare}", f"s3://conn@{bare}/m.csv"):
            first = self.found(s3, uri)[0]
            assert isinstance(first, PlannedImage)
            assert first.image == f"{bucket.uri}/a.jpg"
            assert first.uri == f"s3://conn@{bare}/a.jpg"

    @pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.txt"])
    def test_manifests_lie_there_as_well(self, s3: S3Stand, bucket: StoragePath, name: str) -> None:
        content = {"m.csv": "image\nsub/b.jpg\n", "m.jsonl": '{"image": "sub/b.jpg"}', "m.txt": "sub/b.jpg"}[name]
        bucket.fs.pipe_file(f"{bucket.path}/{name}", content.encode())

        assert [item.image for item in self.found(s3, f"{bucket.uri}/{name}")] == [f"{bucket.uri}/sub/b.jpg"]

    JUNK = ("@eaDir/a.jpg", "sub/.thumbs/t.jpg", "#recycle/a.jpg", "sub/~$b.jpg", "$RECYCLE.BIN/c.jpg", "._a.jpg")

    @pytest.mark.parametrize("form", ["", "/", "/**", "/**/*.jpg"])
    def test_what_machines_leave_is_left_out_and_counted_as_on_a_disk(
        self, s3: S3Stand, bucket: StoragePath, form: str
    ) -> None:
        for name in (*self.JUNK, "@eaDir/b.jpg"):
            bucket.fs.pipe_file(f"{bucket.path}/{name}", b"12345")
        search = Search()

        found = self.found(s3, f"{bucket.uri}{form}", search=search)

        assert [item.image for item in found] == [f"{bucket.uri}/a.jpg", f"{bucket.uri}/sub/b.jpg"]
        assert (search.left.counts["hidden"], search.left.counts["excluded"]) == (2, 4)

    def test_marks_of_folders_and_odd_keys_are_no_images_and_no_error(self, s3: S3Stand, bucket: StoragePath) -> None:
        for key in ("", "sub/", "empty/", "x.jpg/"):
            bucket.fs.call_s3("put_object", Bucket=bucket.path.partition("/")[0], Key=f"yard/{key}", Body=b"")
        for key in ("/two.jpg", "a//b.jpg", "ü +%20#.jpg"):
            bucket.fs.call_s3("put_object", Bucket=bucket.path.partition("/")[0], Key=f"yard/{key}", Body=b"12345")

        found = [item.image for item in self.found(s3, f"{bucket.uri}/")]

        names = ("/two.jpg", "a.jpg", "a//b.jpg", "sub/b.jpg", "ü +%20#.jpg")
        assert found == [f"{bucket.uri}/{name}" for name in names]

    def test_a_key_whose_name_would_be_anothers_is_left_aside(self, s3: S3Stand, bucket: StoragePath) -> None:
        for key in ("./a.jpg", "sub/../b.jpg", "..a/c.jpg"):
            bucket.fs.call_s3("put_object", Bucket=bucket.path.partition("/")[0], Key=f"yard/{key}", Body=b"other")
        search = Search()

        found = self.found(s3, bucket.uri, search=search)

        assert [item.image for item in found] == [f"{bucket.uri}/a.jpg", f"{bucket.uri}/sub/b.jpg"]
        assert search.left.counts == {"keys_with_dots": 2, "hidden": 1, "no_image": 1}
        assert "2 objects with . or .. as a part of their keys: ./a.jpg, sub/../b.jpg" in search.left.describe()

    @pytest.mark.parametrize("pattern", ["", "/*", "/n*"])
    def test_nothing_that_could_be_taken_is_refused_there_as_well(
        self, s3: S3Stand, bucket: StoragePath, pattern: str
    ) -> None:
        bucket.fs.pipe_file(f"{bucket.path}-only/notes.txt", b"12345")

        with pytest.raises(OCRManifestError, match=r"Nothing could be taken from .*1 file is no image: \.txt 1"):
            self.found(s3, f"{bucket.uri}-only{pattern}")

    def test_a_pattern_that_no_store_can_look_for_is_refused(self, s3: S3Stand, bucket: StoragePath) -> None:
        with pytest.raises(OCRManifestError, match="is no pattern that can be looked for"):
            self.found(s3, f"{bucket.uri}/**.jpg")

    def test_a_missing_manifest_is_refused_by_its_uri(self, s3: S3Stand, bucket: StoragePath) -> None:
        with pytest.raises(OCRManifestError, match=f"There is no manifest at {bucket.uri}/none.csv"):
            self.found(s3, f"{bucket.uri}/none.csv")
