from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.storage.local_disk import write_whole
from airflow_provider_platerec_ocr.storage.store import Store, cause
from support.clock import FakeClock
from support.simulated_store import SimulatedStore
from support.stores import local_place, mounted

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.stores import S3Stand


@pytest.fixture(params=["local", "s3", "simulated"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StoragePath:
    if request.param == "local":
        (tmp_path / "ledger").mkdir()
        return local_place(tmp_path / "ledger")
    if request.param == "s3":
        stand: S3Stand = request.getfixturevalue("s3")
        return stand.place()
    return SimulatedStore(FakeClock()).place()


def test_a_name_is_created_once(place: StoragePath) -> None:
    store = Store(place)

    assert store.create("vin/ab/x.1.claim", b"first")
    assert not store.create("vin/ab/x.1.claim", b"second")
    assert store.read("vin/ab/x.1.claim") == b"first"


def test_a_file_of_ones_own_is_a_success(place: StoragePath) -> None:
    store = Store(place)
    store.create("vin/ab/x.1.claim", b"nonce 1")

    assert store.create("vin/ab/x.1.claim", b"nonce 1")


def test_a_missing_file_is_none(place: StoragePath) -> None:
    assert Store(place).read("vin/ab/x.1.claim") is None
    assert Store(place).modified_s("vin/ab/x.1.claim") is None
    assert Store(place).names("vin") == []


def test_reading_does_not_trust_what_a_listing_said_before(place: StoragePath) -> None:
    store = Store(place)
    store.create("vin/ab/one", b"1")
    assert store.names("vin/ab") == [("one", 1)]
    store.create("vin/ab/two", b"22")

    assert store.read("vin/ab/two") == b"22"
    assert store.names("vin/ab") == [("one", 1), ("two", 2)]
    assert store.names("vin") == [("ab/", 0)]
    assert store.names() == [("vin/", 0)]


def test_many_files_are_read_at_once(place: StoragePath) -> None:
    store = Store(place)
    store.create("a", b"1")
    store.create("b", b"2")

    assert sorted(store.read_many(["a", "b"]).values()) == [b"1", b"2"]
    assert store.read_many([]) == {}


def test_a_file_moves_aside(place: StoragePath) -> None:
    store = Store(place)
    store.create("vin/ab/x", b"1")

    store.move("vin/ab/x", "forgotten-claims/now/x")

    assert store.read("vin/ab/x") is None
    assert store.read("forgotten-claims/now/x") == b"1"


def test_s3_creates_with_one_request_and_reads_with_one(s3: S3Stand) -> None:
    place = s3.place()
    store = Store(place)

    store.create("vin/ab/x.1.claim", b"1")
    store.read("vin/ab/x.1.claim")
    store.read("vin/ab/y.1.claim")

    assert place.fs.requests == ["put_object", "get_object", "get_object"]


def test_s3_refuses_the_second_create_of_another_worker(s3: S3Stand) -> None:
    place = s3.place()

    assert Store(place).create("x.1.claim", b"first")
    assert not Store(s3.again(place)).create("x.1.claim", b"second")


def test_a_lost_reply_does_not_lose_the_file() -> None:
    fs = SimulatedStore(FakeClock())

    def lose(operation: str, _path: str) -> None:
        if operation == "create":
            raise TimeoutError

    fs.after = lose

    assert Store(fs.place()).create("x", b"mine")


def test_two_conditional_writes_that_meet_are_tried_once_more() -> None:
    fs = SimulatedStore(FakeClock())
    refused: list[str] = []

    def conflict(operation: str, path: str) -> None:
        if operation == "create" and not refused:
            refused.append(path)
            raise OSError(errno.EIO, "409 ConditionalRequestConflict")

    fs.before = conflict

    assert Store(fs.place()).create("x", b"mine")
    assert fs.objects["bucket/ledger/x"][0] == b"mine"


@pytest.mark.parametrize("theirs", [True, False])
def test_the_second_of_two_tries_may_meet_a_file_too(*, theirs: bool) -> None:
    fs = SimulatedStore(FakeClock())
    tries: list[str] = []

    def answer(operation: str, path: str) -> None:
        if operation == "create":
            tries.append(path)
            if len(tries) == 2:
                fs.objects[path] = (b"theirs" if theirs else b"mine", FakeClock().now())
            raise OSError(errno.EIO, "cut")

    fs.before = answer

    assert Store(fs.place()).create("x", b"mine") is not theirs


def test_a_store_that_answers_nothing_is_unwritable() -> None:
    fs = SimulatedStore(FakeClock())

    def cut(operation: str, _path: str) -> None:
        message = f"{operation} refused https://user:pass@store/x?sig=secret"
        raise ConnectionError(message)

    fs.before = cut
    store = Store(fs.place())

    with pytest.raises(OCRLedgerUnwritable, match="create refused") as caught:
        store.create("x", b"mine")
    assert "secret" not in str(caught.value)
    assert "pass" not in str(caught.value)
    with pytest.raises(OCRLedgerUnwritable):
        store.overwrite("x", b"1")
    with pytest.raises(OCRLedgerUnwritable):
        Store(SimulatedStore(FakeClock()).place()).move("x", "y")
    for look in (lambda: store.read("x"), lambda: store.modified_s("x"), lambda: store.names("x")):
        with pytest.raises(OCRLedgerError, match="cannot be read"):
            look()
    with pytest.raises(OCRLedgerError, match="cannot be read"):
        store.read_many(["x"])


def test_a_second_failure_is_the_end() -> None:
    fs = SimulatedStore(FakeClock())

    def cut(operation: str, _path: str) -> None:
        if operation == "create":
            raise OSError(errno.EIO, "cut")

    fs.before = cut

    with pytest.raises(OCRLedgerUnwritable, match="cut"):
        Store(fs.place()).create("x", b"mine")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "full"),
        (OSError(errno.EROFS, "Read-only file system"), "mounted read-only"),
        (PermissionError(errno.EACCES, "Access Denied"), "s3:PutObject"),
        (FileNotFoundError(errno.ENOENT, "gone"), "mounted"),
        (NotADirectoryError(errno.ENOTDIR, "a file"), "path right"),
        (RuntimeError(""), "RuntimeError"),
    ],
)
def test_each_cause_says_what_to_do(error: Exception, says: str) -> None:
    assert says in cause(error, "then run again")


