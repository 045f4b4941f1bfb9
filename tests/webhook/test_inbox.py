from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.webhook.inbox import SETTLE_S, Inbox, InboxError, PayloadError
from support.clock import FakeClock
from support.stores import local_place, mounted

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.stores import S3Stand

PRINT = "ab" * 32


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StoragePath:
    if request.param == "disk":
        return local_place(tmp_path / "not" / "there" / "inbox")
    stand: S3Stand = request.getfixturevalue("s3")
    return stand.place("inbox")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def answer(number: int, **more: Any) -> dict[str, Any]:
    return {"hook": {"target": "https://h/webhook/SECRET", "id": 1}, "data": {"number": number, **more}}


def numbers(inbox: Inbox, **how: Any) -> list[int]:
    return [payload.data["number"] for payload in inbox.scan(**how)]


def test_a_payload_that_is_there_already_is_synced_before_it_is_acknowledged_again(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Inbox(local_place(tmp_path), clock=clock).put(answer(1))
    record = next((tmp_path / "payloads").rglob("*.json"))
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))

    receipt = Inbox(local_place(tmp_path), clock=clock).put(answer(1))

    assert not receipt.new
    assert synced == [record.parent]


def test_an_inbox_says_whether_anything_was_ever_put(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)
    before = inbox.is_used()
    inbox.put(answer(1))

    assert (before, inbox.is_used()) == (False, True)


def test_the_same_answer_twice_is_one(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)
    first = inbox.put(answer(1))
    clock.tick(60)
    second = Inbox(place, clock=clock).put(answer(1) | {"hook": {"id": 2}})
    clock.tick(60)

    assert (first.id, first.new, second.new) == (second.id, True, False)
    assert numbers(inbox) == [1]


def test_a_payload_comes_back_as_it_went_in_but_for_the_secret(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)
    data = {"filename": f"1617_7M83K_x-{PRINT}.jpg", "file_url": "https://h/x?sig=1", "deep": [{"é": "\ud800"}]}
    id_ = inbox.put({"hook": {"target": "https://h/webhook/SECRET", "id": 9}, "data": data}).id

    (found,) = inbox.find(PRINT)
    assert found == inbox.get(id_)
    assert (found.id, found.data, found.hook) == (id_, data, {"target": "https://h", "id": 9})
    assert datetime.fromisoformat(found.received_at) == clock.now().astimezone(UTC)


def test_payloads_are_handed_out_in_order_of_receipt_from_a_cursor_on(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)
    for number in range(6):
        inbox.put(answer(number))
        clock.tick(1800)  # over the hour, and over midnight

    first = list(inbox.scan(limit=2))
    rest = list(inbox.scan(after=first[-1].cursor))

    assert [payload.data["number"] for payload in [*first, *rest]] == [0, 1, 2, 3, 4, 5]
    assert list(inbox.scan(after=rest[-1].cursor)) == []
    assert list(inbox.scan(limit=0)) == []


def test_what_is_too_young_waits_for_the_next_scan(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)
    inbox.put(answer(1))
    clock.tick(SETTLE_S - 0.5)
    inbox.put(answer(2))

    assert numbers(inbox) == []
    clock.tick(1)
    assert numbers(inbox) == [1]
    assert numbers(inbox, settle_s=0) == [1, 2]
    clock.tick(SETTLE_S)
    assert numbers(inbox) == [1, 2]


def test_all_answers_to_an_upload_are_found_in_order_and_at_once(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)
    for number in (3, 1, 2):
        inbox.put(answer(number, filename=f"x-{PRINT}.jpg"))
        clock.tick(1)
    inbox.put(answer(4, filename=f"x-{PRINT[:4]}{'0' * 60}.jpg"))

    assert [payload.data["number"] for payload in inbox.find(PRINT)] == [3, 1, 2]
    assert inbox.find("cd" * 32) == []


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "ab", "*", "AB" * 32])
def test_only_a_fingerprint_and_an_id_are_looked_for(tmp_path: Path, clock: FakeClock, name: str) -> None:
    inbox = Inbox(local_place(tmp_path), clock=clock)

    assert inbox.find(name) == []
    assert inbox.get(name) is None


def test_an_inbox_that_is_not_there_is_empty_and_stays_so(place: StoragePath, clock: FakeClock) -> None:
    inbox = Inbox(place, clock=clock)

    assert (list(inbox.scan()), inbox.find(PRINT), inbox.get("a" * 32)) == ([], [], None)
    assert not place.is_local or not place.fs.exists(place.path)


def test_of_many_deliveries_at_once_one_is_new(place: StoragePath, clock: FakeClock) -> None:
    inboxes = [Inbox(place, clock=clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda inbox: inbox.put(answer(1)), inboxes))
    clock.tick(60)

    assert sum(receipt.new for receipt in receipts) == 1
    assert numbers(inboxes[0]) == [1]


def test_many_threads_lose_nothing(place: StoragePath) -> None:
    clock = FakeClock()
    inbox = Inbox(place, clock=clock)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: inbox.put(answer(number)), range(60)))
    clock.tick(60)

    assert sorted(numbers(inbox)) == list(range(60))


@pytest.mark.parametrize("bad", [{}, {"data": 1}, [], None])
def test_what_is_no_payload_leaves_nothing(tmp_path: Path, clock: FakeClock, bad: Any) -> None:
    with pytest.raises(PayloadError):
        Inbox(local_place(tmp_path), clock=clock).put(bad)

    assert list(tmp_path.iterdir()) == []


