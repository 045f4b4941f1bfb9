from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader, upload_name
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.pictures import local, noise, opened, picture

FINGERPRINT = "ab" * 32
NO_DRIVER = ImportError("install s3fs")
NO_PATH = OCRImageError("the row has no path", reason=Reason.ROW_INVALID, permanent=True)


def loader(root: Path, max_bytes: int = 2_400_000, *, shrink: bool = False) -> ImageLoader:
    return ImageLoader(roots=[local(root)], opener=opened, max_bytes=max_bytes, shrink=shrink, clock=FakeClock())


def refusal(root: Path, uri: str | Path, max_bytes: int = 2_400_000, *, shrink: bool = False) -> OCRImageError:
    with pytest.raises(OCRImageError) as caught:
        loader(root, max_bytes, shrink=shrink).load(str(uri))
    return caught.value


def test_an_image_comes_as_it_is_with_the_users_own_name(tmp_path: Path) -> None:
    (tmp_path / "Tür 7.jpg").write_bytes(picture())
    loaded = loader(tmp_path).load(str(tmp_path / "Tür 7.jpg"))
    assert loaded.content == picture()
    assert loaded.upload is loaded.content
    assert loaded.filename == "Tür 7.jpg"


def test_a_missing_image_may_come_later(tmp_path: Path) -> None:
    error = refusal(tmp_path, tmp_path / "none.jpg")
    assert (error.reason, error.permanent) == (Reason.IMAGE_MISSING, False)


@pytest.mark.parametrize("name", ["a.jpg/b.jpg", "x" * 300 + ".jpg", "loop.jpg"])
def test_a_path_that_cannot_exist_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(picture())
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert refusal(tmp_path, tmp_path / name).reason == Reason.IMAGE_MISSING


def test_an_empty_file_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    error = refusal(tmp_path, tmp_path / "a.jpg")
    assert (error.reason, error.permanent) == (Reason.IMAGE_EMPTY, True)


def test_a_text_file_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("BMW list: 5GZCZ43D13S812715")
    error = refusal(tmp_path, tmp_path / "a.jpg")
    assert (error.reason, error.permanent) == (Reason.IMAGE_NOT_AN_IMAGE, True)
    assert "JPEG, PNG" in error.message


def test_half_an_image_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(noise()[:5000])
    error = refusal(tmp_path, tmp_path / "a.jpg")
    assert (error.reason, error.permanent) == (Reason.IMAGE_TRUNCATED, True)
    assert "5,000 bytes" in error.message


def test_a_folder_is_not_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()
    error = refusal(tmp_path, tmp_path / "a.jpg")
    assert (error.reason, error.permanent) == (Reason.IMAGE_NOT_AN_IMAGE, True)
    assert "a folder" in error.message


def test_a_pipe_does_not_hang_the_thread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    error = refusal(tmp_path, tmp_path / "a.jpg")
    assert error.reason == Reason.IMAGE_NOT_AN_IMAGE
    assert "a pipe" in error.message


def test_a_socket_is_not_an_image(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(tmp_path, os.O_DIRECTORY)
        server.bind(f"/proc/self/fd/{here}/a.jpg")  # a socket's address may not be as long as a path
        os.close(here)
        assert refusal(tmp_path, tmp_path / "a.jpg").reason == Reason.IMAGE_NOT_AN_IMAGE


def test_a_device_is_not_an_image() -> None:
    error = refusal(Path("/dev"), "/dev/zero")
    assert error.reason == Reason.IMAGE_NOT_AN_IMAGE


def test_a_large_image_is_refused_and_the_message_says_how_to_allow_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(noise())
    error = refusal(tmp_path, tmp_path / "a.jpg", max_bytes=10_000)
    assert (error.reason, error.permanent) == (Reason.IMAGE_TOO_LARGE, True)
    assert "10,000 bytes" in error.message
    assert "shrink=True" in error.message


def test_an_image_of_exactly_the_limit_is_sent(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(noise())
    assert loader(tmp_path, len(noise())).load(str(tmp_path / "a.jpg")).upload == noise()


def test_a_large_image_is_shrunk_where_that_is_allowed_and_the_original_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(noise(quality=95))
    loaded = loader(tmp_path, 60_000, shrink=True).load(str(tmp_path / "a.jpg"))
    assert loaded.content == noise(quality=95)
    assert len(loaded.upload) <= 60_000


def test_an_image_that_cannot_be_shrunk_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20_000))
    error = refusal(tmp_path, tmp_path / "a.heic", max_bytes=10_000, shrink=True)
    assert error.reason == Reason.IMAGE_TOO_LARGE
    assert "Pillow cannot read it" in error.message