def test_a_full_disk_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-o", "size=64k"):
        store = Store(local_place(tmp_path / "disk"))
        store.create("vin/ab/small", b"1")

        with pytest.raises(OCRLedgerUnwritable, match=r"disk.* is full"):
            store.create("vin/ab/large", b"x" * 200_000)
        assert [path.name for path in (tmp_path / "disk/vin/ab").iterdir()] == ["small"]
        (tmp_path / "disk/vin/ab/small").unlink()


def test_a_root_that_went_away_does_not_come_back_empty(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    store = Store(local_place(tmp_path / "ledger"))
    store.create("vin/ab/x", b"1")
    (tmp_path / "ledger").rename(tmp_path / "unmounted")

    for name in ("vin/ab/y", "vin/cd/y"):
        with pytest.raises(OCRLedgerUnwritable, match="Is the volume mounted"):
            store.create(name, b"1")
    assert not (tmp_path / "ledger").exists()
    (tmp_path / "unmounted").rename(tmp_path / "ledger")
    assert store.create("vin/ab/y", b"1")


def test_a_root_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(OCRLedgerUnwritable, match="file"):
        Store(local_place(tmp_path / "file")).prepare()


def test_a_half_written_file_of_a_killed_process_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".tmp-123").write_bytes(b"half")

    assert Store(local_place(tmp_path)).names() == []


def test_a_whole_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
