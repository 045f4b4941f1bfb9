from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.engine.images.gallery import (
    KEPT_S,
    THREADS,
    TIDY_S,
    WAITING,
    Gallery,
    WantedPicture,
    why_not,
)
from airflow_provider_platerec_ocr.engine.images.preview import NoPreviewError
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import START, FakeClock
from support.pictures import picture
from support.stores import local_place
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    folder = tmp_path / "yard"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture())
    return folder


def wanted(yard: Path, name: str = "a.jpg", **more: Any) -> WantedPicture:
    return replace(WantedPicture(str(yard / name), "v", (local_place(yard),), 64), **more)


def test_a_picture_is_made_once_and_kept(yard: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = Gallery(kept).picture(wanted(yard))
    (yard / "a.jpg").unlink()

    assert first.startswith(b"\xff\xd8\xff")
    assert Gallery(kept).picture(wanted(yard)) == first
    assert kept.stat().st_mode & 0o777 == 0o700
    assert [path.suffix for path in kept.iterdir()] == [".jpg"]


def test_another_content_or_size_is_another_picture(yard: Path) -> None:
    keys = {wanted(yard, **more).key for more in ({}, {"version": "w"}, {"side": 65}, {"image": "/x\udc80"})}

    assert len(keys) == 4


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone.jpg", "not there any more"),
        ("../secret.jpg", "outside of the folders"),
        ("link.jpg", "outside of the folders"),
        ("sub", "this is no file"),
        ("pipe", "this is no file"),
        ("broken.jpg", "cannot be shown as an image"),
        ("zero\0.jpg", "outside of the folders"),
        ("x" * 5000, "not there any more"),
        ("empty.jpg", "cannot be shown"),
    ],
)
def test_what_has_no_picture_says_why_and_nothing_of_the_path(yard: Path, name: str, why: str) -> None:
    (yard.parent / "secret.jpg").write_bytes(picture())
    (yard / "link.jpg").symlink_to(yard.parent / "secret.jpg")
    (yard / "sub").mkdir()
    os.mkfifo(yard / "pipe")
    (yard / "broken.jpg").write_bytes(picture()[:200])
    (yard / "empty.jpg").write_bytes(b"")

    with pytest.raises(NoPreviewError, match=why) as raised:
        Gallery(None).picture(wanted(yard, name))
    assert str(yard) not in str(raised.value)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("https://example.com/a.jpg", "not fetched again"),
        ("HTTP://example.com/a.jpg?sig=x", "not fetched again"),
        ("4711", "does not say where the file is"),
        ("", "does not say where the file is"),
        ("/yard/a.jpg", ""),
        ("s3://bucket/a.jpg", ""),
    ],
)
def test_what_is_never_looked_for(image: str, why: str) -> None:
    assert why in why_not(image)
    assert bool(why) == bool(why_not(image))


def test_without_a_folder_that_it_may_lie_in_nothing_is_read(yard: Path) -> None:
    with pytest.raises(NoPreviewError, match="no folder is known"):
        Gallery(None).picture(wanted(yard, roots=()))


def test_a_file_that_is_too_large_is_not_shown(yard: Path) -> None:
    with (yard / "large.jpg").open("wb") as file:
        file.truncate(40_000_000)

    with pytest.raises(NoPreviewError, match="too large"):
        Gallery(None).picture(wanted(yard, "large.jpg"))


class Hanging:
    """A store that hands nothing out until it is told to."""

    protocol = "s3"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    def _strip_protocol(self, path: str) -> str:
        return path.removeprefix("s3://")

    def cat_file(self, _path: str, **_: object) -> bytes:
        self.asked += 1
        self.go.wait()
        return picture()


