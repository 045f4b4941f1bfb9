from __future__ import annotations

import errno
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnsafe, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.storage.probe import EXCLUSIVE_FROM, prove_exclusive
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.storage.store_clock import StoreClock
from support.clock import FakeClock
from support.simulated_store import SimulatedStore
from support.stores import CountingS3, local_place, mounted

if TYPE_CHECKING:
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


def test_a_store_that_creates_exclusively_is_accepted_and_left_clean(place: StoragePath) -> None:
    store = Store(place)

    prove_exclusive(store)

    assert store.names("store-probe") == []


def test_the_stores_clock_goes_on_with_ours_between_probes(place: StoragePath) -> None:
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


def test_a_missing_bucket_is_named_and_not_created(s3: S3Stand) -> None:
    store = Store(StoragePath(s3.file_system(), "nowhere-at-all/ledger", "s3"))

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


class OldS3(CountingS3):
    """What s3fs before 2025.7 makes of an exclusive create: an ordinary one."""

    def open(self, path: str, mode: str = "rb", **given: Any) -> Any:
        return super().open(path, mode.replace("x", "w"), **given)


class OlderS3(CountingS3):
    """What s3fs before 2024.12 says to it."""

    def open(self, path: str, mode: str = "rb", **given: Any) -> Any:
        if "x" in mode:
            message = "File mode not supported"
            raise NotImplementedError(message)
        return super().open(path, mode, **given)


def place_through(s3: S3Stand, kind: type[CountingS3]) -> StoragePath:
    fs = kind(endpoint_url=s3.endpoint, key="test", secret="test", skip_instance_cache=True)
    return StoragePath(fs, s3.place().path, "s3")


@pytest.mark.parametrize(("kind", "version"), [(OldS3, "2025.5.1"), (OlderS3, "2024.10.0")])
def test_a_library_that_is_too_old_for_its_store_is_named_with_what_to_install(
    s3: S3Stand, kind: type[CountingS3], version: str
) -> None:
    with pytest.raises(OCRLedgerUnsafe) as caught:
        prove_exclusive(Store(place_through(s3, kind)), version_of={"s3fs": version}.__getitem__)

    said = str(caught.value)
    assert f"s3fs {version} is installed, and creates exclusively only from 2025.7.0 on" in said
    assert 'pip install "s3fs>=2025.7.0"' in said
    assert "Put the ledger on" not in said  # it is on S3 already


@pytest.mark.parametrize("version", ["2025.7.0", "2025.10.0.post1", "2026.9.0"])
def test_a_store_that_ignores_the_condition_of_a_good_library_is_the_store_to_leave(s3: S3Stand, version: str) -> None:
    with pytest.raises(OCRLedgerUnsafe, match=rf"s3fs {version} asked .* Put the ledger on a local or shared disk"):
        prove_exclusive(Store(place_through(s3, OldS3)), version_of={"s3fs": version}.__getitem__)


def test_a_mode_that_a_good_library_does_not_know_is_the_stores_own_refusal(s3: S3Stand) -> None:
    with pytest.raises(OCRLedgerUnwritable, match="File mode not supported"):
        prove_exclusive(Store(place_through(s3, OlderS3)), version_of={"s3fs": "2026.9.0"}.__getitem__)


def test_a_library_without_a_known_version_is_not_blamed(s3: S3Stand) -> None:
    def nowhere(name: str) -> str:
        raise PackageNotFoundError(name)

    with pytest.raises(OCRLedgerUnsafe, match=r"same image\. Put the ledger on"):
        prove_exclusive(Store(place_through(s3, OldS3)), version_of=nowhere)


def test_the_least_versions_are_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "supported-versions.md").read_text()

    assert [each for each in EXCLUSIVE_FROM.items() if "| `{}` | {} |".format(*each) not in page] == []


def test_memory_is_no_place_for_a_ledger() -> None:
    with pytest.raises(OCRLedgerUnsafe, match="own memory"):
        prove_exclusive(Store(StoragePath(fsspec.filesystem("memory"), "/ledger", "memory")))


def test_a_store_that_fails_while_it_is_probed_is_unwritable() -> None:
    fs = SimulatedStore(FakeClock())

    def refuse(operation: str, path: str) -> None:
        if operation == "create" and not path.endswith(".folder"):
            raise OSError(errno.EIO, "broken")

    fs.before = refuse

    with pytest.raises(OCRLedgerUnwritable, match="broken"):
        prove_exclusive(Store(fs.place()))


def test_a_read_only_disk_is_told(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-o", "ro"):
        store = Store(local_place(tmp_path / "disk"))

        with pytest.raises(OCRLedgerUnwritable, match=r"disk cannot be written: it is mounted read-only"):
            prove_exclusive(store)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_disk_without_hard_links_is_refused(tmp_path: Path, code: int) -> None:
    class WithoutLinks(Store):
        def create(self, name: str, data: bytes) -> bool:
            error = OSError(code, "not supported", self.path(f".tmp-{data[:1]!r}"), None, self.path(name))
            raise self.unwritable(error) from error

    with pytest.raises(OCRLedgerUnsafe, match="has no hard links"):
        prove_exclusive(WithoutLinks(local_place(tmp_path)))


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