def test_shrinking_without_pillow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(noise())
    monkeypatch.setitem(sys.modules, "PIL", None)
    error = refusal(tmp_path, tmp_path / "a.jpg", max_bytes=10_000, shrink=True)
    assert "pip install 'airflow-provider-platerec-ocr[images]'" in error.message


def test_an_image_beyond_what_is_worth_shrinking_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.write(picture()[:20])
        file.truncate(200_000_001)
    error = refusal(tmp_path, tmp_path / "a.jpg", shrink=True)
    assert error.reason == Reason.IMAGE_TOO_LARGE
    assert "Above 200,000,000 bytes" in error.message


class Flaky:
    """A store that fails in a scripted way before it answers."""

    def __init__(self, *faults: Exception, content: bytes = b"", kind: str = "file", size: int = 5) -> None:
        self.faults = list(faults)
        self.content = content
        self.facts = {"type": kind, "size": size}

    def cat_file(self, _path: str, start: int, end: int) -> bytes:
        if self.faults:
            raise self.faults.pop(0)
        return self.content[start:end]

    def info(self, _path: str) -> dict[str, object]:
        return self.facts


def store_loader(store: Flaky, clock: FakeClock) -> ImageLoader:
    return ImageLoader(
        roots=[StoragePath(store, "bucket/photos", "s3")],
        opener=lambda uri: StoragePath(store, uri.removeprefix("s3://"), "s3"),
        max_bytes=100_000,
        clock=clock,
    )


def test_a_storage_that_hiccups_is_asked_again_after_a_pause() -> None:
    clock = FakeClock()
    store = Flaky(TimeoutError("slow down"), OSError(errno.EIO, "reset"), content=picture())
    assert store_loader(store, clock).load("s3://bucket/photos/a.jpg").content == picture()
    assert clock.slept == [0.2, 1.0]


def test_a_storage_that_keeps_failing_is_not_the_images_fault() -> None:
    store = Flaky(*(OSError("503 Slow Down https://host/a.jpg?X-Amz-Signature=s3cret") for _ in range(3)))
    with pytest.raises(OCRImageError) as caught:
        store_loader(store, FakeClock()).load("s3://bucket/photos/a.jpg")
    assert (caught.value.reason, caught.value.permanent) == (Reason.IMAGE_UNREADABLE, False)
    assert "503 Slow Down" in caught.value.message
    assert "s3cret" not in caught.value.message


def test_an_object_that_goes_while_the_storage_hiccups_is_missing() -> None:
    store = Flaky(OSError("reset"), OSError("reset"), FileNotFoundError("no such key"))
    with pytest.raises(OCRImageError) as caught:
        store_loader(store, FakeClock()).load("s3://bucket/photos/a.jpg")
    assert caught.value.reason == Reason.IMAGE_MISSING


def test_an_empty_object_is_known_where_the_store_refuses_a_range_of_nothing() -> None:
    with pytest.raises(OCRImageError) as caught:
        store_loader(Flaky(OSError("InvalidRange"), size=0), FakeClock()).load("s3://bucket/photos/a.jpg")
    assert caught.value.reason == Reason.IMAGE_EMPTY


