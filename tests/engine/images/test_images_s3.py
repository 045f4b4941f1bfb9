from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader
from airflow_provider_platerec_ocr.engine.rate.board import Hold, PaceBoard
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.pictures import picture

if TYPE_CHECKING:
    from support.stores import S3Stand


def loader(root: StoragePath, clock: FakeClock) -> ImageLoader:
    return ImageLoader(
        roots=[root],
        opener=lambda uri: StoragePath(root.fs, uri.removeprefix("s3://"), "s3"),
        max_bytes=100_000,
        clock=clock,
    )


def test_an_object_is_loaded_with_one_request(s3: S3Stand) -> None:
    root = s3.place("photos")
    root.fs.pipe_file(f"{root.path}/a b#1.jpg", picture())
    root.fs.requests.clear()
    loaded = loader(root, FakeClock()).load(f"s3://{root.path}/a b#1.jpg")
    assert (loaded.content, loaded.filename) == (picture(), "a b#1.jpg")
    assert root.fs.requests == ["get_object"]


def test_a_large_object_is_not_read_whole(s3: S3Stand) -> None:
    root = s3.place("photos")
    root.fs.pipe_file(f"{root.path}/a.jpg", picture() + bytes(3_000_000))
    with pytest.raises(OCRImageError) as caught:
        loader(root, FakeClock()).load(f"s3://{root.path}/a.jpg")
    assert caught.value.reason == Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty.jpg", Reason.IMAGE_EMPTY),
        ("none.jpg", Reason.IMAGE_MISSING),
        ("folder", Reason.IMAGE_NOT_AN_IMAGE),
        ("text.jpg", Reason.IMAGE_NOT_AN_IMAGE),
    ],
)
def test_what_is_no_image_is_named_at_once(s3: S3Stand, name: str, reason: Reason) -> None:
    root, clock = s3.place("photos"), FakeClock()
    root.fs.pipe_file(f"{root.path}/empty.jpg", b"")
    root.fs.pipe_file(f"{root.path}/folder/a.jpg", picture())
    root.fs.pipe_file(f"{root.path}/text.jpg", b"hello")
    with pytest.raises(OCRImageError) as caught:
        loader(root, clock).load(f"s3://{root.path}/{name}")
    assert caught.value.reason == reason
    assert clock.slept == []


def test_a_bucket_that_is_not_there_is_a_missing_image(s3: S3Stand) -> None:
    root = StoragePath(s3.file_system(), "no-such-bucket/photos", "s3")
    with pytest.raises(OCRImageError) as caught:
        loader(root, FakeClock()).load("s3://no-such-bucket/photos/a.jpg")
    assert (caught.value.reason, caught.value.permanent) == (Reason.IMAGE_MISSING, False)


def test_shards_meet_on_s3_with_two_requests_a_beat_and_a_third_for_who_follows(s3: S3Stand) -> None:
    place = s3.place("pace")
    one, two = PaceBoard(place), PaceBoard(s3.again(place))
    assert one.beat(0.5) == []
    assert two.beat(0.25) == [0.5]
    place.fs.requests.clear()
    assert one.beat(0.5) == [0.25]
    assert place.fs.requests == ["put_object", "list_objects_v2"]
    one.hold(2000.0, throttled_at_s=1990.0)
    assert two.posted() == Hold(2000.0, 1990.0)
    two.leave()
    assert one.beat(0.5) == []
