"""The order of writes: what a crash at any point leaves, and that no cursor ever passes what appears later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.storage.store import Store as FileStore
from airflow_provider_platerec_ocr.webhook.inbox import RECORD_WITHIN_S, Inbox, InboxError
from support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRINT = "ab" * 32


class Died(BaseException):
    """Stands for ``kill -9``: nothing catches it."""


class Store(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """Looks like an object store; calls ``before`` and ``after`` each write with its number and path."""

    cachable = False

    def __init__(self, **more: Any) -> None:
        super().__init__(auto_mkdir=True, **more)
        self.writes = 0
        self.before: Callable[[int, str], None] = lambda _number, _path: None
        self.after: Callable[[int, str], None] = lambda _number, _path: None

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        self.writes += 1
        number = self.writes
        self.before(number, path)
        super().pipe_file(path, value, mode=mode, **more)
        self.after(number, path)

    def open(self, path: str, mode: str = "rb", **more: Any) -> Any:
        if mode != "xb":
            return super().open(path, mode, **more)
        self.makedirs(self._parent(path), exist_ok=True)  # an object store needs none; an older fsspec makes none
        self.writes += 1
        number = self.writes
        self.before(number, path)
        handle = super().open(path, mode, **more)
        close = handle.close

        def close_and_tell() -> None:
            close()
            self.after(number, path)

        handle.close = close_and_tell
        return handle


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def inbox(tmp_path: Path, store: Store, clock: FakeClock) -> Inbox:
    return Inbox(StoragePath(store, str(tmp_path), "memory"), clock=clock)


def answer(number: int) -> dict[str, Any]:
    return {"data": {"number": number, "filename": f"x{number}-{PRINT}.jpg"}}


def numbers(inbox: Inbox, **how: Any) -> list[int]:
    return [payload.data["number"] for payload in inbox.scan(**how)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_a_death_at_any_write_leaves_all_or_nothing_and_the_next_delivery_heals_it(
    inbox: Inbox, store: Store, clock: FakeClock, write: int, when: str
) -> None:
    inbox.put(answer(0))
    clock.tick(1)
    store.writes = 0

    def die(number: int, _path: str) -> None:
        if number == write:
            raise Died

    setattr(store, when, die)
    with pytest.raises(Died):
        inbox.put(answer(1))
    clock.tick(RECORD_WITHIN_S + 1)
    there = [1] if (write, when) == (3, "after") else []

    assert numbers(inbox) == [0, *there]
    assert len(inbox.find(PRINT)) == 1 + len(there)

    receipt = inbox.put(answer(1))
    clock.tick(5)
    assert receipt.new == (not there)
    assert numbers(inbox) == [0, 1]
    assert len(inbox.find(PRINT)) == 2


def test_a_payload_on_its_way_holds_the_scan_and_a_dead_one_does_not(
    inbox: Inbox, store: Store, clock: FakeClock
) -> None:
    def die(number: int, _path: str) -> None:
        if number == 3:
            raise Died

    store.before = die
    with pytest.raises(Died):
        inbox.put(answer(1))
    clock.tick(1)
    inbox.put(answer(2))
    clock.tick(RECORD_WITHIN_S - 2)

    assert numbers(inbox) == []
    clock.tick(2)
    assert numbers(inbox) == [2]


def test_a_mark_that_appears_late_gets_a_new_time(inbox: Inbox, store: Store, clock: FakeClock) -> None:
    def dawdle(number: int, path: str) -> None:
        if number == 2:
            assert "by-time" in path
            clock.tick(3)

    inbox.put(answer(0))
    cursor = next(inbox.scan(settle_s=0 - 1)).cursor
    store.writes = 0
    store.before = dawdle
    inbox.put(answer(1))
    clock.tick(60)

    (found,) = inbox.scan(after=cursor)
    assert found.received_at == "2026-03-01T22:00:03.000000+00:00"


def test_a_record_that_appears_late_gets_a_new_place(inbox: Inbox, store: Store, clock: FakeClock) -> None:
    def dawdle(number: int, path: str) -> None:
        if number == 3:
            assert "payloads" in path
            clock.tick(RECORD_WITHIN_S + 1)

    store.before = dawdle
    assert inbox.put(answer(1)).new
    store.before = lambda _number, _path: None
    clock.tick(1)
    inbox.put(answer(2))
    clock.tick(60)

    found = list(inbox.scan())
    assert [payload.data["number"] for payload in found] == [1, 2]
    assert found[0].received_at > "2026-03-01T22:01"


@pytest.mark.parametrize("part", ["by-time", "payloads"])
def test_a_store_that_is_always_late_is_refused(inbox: Inbox, store: Store, clock: FakeClock, part: str) -> None:
    def dawdle(_number: int, path: str) -> None:
        clock.tick(RECORD_WITHIN_S + 1 if part in path else 0)

    store.before = dawdle
    with pytest.raises(InboxError, match="takes longer than"):
        inbox.put(answer(1))


def test_a_failed_write_takes_its_mark_back(inbox: Inbox, store: Store, clock: FakeClock, tmp_path: Path) -> None:
    def fail(_number: int, path: str) -> None:
        if "payloads" in path:
            raise OSError(5, "no luck")

    store.before = fail
    with pytest.raises(InboxError, match=r"OSError: .*no luck"):
        inbox.put(answer(1))
    store.before = lambda _number, _path: None

    assert list(tmp_path.glob("by-time/*/*/*")) == []
    inbox.put(answer(2))
    clock.tick(5)
    assert numbers(inbox) == [2]


def test_a_write_that_fails_once_is_tried_again(inbox: Inbox, store: Store, clock: FakeClock) -> None:
    def conflict(number: int, _path: str) -> None:
        if number == 3:
            raise OSError(5, "409 conflict")

    store.before = conflict
    assert inbox.put(answer(1)).new
    clock.tick(5)
    assert numbers(inbox) == [1]


def test_a_lost_reply_to_ones_own_write_is_no_second_delivery(inbox: Inbox, store: Store, clock: FakeClock) -> None:
    def lose(number: int, _path: str) -> None:
        if number == 3:
            raise ConnectionResetError(104, "reset")

    store.after = lose
    assert inbox.put(answer(1)).new
    clock.tick(5)
    assert numbers(inbox) == [1]


@pytest.mark.parametrize("call", ["cat_file", "ls"])
def test_a_store_that_cannot_be_read_is_named(inbox: Inbox, store: Store, call: str) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        message = "token=SECRETSECRET1"
        raise RuntimeError(message)

    setattr(store, call, refuse)
    with pytest.raises(InboxError, match=r"cannot be read: RuntimeError: token=\*\*\*"):
        list(inbox.scan()) or inbox.get("a" * 32)


def test_a_mark_that_cannot_be_written_is_named(inbox: Inbox, store: Store) -> None:
    def refuse(_number: int, _path: str) -> None:
        raise PermissionError(13, "denied")

    store.before = refuse
    with pytest.raises(InboxError, match="access is refused"):
        inbox.put(answer(1))


def test_a_store_that_fails_on_the_way_to_a_new_place_is_named(inbox: Inbox, store: Store, clock: FakeClock) -> None:
    def trouble(number: int, _path: str) -> None:
        if number == 3:
            clock.tick(RECORD_WITHIN_S + 1)
        if number == 5:
            raise OSError(28, "full")

    store.before = trouble
    with pytest.raises(InboxError, match="disk or quota is full"):
        inbox.put(answer(1))


def test_a_late_record_on_a_disk_is_replaced_whole(tmp_path: Path) -> None:
    files = FileStore(StoragePath(LocalFileSystem(), str(tmp_path), "file"))
    assert files.create_once("a/b.json", b"1")
    files.replace("a/b.json", b"2")

    assert files.read("a/b.json") == b"2"
    assert files.bare_names("a") == ["b.json"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]
    assert not files.create_once("a/b.json", b"3")
