from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader
from airflow_provider_platerec_ocr.engine.images.roots import AllowedRoots
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.pictures import local, opened, picture

if TYPE_CHECKING:
    from pathlib import Path


def admit(root: StoragePath, place: StoragePath) -> StoragePath:
    return AllowedRoots([root]).admit(place)


def refused(root: StoragePath, place: StoragePath) -> OCRImageError:
    with pytest.raises(OCRImageError) as caught:
        admit(root, place)
    return caught.value


def test_a_file_below_a_root_is_allowed(tmp_path: Path) -> None:
    assert admit(local(tmp_path), local(tmp_path / "a" / "b.jpg")).path == str(tmp_path / "a" / "b.jpg")


def test_a_path_that_climbs_out_is_refused_and_the_message_names_the_roots(tmp_path: Path) -> None:
    error = refused(local(tmp_path / "photos"), StoragePath(None, f"{tmp_path}/photos/../secret.jpg"))
    assert (error.reason, error.permanent) == (Reason.IMAGE_OUTSIDE_ROOTS, True)
    assert str(tmp_path / "photos") in error.message
    assert "roots" in error.message


def test_a_path_that_climbs_and_stays_inside_is_allowed(tmp_path: Path) -> None:
    place = StoragePath(None, f"{tmp_path}/photos/x/../a.jpg")
    assert admit(local(tmp_path / "photos"), place).path == str(tmp_path / "photos" / "a.jpg")


def test_a_neighbour_with_the_same_beginning_is_refused(tmp_path: Path) -> None:
    refused(local(tmp_path / "photos"), local(tmp_path / "photos-private" / "a.jpg"))


def test_a_symlink_out_of_the_roots_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "secret.jpg").write_bytes(picture())
    (tmp_path / "photos" / "a.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "photos" / "folder").symlink_to(tmp_path)
    refused(local(tmp_path / "photos"), local(tmp_path / "photos" / "a.jpg"))
    refused(local(tmp_path / "photos"), local(tmp_path / "photos" / "folder" / "secret.jpg"))


def test_a_symlink_that_stays_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(picture())
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    loader = ImageLoader(roots=[local(tmp_path)], opener=opened, max_bytes=10_000)
    assert loader.load(str(tmp_path / "a.jpg")).content == picture()


def test_a_root_that_is_a_symlink_itself_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "photos").symlink_to(tmp_path / "real")
    admit(local(tmp_path / "photos"), local(tmp_path / "photos" / "a.jpg"))


def test_the_whole_disk_may_be_a_root() -> None:
    assert admit(StoragePath(None, "/"), StoragePath(None, "/usr/a.jpg")).path == "/usr/a.jpg"


def test_the_root_itself_is_no_image(tmp_path: Path) -> None:
    refused(local(tmp_path), local(tmp_path))


def test_a_zero_byte_in_a_path_is_refused(tmp_path: Path) -> None:
    refused(local(tmp_path), StoragePath(None, f"{tmp_path}/a\0.jpg"))


@pytest.mark.parametrize(
    "path",
    [
        "bucket/photos/../secret/a.jpg",
        "bucket/photos/..",
        "bucket/photos-x/a.jpg",
        "other/photos/a.jpg",
        "bucket/photos",
    ],
)
def test_an_object_outside_the_prefix_is_refused(path: str) -> None:
    refused(StoragePath(None, "bucket/photos", "s3"), StoragePath(None, path, "s3"))


def test_an_encoded_climb_on_a_web_server_is_refused() -> None:
    root = StoragePath(None, "https://host/photos", "https")
    refused(root, StoragePath(None, "https://host/photos/%2e%2e/secret.jpg", "https"))
    admit(root, StoragePath(None, "https://host/photos/a.jpg", "https"))


def test_the_same_path_on_another_kind_of_store_is_refused() -> None:
    refused(StoragePath(None, "bucket/photos", "s3"), StoragePath(None, "bucket/photos/a.jpg", "gs"))
    refused(StoragePath(None, "/photos", "file"), StoragePath(None, "/photos/a.jpg", "sftp"))


def test_an_objects_name_is_never_rewritten() -> None:
    assert admit(StoragePath(None, "bucket/photos", "s3"), StoragePath(None, "bucket/photos//a.jpg", "s3a")).path == (
        "bucket/photos//a.jpg"
    )


def test_a_manifest_cannot_choose_the_credentials() -> None:
    ours, theirs = object(), object()
    roots = AllowedRoots([StoragePath(object(), "bucket", "s3"), StoragePath(ours, "bucket/photos", "s3")])
    assert roots.admit(StoragePath(theirs, "bucket/photos/a.jpg", "s3")).fs is ours


def test_no_root_at_all_is_a_mistake() -> None:
    with pytest.raises(OCRConfigError, match="at least one"):
        AllowedRoots([])


def test_a_root_that_cannot_exist_allows_nothing(tmp_path: Path) -> None:
    refused(StoragePath(None, "\0"), local(tmp_path / "a.jpg"))


def test_objects_are_loaded_like_files() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/photos/a.jpg", picture())
    memory.pipe_file("/photos/empty.jpg", b"")
    loader = ImageLoader(roots=[opened("memory://photos")], opener=opened, max_bytes=10_000)
    assert loader.load("memory://photos/a.jpg").content == picture()
    for name, reason in (("empty.jpg", Reason.IMAGE_EMPTY), ("none.jpg", Reason.IMAGE_MISSING)):
        with pytest.raises(OCRImageError) as caught:
            loader.load(f"memory://photos/{name}")
        assert caught.value.reason == reason