def test_a_file_name_of_an_answer_never_becomes_a_path(tmp_path: Path, clock: FakeClock) -> None:
    inbox = Inbox(local_place(tmp_path / "inbox"), clock=clock)
    for name in (f"../../x-{PRINT}.jpg", "../../../x", "/etc/x", "\x00", "a" * 5000, 5, ["x"]):
        inbox.put({"data": {"filename": name}})

    assert [path.name for path in tmp_path.iterdir()] == ["inbox"]
    assert {path.name for path in (tmp_path / "inbox").iterdir()} == {"payloads", "by-time", "by-fingerprint"}


def test_the_secret_is_nowhere_in_the_inbox(tmp_path: Path, clock: FakeClock) -> None:
    Inbox(local_place(tmp_path), clock=clock).put(answer(1, filename=f"x-{PRINT}.jpg"))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert all("SECRET" not in file.name and b"SECRET" not in file.read_bytes() for file in files)


def test_foreign_files_are_no_payloads(tmp_path: Path, clock: FakeClock) -> None:
    inbox = Inbox(local_place(tmp_path), clock=clock)
    inbox.put(answer(1, filename=f"x-{PRINT}.jpg"))
    hour = next(tmp_path.glob("by-time/*/*"))
    for odd in (hour / "notes.txt", tmp_path / "by-time" / ".DS_Store", tmp_path / "by-time" / "lost+found"):
        odd.write_text("x")
    (tmp_path / "by-fingerprint/ab/ab" / f"{PRINT}.notes").write_text("x")
    clock.tick(60)

    assert numbers(inbox) == [1]
    assert len(inbox.find(PRINT)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cursor": "x"}'])
def test_a_damaged_payload_is_named(tmp_path: Path, clock: FakeClock, content: bytes) -> None:
    inbox = Inbox(local_place(tmp_path), clock=clock)
    id_ = inbox.put(answer(1)).id
    (tmp_path / f"payloads/{id_[:2]}/{id_}.json").write_bytes(content)

    with pytest.raises(InboxError, match=f"payloads/{id_[:2]}/{id_}.json .* is damaged"):
        inbox.get(id_)


def test_a_full_disk_refuses_and_takes_again_when_there_is_room(tmp_path: Path, clock: FakeClock) -> None:
    with mounted(tmp_path / "small", "-o", "size=64k"):
        inbox = Inbox(local_place(tmp_path / "small" / "inbox"), clock=clock)
        inbox.put(answer(1))
        clock.tick(1)
        (tmp_path / "small" / "filler").write_bytes(b"x" * 30_000)
        with pytest.raises(InboxError, match=r"disk or quota is full .* Make room there, and the sender tries again"):
            inbox.put(answer(2, text="y" * 60_000))
        (tmp_path / "small" / "filler").unlink()
        receipt = inbox.put(answer(2))
        clock.tick(100)

        assert receipt.new
        assert numbers(inbox) == [1, 2]


def test_a_disk_that_went_away_does_not_come_back_empty(tmp_path: Path, clock: FakeClock) -> None:
    inbox = Inbox(local_place(tmp_path / "volume" / "inbox"), clock=clock)
    inbox.put(answer(1))
    (tmp_path / "volume").rename(tmp_path / "unmounted")

    with pytest.raises(InboxError, match="it is not there"):
        inbox.put(answer(2))
    assert not (tmp_path / "volume").exists()
    (tmp_path / "unmounted").rename(tmp_path / "volume")
    assert inbox.put(answer(2)).new


def test_folders_that_a_person_removed_are_made_again(tmp_path: Path, clock: FakeClock) -> None:
    inbox = Inbox(local_place(tmp_path), clock=clock)
    inbox.put(answer(1))
    for folder in ("payloads", "by-time"):
        (tmp_path / folder).rename(tmp_path / f"old-{folder}")
    inbox.put(answer(1))
    clock.tick(60)

    assert numbers(inbox) == [1]


def test_a_bucket_that_is_not_there_is_named(s3: S3Stand, clock: FakeClock) -> None:
    place = s3.place()
    gone = type(place)(place.fs, "no-such-bucket/inbox", "s3")

    with pytest.raises(InboxError, match="s3://no-such-bucket/inbox cannot be written"):
        Inbox(gone, clock=clock).put(answer(1))


def test_a_delivery_is_four_requests_and_a_second_one_is_one(s3: S3Stand, clock: FakeClock) -> None:
    place = s3.place("inbox")
    inbox = Inbox(place, clock=clock)
    inbox.put(answer(1, filename=f"x-{PRINT}.jpg"))
    first = list(place.fs.requests)
    place.fs.requests.clear()
    inbox.put(answer(1, filename=f"x-{PRINT}.jpg"))

    assert first == ["get_object", "put_object", "put_object", "put_object"]
    assert place.fs.requests == ["get_object"]


def test_finding_by_fingerprint_is_one_list(s3: S3Stand, clock: FakeClock) -> None:
    place = s3.place("inbox")
    inbox = Inbox(s3.again(place), clock=clock)
    inbox.put(answer(1, filename=f"x-{PRINT}.jpg"))
    reader = s3.again(place)
    assert len(Inbox(reader, clock=clock).find(PRINT)) == 1
    assert reader.fs.requests == ["list_objects_v2", "get_object"]


def test_a_record_is_json_that_a_person_can_read(tmp_path: Path, clock: FakeClock) -> None:
    id_ = Inbox(local_place(tmp_path), clock=clock).put(answer(1)).id
    record = json.loads((tmp_path / f"payloads/{id_[:2]}/{id_}.json").read_text())
    (mark,) = (tmp_path / "by-time/2026-03-01/22").iterdir()

    assert record == {
        "format": 1,
        "id": id_,
        "cursor": f"2026-03-01/22/{mark.name}",
        "received_at": "2026-03-01T22:00:00.000000+00:00",
        "hook": {"target": "https://h", "id": 1},
        "data": {"number": 1},
    }
