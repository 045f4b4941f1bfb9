from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.manifest.manifest import read_manifest
from airflow_provider_platerec_ocr.runtime.read_request import ReadRequest
from support.stores import local_place

SIGNED = "https://bucket.example.com/yard/a.jpg?v=2&X-Amz-Signature=geheim77"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give either image .* or upload_url"),
        ({"image": "/a.jpg", "upload_url": SIGNED}, "not both"),
        ({"image": ""}, "not neither"),
        ({"image": b""}, "not neither"),
        ({"image": SIGNED}, r"image https://bucket.example.com/yard/a.jpg is a URL: give it as upload_url"),
        ({"upload_url": "ftp://host/a.jpg"}, "no http or https URL"),
        ({"upload_url": "https:///a.jpg"}, "no http or https URL"),
        ({"upload_url": "https://[oops/a.jpg"}, "no http or https URL"),
        ({"upload_url": "https://host/a b.jpg"}, "no http or https URL"),
        ({"image": "/a.jpg", "type": "VIN!"}, "type 'VIN!' cannot be used"),
        ({"image": "/a.jpg", "timestamp": "2026-03-01T22:00:00"}, "has no time zone"),
        ({"image": "/a.jpg", "timestamp": datetime(2026, 3, 1)}, "has no time zone"),  # noqa: DTZ001
        ({"image": "/a.jpg", "timestamp": "yesterday"}, "not an ISO 8601 time"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_opened(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OCRConfigError, match=message) as caught:
        ReadRequest(**{"type": "vin", **arguments})

    assert "geheim77" not in str(caught.value)


@pytest.mark.parametrize(
    ("image", "identity", "uri"),
    [
        ("/yard/in/../a.jpg", "/yard/a.jpg", "/yard/in/../a.jpg"),
        ("file:///yard/a.jpg", "/yard/a.jpg", "file:///yard/a.jpg"),
        (Path("/yard/a.jpg"), "/yard/a.jpg", "/yard/a.jpg"),
        ("s3://my_conn@bucket/a.jpg", "s3://bucket/a.jpg", "s3://my_conn@bucket/a.jpg"),
        (b"bytes", "bytes/image.jpg", "bytes/image.jpg"),
    ],
)
def test_an_image_is_identified_by_its_path_without_the_connection(image: Any, identity: str, uri: str) -> None:
    planned = ReadRequest(type="vin", image=image).planned(3)

    assert (planned.row, planned.image, planned.uri, planned.upload_url) == (3, identity, uri, None)


def test_bytes_are_named_by_the_caller_but_never_lead_elsewhere() -> None:
    request = ReadRequest(type="vin", image=b"\xff\xd8", filename="../../etc/door.jpg")

    assert request.planned(1).image == request.resolved_uri() == "bytes/door.jpg"
    assert (request.content, request.roots()) == (b"\xff\xd8", [])


def test_the_plan_of_a_url_holds_no_signature_but_memory_does() -> None:
    request = ReadRequest(type="vin", upload_url=SIGNED)
    planned = request.planned(1)

    assert planned.upload_url == planned.image == "https://bucket.example.com/yard/a.jpg"
    assert planned.signed is True
    assert "geheim77" not in repr((request, planned))
    assert request.signed_urls(1) == {planned.identity: SIGNED}
    assert request.secrets() == ["v=2&X-Amz-Signature=geheim77"]


def test_a_url_without_signature_is_sent_as_it_is() -> None:
    planned = ReadRequest(type="vin", upload_url="https://host.example.com/a.jpg").planned(1)

    assert planned.signed is False
    assert ReadRequest(type="vin", upload_url="https://host.example.com/a.jpg").secrets() == []


@pytest.mark.parametrize(
    ("timestamp", "sent"),
    [
        ("2026-03-01T23:00:00+01:00", "2026-03-01T22:00:00Z"),
        (datetime(2026, 3, 1, 22, tzinfo=UTC), "2026-03-01T22:00:00Z"),
        (None, None),
    ],
)
def test_timestamps_are_sent_in_utc(timestamp: Any, sent: str | None) -> None:
    assert ReadRequest(type="vin", image="/a.jpg", timestamp=timestamp).planned(1).timestamp == sent


def test_an_image_may_lie_in_its_own_folder_or_in_the_allowed_roots() -> None:
    assert [root.path for root in ReadRequest(type="vin", image="/yard/a.jpg").roots()] == ["/yard"]
    roots = ReadRequest(type="vin", image="/yard/a.jpg", allowed_roots=("/data", "/more")).roots()
    assert [root.path for root in roots] == ["/data", "/more"]


@pytest.mark.parametrize("image", [bytearray(b"\xff\xd8"), memoryview(b"\xff\xd8")])
def test_whatever_holds_bytes_is_the_image(image: Any) -> None:
    request = ReadRequest.given(type="vin", image=image)

    assert request.image == b"\xff\xd8"
    assert request.planned(1).image == "bytes/image.jpg"


def test_what_people_give_is_converted_as_a_manifests_row_is(tmp_path: Path) -> None:
    """The hook and the operator say the same of an image as a row that says the same."""
    said = {"type": "vin", "camera_id": 7, "timestamp": "2026-03-01T23:00:00+01:00", "image_version": 3.0}
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps({"image": str(tmp_path / "a.jpg"), **said}) + "\n")
    (row,) = read_manifest(str(manifest), opener=local_place)

    assert ReadRequest.given(image=tmp_path / "a.jpg", **said).planned(1) == row
    assert isinstance(row, PlannedImage)
    assert (row.camera_id, row.image_version) == ("7", "3.0")


