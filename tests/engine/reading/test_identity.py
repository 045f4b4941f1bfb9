"""What is planned is what is looked up, sent and paid for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes, fingerprint_url
from airflow_provider_platerec_ocr.core.images.facts import image_facts
from airflow_provider_platerec_ocr.core.images.planned import planned_url
from airflow_provider_platerec_ocr.core.models import PlannedImage, ReadStatus, Reason
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from support.reading import Setup, images, read
from support.recorder import recording_server
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from pathlib import Path

SIGNED = "https://a.example/1.jpg?w=8&Authorization=geheim77-{}"


def planned(url: str, **facts: Any) -> PlannedImage:
    return planned_url(1, url, image_facts("vin", **facts))[0]


@pytest.mark.parametrize(
    "broken",
    [
        {"camera_id": 7},
        {"camera_id": ["gate"]},
        {"timestamp": "yesterday"},
        {"timestamp": 1_772_000_000},
        {"upload_url": "https://a.example/\ud83d.jpg", "uri": None},
        {"upload_url": "ftp://a.example/1.jpg", "uri": None},
        {"upload_url": 5, "uri": None},
    ],
)
def test_a_request_that_cannot_be_built_is_never_claimed(tmp_path: Path, broken: dict[str, Any]) -> None:
    """Nothing was sent, so nothing is in doubt: the next run, with the value put right, reads it at once."""
    good = images(tmp_path, 1)[0]
    bad = PlannedImage.from_json(good.to_json() | broken)

    with running_sandbox(fetch_urls=False) as box:
        done = read(Setup(tmp_path, box.url), [bad])
        after = read(Setup(tmp_path, box.url).next_try(), [good])
        books = box.books()

    assert done.outcomes[0].status in (ReadStatus.FAILED, ReadStatus.REJECTED)
    assert (after.reads, after.billed, books["posts"]) == (1, 1, 1)
    assert len(list((tmp_path / "ledger").rglob("*.claim"))) == 1


def test_what_broke_while_the_request_was_built_is_said(tmp_path: Path) -> None:
    bad = PlannedImage.from_json(images(tmp_path, 1)[0].to_json() | {"camera_id": 7})

    with running_sandbox() as box:
        outcome = read(Setup(tmp_path, box.url), [bad]).outcomes[0]

    assert (outcome.status, outcome.reason, outcome.calls_billed) == (ReadStatus.FAILED, Reason.ROW_INVALID, 0)
    assert "nothing was sent" in (outcome.message or "")


def test_a_signed_url_of_another_version_is_not_sent(tmp_path: Path) -> None:
    image, other = (planned(SIGNED.format(1), image_version=version) for version in (1, 2))

    with running_sandbox(fetch_urls=False) as box:
        setup = Setup(tmp_path, box.url, more={"signed_urls": {other.identity: SIGNED.format(2)}})
        done = read(setup, [image])
        posts = box.books()["posts"]

    assert (done.outcomes[0].status, done.outcomes[0].reason, posts) == (ReadStatus.FAILED, Reason.ROW_INVALID, 0)


def test_two_signatures_of_one_object_are_paid_for_once(tmp_path: Path) -> None:
    one, other = (planned(SIGNED.format(number)) for number in (1, 2))

    with running_sandbox(fetch_urls=False) as box:
        setup = Setup(tmp_path, box.url, more={"signed_urls": {one.identity: SIGNED.format(1)}})
        first = read(setup, [one])
        setup = Setup(tmp_path, box.url, more={"signed_urls": {other.identity: SIGNED.format(2)}})
        second = read(setup.next_try(), [other])
        billed = box.books()["billed"]

    assert (first.reads, second.reads, billed) == (1, 1, 1)
    assert second.outcomes[0].from_ledger
    written = [path.read_bytes() for path in (tmp_path / "ledger").rglob("*") if path.is_file()]
    assert not [data for data in written if b"geheim77" in data]


def test_an_image_id_tells_two_images_of_one_url_apart(tmp_path: Path) -> None:
    url = "https://cam.example/latest.jpg"
    rows = [planned(url, image_id="monday"), planned(url, image_id="tuesday"), planned(url, image_id="monday")]

    with running_sandbox(fetch_urls=False) as box:
        done = read(Setup(tmp_path, box.url), rows)
        posts = box.books()["posts"]

    assert (done.reads, posts) == (3, 2)


@pytest.mark.parametrize(
    ("url", "former"),
    [
        ("https://a.example/1.jpg?w=8&X-Amz-Signature=t", "https://a.example/1.jpg?w=8"),
        ("https://a.example:443/1.jpg", "https://a.example:443/1.jpg"),
        ("https://a.example/1.jpg?verify=t", "https://a.example/1.jpg?verify=t"),
    ],
)
def test_what_was_paid_for_under_an_older_name_is_not_paid_for_again(tmp_path: Path, url: str, former: str) -> None:
    old = PlannedImage(1, former, "vin", upload_url=url)
    new = planned(url)

    with running_sandbox(fetch_urls=False) as box:
        read(Setup(tmp_path, box.url), [old])
        setup = Setup(tmp_path, box.url, more={"signed_urls": {new.identity: url}})
        done = read(setup.next_try(), [new])
        books = box.books()

    outcome = done.outcomes[0]
    assert (outcome.image, outcome.from_ledger, books["billed"]) == (new.image, True, 1)
    assert outcome.fingerprint == fingerprint_url(box.url, "vin", former)


def test_what_was_paid_for_under_an_older_base_url_is_not_paid_for_again(tmp_path: Path) -> None:
    """Up to version 0.1 a default port or a dot after the host was part of every fingerprint."""
    rows = [*images(tmp_path, 2), planned("https://a.example/1.jpg")]
    rows[2] = PlannedImage.from_json(rows[2].to_json() | {"row": 3})

    with running_sandbox(fetch_urls=False) as box:
        old = box.url.replace("127.0.0.1", "localhost")  # another spelling that leads to the same server
        read(Setup(tmp_path, old), rows[::2])
        done = read(Setup(tmp_path, box.url, settings={"former_base_url": old}).next_try(), rows)
        posts = box.books()["posts"]

    by_row = {outcome.row: outcome for outcome in done.outcomes}
    assert (done.reads, posts) == (3, 3)
    assert [by_row[row].from_ledger for row in (1, 2, 3)] == [True, False, True]
    content = [(tmp_path / "photos" / f"0000{row}.jpg").read_bytes() for row in (1, 2)]
    assert by_row[1].fingerprint == fingerprint_bytes(old, "vin", content[0])
    assert by_row[2].fingerprint == fingerprint_bytes(box.url, "vin", content[1])
    assert by_row[3].fingerprint == fingerprint_url(old, "vin", "https://a.example/1.jpg")


def test_where_the_ledger_cannot_be_asked_for_the_older_name_nothing_is_sent(tmp_path: Path) -> None:
    class Deaf:
        def __init__(self, ledger: Any) -> None:
            self._ledger = ledger

        def look(self, *_: str) -> None:
            message = "no answer"
            raise OCRLedgerError(message)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._ledger, name)

    image = planned("https://a.example:443/1.jpg")

    with running_sandbox(fetch_urls=False) as box:
        setup = Setup(tmp_path, box.url, options=ReadOptions(ledger_patience_s=0.0), ledger=cast("Any", Deaf))
        done = read(setup, [image])
        posts = box.books()["posts"]

    assert isinstance(done.reason, OCRLedgerError)
    assert (done.outcomes, posts) == ([], 0)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"results": [], "filename": "1.jpg", "upload_url": SIGNED.format(1)}),
        (200, {"echo": [SIGNED.format(1).replace("&", "%26")]}),
        (400, {"error": f"cannot fetch {SIGNED.format(1)}"}),
        (400, {"upload_url": ["w=8&Authorization=geheim77-1 is expired"]}),
        (500, {"detail": "Authorization: geheim77-1"}),
    ],
)
def test_what_an_answer_repeats_of_a_signature_is_written_down_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, body: dict[str, Any]
) -> None:
    url = SIGNED.format("1-which-is-long")
    image = planned(url)
    text = json.dumps(body).replace("geheim77-1", "geheim77-1-which-is-long")

    with recording_server(status=status, body=text.encode()) as server:
        done = read(Setup(tmp_path, server.url, more={"signed_urls": {image.identity: url}}), [image])

    assert "geheim77" not in repr(done.outcomes) + caplog.text
    assert not [path for path in (tmp_path / "ledger").rglob("*.*") if b"geheim77" in path.read_bytes()]
