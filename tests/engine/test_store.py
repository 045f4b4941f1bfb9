from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError, OCRLedgerUnsafe, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.storage import Place
from airflow_provider_platerec_ocr.engine.localdisk import write_whole
from airflow_provider_platerec_ocr.engine.probe import prove_exclusive
from airflow_provider_platerec_ocr.engine.store import Store, cause
from airflow_provider_platerec_ocr.engine.storeclock import StoreClock
from support.clock import FakeClock
from support.simulated_store import SimulatedStore
from support.stores import local_place, s3_stand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.stores import S3Stand


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Stand]:
    with s3_stand() as stand:
        yield stand


@pytest.fixture(params=["local", "s3", "simulated"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        (tmp_path / "ledger").mkdir()
        return local_place(tmp_path / "ledger")
    if request.param == "s3":
        stand: S3Stand = request.getfixturevalue("s3")
        return stand.place()
    return SimulatedStore(FakeClock()).place()


def test_a_name_is_created_once(place: Place) -> None:
    store = Store(place)

    assert store.create("vin/ab/x.1.claim", b"first")
    assert not store.create("vin/ab/x.1.claim", b"second")
    assert store.read("vin/ab/x.1.claim") == b"first"


def test_a_file_of_ones_own_is_a_success(place: Place) -> None:
    store = Store(place)
    store.create("vin/ab/x.1.claim", b"nonce 1")

    assert store.create("vin/ab/x.1.claim", b"nonce 1")


def test_a_missing_file_is_none(place: Place) -> None:
    assert Store(place).read("vin/ab/x.1.claim") is None
    assert Store(place).modified_s("vin/ab/x.1.claim") is None
    assert Store(place).names("vin") == []


def test_reading_does_not_trust_what_a_listing_said_before(place: Place) -> None:
    store = Store(place)
    store.create("vin/ab/one", b"1")
    assert store.names("vin/ab") == [("one", 1)]
    store.create("vin/ab/two", b"22")

    assert store.read("vin/ab/two") == b"22"
    assert store.names("vin/ab") == [("one", 1), ("two", 2)]
    assert store.names("vin") == [("ab/", 0)]
    assert store.names() == [("vin/", 0)]


def test_many_files_are_read_at_once(place: Place) -> None:
    store = Store(place)
    store.create("a", b"1")
    store.create("b", b"2")

    assert sorted(store.read_many(["a", "b"]).values()) == [b"1", b"2"]
    assert store.read_many([]) == {}


def test_a_file_moves_aside(place: Place) -> None:
    store = Store(place)
    store.create("vin/ab/x", b"1")

    store.move("vin/ab/x", "forgotten-claims/now/x")

    assert store.read("vin/ab/x") is None
    assert store.read("forgotten-claims/now/x") == b"1"


def test_a_store_that_creates_exclusively_is_accepted_and_left_clean(place: Place) -> None:
    store = Store(place)

    prove_exclusive(store)

    assert store.names("store-probe") == []


def test_the_stores_clock_goes_on_with_ours_between_probes(place: Place) -> None:
    clock = FakeClock()
    store_clock = StoreClock(Store(place), clock)
    first = store_clock.now_s()

    clock.tick(7)

    assert store_clock.now_s() == pytest.approx(first + 7)


def test_the_stores_clock_is_asked_again_after_a_while() -> None:
    ours, theirs = FakeClock(), FakeClock()
    store_clock = StoreClock(Store(SimulatedStore(theirs).place()), ours)
    first = store_clock.now_s()

    ours.tick(11)
    theirs.tick(500)

    assert store_clock.now_s() == first + 500


@pytest.mark.parametrize("late_s", [0, 3])
def test_the_stores_clock_is_never_ahead_of_the_store(late_s: float) -> None:
    clock = FakeClock()
    fs = SimulatedStore(clock)
    fs.before = lambda operation, _: clock.tick(late_s if operation == "date" else 0)

    assert StoreClock(Store(fs.place()), clock).now_s() <= clock.now().timestamp()


def test_a_probe_that_vanishes_is_no_time() -> None:
    fs = SimulatedStore(FakeClock())
    fs.after = lambda operation, path: fs.objects.pop(path) and None if operation == "overwrite" else None

    with pytest.raises(OCRLedgerUnwritable, match="is gone"):
        StoreClock(Store(fs.place()), FakeClock()).now_s()


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


def test_a_missing_bucket_is_named_and_not_created(s3: S3Stand) -> None:
    store = Store(Place(s3.file_system(), "nowhere-at-all/ledger", "s3"))

    with pytest.raises(OCRLedgerUnwritable, match=r"s3://nowhere-at-all/ledger .*does the bucket exist"):
        prove_exclusive(store)
    assert not store.place.fs.exists("nowhere-at-all")


def test_a_store_that_ignores_the_condition_is_refused() -> None:
    fs = SimulatedStore(FakeClock(), exclusive=False)

    with pytest.raises(OCRLedgerUnsafe, match=r"sim://bucket/ledger took both"):
        prove_exclusive(Store(fs.place()))


def test_a_store_that_merely_looks_before_it_writes_is_refused() -> None:
    class LooksFirst(SimulatedStore):
        def open(self, path: str, mode: str = "rb", **given: object) -> object:  # type: ignore[override]
            if path in self.objects:
                raise FileExistsError(path)
            return super().open(path, mode, **given)

    store = LooksFirst(FakeClock(), exclusive=False).place()

    with pytest.raises(OCRLedgerUnsafe, match="took both"):
        prove_exclusive(Store(store))


def test_a_store_with_real_file_handles_may_refuse_at_opening() -> None:
    class Handles(SimulatedStore):
        def open(self, path: str, mode: str = "rb", **given: object) -> object:  # type: ignore[override]
            if path in self.objects:
                raise FileExistsError(path)
            self.objects[path] = (b"", FakeClock().now())
            return super().open(path, mode, **given)

    prove_exclusive(Store(Handles(FakeClock(), exclusive=False).place()))


def test_a_store_that_loses_what_it_took_is_refused() -> None:
    fs = SimulatedStore(FakeClock())
    fs.after = lambda operation, path: (
        fs.objects.__setitem__(path, (b"?", FakeClock().now())) if operation == "create" else None
    )

    with pytest.raises(OCRLedgerUnsafe, match="replaced a file"):
        prove_exclusive(Store(fs.place()))


def test_memory_is_no_place_for_a_ledger() -> None:
    with pytest.raises(OCRLedgerUnsafe, match="own memory"):
        prove_exclusive(Store(Place(fsspec.filesystem("memory"), "/ledger", "memory")))


def test_a_store_that_fails_while_it_is_probed_is_unwritable() -> None:
    fs = SimulatedStore(FakeClock())

    def refuse(operation: str, path: str) -> None:
        if operation == "create" and not path.endswith(".folder"):
            raise OSError(errno.EIO, "broken")

    fs.before = refuse

    with pytest.raises(OCRLedgerUnwritable, match="broken"):
        prove_exclusive(Store(fs.place()))


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
    assert says in cause(error)


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount a small disk of its own on ``folder``."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("mounting a disk of one's own needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


def test_a_full_disk_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-o", "size=64k"):
        store = Store(local_place(tmp_path / "disk"))
        store.create("vin/ab/small", b"1")

        with pytest.raises(OCRLedgerUnwritable, match=r"disk.* is full"):
            store.create("vin/ab/large", b"x" * 200_000)
        assert [path.name for path in (tmp_path / "disk/vin/ab").iterdir()] == ["small"]
        (tmp_path / "disk/vin/ab/small").unlink()


def test_a_read_only_disk_is_told(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-o", "ro"):
        store = Store(local_place(tmp_path / "disk"))

        with pytest.raises(OCRLedgerUnwritable, match=r"disk cannot be written: it is mounted read-only"):
            prove_exclusive(store)


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


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_disk_without_hard_links_is_refused(tmp_path: Path, code: int) -> None:
    class WithoutLinks(Store):
        def create(self, name: str, data: bytes) -> bool:
            error = OSError(code, "not supported", self.path(f".tmp-{data[:1]!r}"), None, self.path(name))
            raise self.unwritable(error) from error

    with pytest.raises(OCRLedgerUnsafe, match="has no hard links"):
        prove_exclusive(WithoutLinks(local_place(tmp_path)))


def test_a_half_written_file_of_a_killed_process_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".tmp-123").write_bytes(b"half")

    assert Store(local_place(tmp_path)).names() == []


def test_a_store_that_keeps_something_else_is_refused() -> None:
    fs = SimulatedStore(FakeClock())

    def swap(operation: str, path: str) -> None:
        if operation == "create":
            fs.objects[path] = (b"something else", FakeClock().now())
            raise ConnectionError

    fs.after = swap

    with pytest.raises(OCRLedgerUnsafe, match="did not keep"):
        prove_exclusive(Store(fs.place()))


def test_a_clock_that_cannot_be_probed_is_no_clock() -> None:
    fs = SimulatedStore(FakeClock())

    def full(operation: str, _path: str) -> None:
        if operation == "overwrite":
            raise OSError(errno.ENOSPC, "No space left on device")

    fs.before = full

    with pytest.raises(OCRLedgerUnwritable, match="full"):
        StoreClock(Store(fs.place()), FakeClock()).now_s()


def test_a_whole_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