def test_a_url_means_the_same_to_a_single_read_and_to_a_manifest(tmp_path: Path) -> None:
    urls = [SIGNED, "HTTPS://Host.example:443/a%20b.jpg?raw#x", "https://h.example/get?id=7&token=t"]
    manifest = tmp_path / "m.txt"
    manifest.write_text("\n".join(urls))
    rows = list(read_manifest(str(manifest), opener=local_place, default_type="vin", identity_params=["id"]))

    given = [ReadRequest.given(type="vin", upload_url=url, identity_params="id, x") for url in urls]
    assert [request.planned(row) for row, request in enumerate(given, start=1)] == rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"camera_id": True}, "camera_id must be text"),
        ({"camera_id": b"7"}, "camera_id must be text"),
        ({"timestamp": 1_772_000_000}, "timestamp must be ISO 8601"),
        ({"image_version": ["x"]}, "image_version must be text"),
        ({"filename": 7j}, "filename must be text"),
        ({"in_doubt": "perhaps"}, "in_doubt must be one of"),
        ({"in_doubt": None}, "in_doubt must be one of"),
        ({"shrink": "perhaps"}, "shrink must be true or false"),
        ({"type": None}, "type"),
        ({"image": ["a.jpg"]}, "image must be text"),
        ({"image": None, "upload_url": b"https://x"}, "upload_url must be text"),
        ({"image": None, "upload_url": "https://x.example/get?id=1&sig=t"}, "identity_params"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OCRConfigError, match=message):
        ReadRequest.given(**{"type": "vin", "image": "/a.jpg", **arguments})


def test_one_root_as_text_is_one_root() -> None:
    """Its letters would be roots, and the first of them is ``/``."""
    assert ReadRequest.given(type="vin", image="/yard/a.jpg", allowed_roots="/yard").allowed_roots == ("/yard",)
    assert ReadRequest.given(type="vin", image="/a.jpg", allowed_roots=[Path("/yard")]).allowed_roots == ("/yard",)


def test_a_query_that_is_no_signature_is_no_secret() -> None:
    assert ReadRequest(type="vin", upload_url="https://host.example.com/a.jpg?M8").secrets() == []
    with_user = ReadRequest(type="vin", upload_url="https://me:geheim77@host.example.com/a.jpg?sig=s")
    assert with_user.secrets() == ["sig=s", "me:geheim77", "geheim77"]


def test_an_image_id_names_an_image_whatever_holds_it() -> None:
    for given in ({"image": "/yard/a.jpg"}, {"image": b"x"}, {"upload_url": SIGNED}):
        assert ReadRequest.given(type="vin", image_id=" gate-7 ", **given).planned(1).image == "gate-7"