def test_a_store_that_hangs_costs_a_moment_and_the_picture_comes_later(tmp_path: Path) -> None:
    store, kept = Hanging(), tmp_path / "kept"
    item = WantedPicture("s3://yard/a.jpg", "v", (StoragePath(store, "yard", "s3"),), 64)
    gallery = Gallery(kept, seconds=0.0)
    for _ in range(WAITING + THREADS + 1):  # more than may wait for different ones
        with pytest.raises(NoPreviewError, match="too long"):
            gallery.picture(item)
    store.go.set()
    until("the picture never came", lambda: list(kept.glob("*.jpg")))

    assert gallery.picture(item).startswith(b"\xff\xd8\xff")
    assert store.asked == 1


def test_who_comes_when_too_many_wait_gets_none_at_once() -> None:
    store = Hanging()
    gallery = Gallery(None, seconds=0.0)
    items = [
        WantedPicture(f"s3://yard/{number}.jpg", "v", (StoragePath(store, "yard", "s3"),), 64) for number in range(150)
    ]

    def said(item: WantedPicture) -> str:
        with pytest.raises(NoPreviewError) as raised:
            gallery.picture(item)
        return str(raised.value)

    words = [said(item) for item in items]
    store.go.set()

    assert sum("too many" in each for each in words) >= 150 - WAITING - 5
    assert sum("too long" in each for each in words) >= WAITING


def test_many_people_get_the_same_picture(yard: Path) -> None:
    gallery = Gallery(None)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: gallery.picture(wanted(yard)), range(32)))

    assert len(found) == 1


def test_what_is_old_or_too_much_goes(yard: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    clock = FakeClock(START)
    size = len(Gallery(None).picture(wanted(yard)))
    gallery = Gallery(kept, kept_bytes=2 * size, clock=clock)
    for number in range(4):
        gallery.picture(wanted(yard, version=str(number)))
        path = kept / f"{wanted(yard, version=str(number)).key}.jpg"
        at = (START - timedelta(seconds=KEPT_S + 10 if number == 3 else 10 - number)).timestamp()
        os.utime(path, (at, at))
    (yard / "a.jpg").unlink()

    gallery.tidy()

    def is_kept(number: int) -> bool:
        return (kept / f"{wanted(yard, version=str(number)).key}.jpg").exists()

    assert [is_kept(number) for number in range(4)] == [False, True, True, False]


def test_a_disk_that_takes_nothing_only_keeps_nothing(yard: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert Gallery(tmp_path / "file" / "kept").picture(wanted(yard))


def test_an_image_on_object_storage_is_read_through_its_root(s3: S3Stand) -> None:
    root = s3.place("yard")
    root.fs.pipe_file(f"{root.path}/a b.jpg", picture())
    item = WantedPicture(f"s3://{root.path}/a b.jpg", "v", (root,), 64)

    assert Gallery(None).picture(item).startswith(b"\xff\xd8\xff")
    with pytest.raises(NoPreviewError, match="outside"):
        Gallery(None).picture(replace(item, image=f"s3://{root.path}/../other/a.jpg"))
    with pytest.raises(NoPreviewError, match="not there"):
        Gallery(None).picture(replace(item, image=f"s3://{root.path}/gone.jpg"))


def test_what_is_old_goes_within_an_hour_of_looking_though_nothing_is_made_any_more(yard: Path, tmp_path: Path) -> None:
    kept, clock = tmp_path / "kept", FakeClock(START)
    gallery = Gallery(kept, clock=clock)
    for version in ("old", "new"):
        gallery.picture(wanted(yard, version=version))
    old = kept / f"{wanted(yard, version='old').key}.jpg"
    at = clock.now().timestamp()
    os.utime(kept / f"{wanted(yard, version='new').key}.jpg", (at, at))
    os.utime(old, (at - KEPT_S, at - KEPT_S))

    clock.pause(TIDY_S - 1.0)
    gallery.picture(wanted(yard, version="new"))
    assert old.exists()
    clock.pause(1.0)
    gallery.picture(wanted(yard, version="new"))
    assert not old.exists()