def test_a_local_disk_that_fails_is_asked_again() -> None:
    clock = FakeClock()
    loader = ImageLoader(roots=[local(Path("/proc"))], opener=opened, max_bytes=10_000, clock=clock)
    with pytest.raises(OCRImageError) as caught:
        loader.load(f"/proc/{os.getpid()}/mem")  # a regular file whose first byte cannot be read
    assert (caught.value.reason, caught.value.permanent) == (Reason.IMAGE_UNREADABLE, False)
    assert clock.slept == [0.2, 1.0]


def test_denied_access_is_not_the_images_fault_and_not_asked_again() -> None:
    clock = FakeClock()
    store = Flaky(PermissionError("AccessDenied"), content=picture())
    with pytest.raises(OCRImageError) as caught:
        store_loader(store, clock).load("s3://bucket/photos/a.jpg")
    assert (caught.value.reason, caught.value.permanent) == (Reason.IMAGE_UNREADABLE, False)
    assert clock.slept == []


def test_a_local_file_that_may_not_be_opened_is_not_the_images_fault(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture())
    (tmp_path / "a.jpg").chmod(0)
    if os.access(tmp_path / "a.jpg", os.R_OK):
        pytest.skip("root may open everything")
    assert refusal(tmp_path, tmp_path / "a.jpg").permanent is False


def test_a_prefix_of_a_store_is_a_folder() -> None:
    for fault in (OSError("no such key"), IsADirectoryError("a prefix")):
        with pytest.raises(OCRImageError) as caught:
            store_loader(Flaky(fault, kind="directory"), FakeClock()).load("s3://bucket/photos/a")
        assert caught.value.reason == Reason.IMAGE_NOT_AN_IMAGE


def test_an_opener_that_fails_is_not_the_images_fault() -> None:
    def broken(_uri: str) -> StoragePath:
        raise NO_DRIVER

    loader = ImageLoader(roots=[StoragePath(None, "bucket", "s3")], opener=broken, max_bytes=10)
    with pytest.raises(OCRImageError) as caught:
        loader.load("s3://bucket/a.jpg")
    assert (caught.value.reason, caught.value.permanent) == (Reason.IMAGE_UNREADABLE, False)
    assert "install s3fs" in caught.value.message


def test_an_openers_own_message_is_left_alone() -> None:
    def broken(_uri: str) -> StoragePath:
        raise NO_PATH

    loader = ImageLoader(roots=[StoragePath(None, "bucket", "s3")], opener=broken, max_bytes=10)
    with pytest.raises(OCRImageError, match="the row has no path"):
        loader.load("")


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("truck.jpg", f"truck-{FINGERPRINT}.jpg"),
        ('yard/Tür 7 "x".JPEG', f"Tur_7_x_-{FINGERPRINT}.jpeg".replace("x_-", "x-")),
        ("..", f"image-{FINGERPRINT}.jpg"),
        ("写真", f"image-{FINGERPRINT}.jpg"),
        ("a" * 200 + ".png", f"{'a' * 20}-{FINGERPRINT}.png"),
        ("a" * 200 + ".longer", f"{'a' * 18}-{FINGERPRINT}.longe"),
        ("a" * 19 + " - b.png", f"{'a' * 19}-{FINGERPRINT}.png"),
        ("a\r\nb.jp g;", f"a_b-{FINGERPRINT}.jpg"),
    ],
)
def test_the_name_of_an_upload_is_safe_and_ends_with_the_fingerprint(filename: str, expected: str) -> None:
    assert upload_name(filename, FINGERPRINT) == expected
    assert len(expected) <= 89  # servers hold 100, and put some of their own before it


def test_the_extension_is_that_of_what_is_really_sent() -> None:
    assert upload_name("photo.png", FINGERPRINT, picture("JPEG")) == f"photo-{FINGERPRINT}.jpg"
