"""Places on Google's and Azure's stores through Airflow's connections, where somebody has installed their providers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.dataset.command import main as dataset_main
from airflow_provider_platerec_ocr.cli.ledger.command import main as ledger_main
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.manifest.listing import Search, read_folder, read_glob
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.files import find_files, read_start
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive
from airflow_provider_platerec_ocr.storage.store import Store
from support.airflow_home import connection_env
from support.clouds import STANDS
from support.remote_night import API, IMAGES, STORE, names, remote_night
from support.sandbox import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.airflow_home import AirflowHome
    from support.clouds import CloudStand
    from support.remote_night import RemoteNight

    Said = Callable[..., str]

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.fixture(scope="module", params=STANDS)
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStand]:
    """A running store, with a bucket and a connection that reaches it."""
    with STANDS[request.param](tmp_path_factory.mktemp(request.param)) as stand, pytest.MonkeyPatch.context() as patch:
        patch.setenv(*stand.variable(STORE))
        open_place(f"{stand.scheme}://{STORE}@{stand.bucket}").fs.mkdir(stand.bucket)
        yield stand


@pytest.fixture
def root(cloud: CloudStand, request: pytest.FixtureRequest) -> str:
    """A folder of the test's own, as a DAG names it."""
    return f"{cloud.scheme}://{STORE}@{cloud.bucket}/{abs(hash(request.node.name)):x}"


def test_a_store_keeps_what_a_ledger_rests_on(root: str) -> None:
    store, other = Store(open_place(f"{root}/ledger")), Store(open_place(f"{root}/ledger"))
    before = datetime.now(UTC).timestamp()

    prove_exclusive(store)
    assert store.names("vin/ab") == []
    assert store.create("vin/ab/x.1.claim", b"first")
    assert not other.create("vin/ab/x.1.claim", b"second")
    assert store.create("vin/ab/x.1.claim", b"first")  # one's own
    assert not store.create_once("vin/ab/x.1.claim", b"first")
    assert store.read("vin/ab/x.1.claim") == b"first"
    assert store.read("vin/ab/y.1.claim") is None
    assert store.names("vin") == [("ab/", 0)]
    store.mark("vin/ab/y.1.claim")
    assert [name for name, _ in other.names("vin/ab")] == ["x.1.claim", "y.1.claim"] == other.bare_names("vin/ab")
    assert [size for _, size, _ in other.entries("vin/ab")] == [5, 1]
    times = [other.modified_s("vin/ab/x.1.claim"), other.entries("vin/ab")[0][2]]
    assert all(at is not None and before - 5 < at < before + 60 for at in times)
    store.replace("vin/ab/y.1.claim", b"longer than before")
    assert other.read("vin/ab/y.1.claim") == b"longer than before"
    found = store.read_many(["vin/ab/x.1.claim", "vin/ab/y.1.claim"])
    assert sorted(found.values()) == [b"first", b"longer than before"]
    store.move("vin/ab/y.1.claim", "forgotten/y")
    store.delete("vin/ab/x.1.claim")
    store.delete("vin/ab/x.1.claim")
    assert other.names("vin/ab") == []
    assert other.read("forgotten/y") == b"longer than before"


def listed(place: StoragePath, *, recursive: bool = True) -> dict[str, str | None]:
    """Return images of a folder with their versions."""
    return {row[1][0].rpartition("/photos/")[2]: row[1][5] for row in read_folder(place, Search(recursive=recursive))}


def test_a_folder_tells_images_and_versions_as_they_are_now(root: str) -> None:
    photos = open_place(f"{root}/photos")
    odd = ["a.jpg", "gate 1/b#2.jpg", "gate 1/ü%20+&.jpg", ".thumbnails/t.jpg", "gate 1/[c].jpg"]
    for name in odd:
        photos.fs.pipe_file(f"{photos.path}/{name}", name.encode())
    first = listed(photos)
    photos.fs.pipe_file(f"{photos.path}/a.jpg", b"other")
    photos.fs.pipe_file(f"{photos.path}/gate 1/late.jpg", b"late")
    second = listed(open_place(f"{root}/photos"))

    assert sorted(first) == sorted(name for name in odd if not name.startswith("."))
    assert sorted(set(second) - set(first)) == ["gate 1/late.jpg"]
    assert [name for name in first if first[name] != second[name]] == ["a.jpg"]
    assert None not in first.values()
    assert sorted(listed(photos, recursive=False)) == ["a.jpg"]
    assert [row[1][0].rpartition("/")[2] for row in read_glob(photos / "gate*/*.jpg", Search())] == sorted(
        name.rpartition("/")[2] for name in second if name.startswith("gate")
    )
    assert read_start(photos / "a.jpg", 3) == b"oth"
    assert [place.name for place in find_files(photos, r".*\.jpg", deep=False)] == ["a.jpg"]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command that has to end well, and return what it said."""

    def run(command: Callable[[list[str]], int], *words: str) -> str:
        capsys.readouterr()
        code = command(list(words))
        heard = capsys.readouterr()
        assert code == 0, heard
        return heard.out

    return run


@pytest.fixture
def night(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteNight]:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", "")  # the DAG file sets it
    with remote_night(open_place(f"{root}/yard"), tmp_path / "images") as running:
        monkeypatch.setenv(*connection_env(running.sandbox.url, TOKEN, conn_id=API, rate_per_s=50))
        yield running


def test_a_night_and_all_that_is_done_with_its_table(airflow_home: AirflowHome, night: RemoteNight, said: Said) -> None:
    reads, ledger = f"{night.uri}/reads", f"{night.uri}/ledger"

    def images() -> list[str]:
        return sorted(read_dataset(reads, opener=open_place)["image"])

    def run() -> str:
        dag_id = f"on_{night.place.protocol}"
        file = airflow_home.add_dag(f"{dag_id}.py", night.dag(dag_id))
        try:
            return airflow_home.run_dag(dag_id).state
        finally:
            file.unlink()

    assert [run(), run()] == ["success", "success"]
    night.hold()  # the second run paid for nothing
    before = images()
    gone = next(each for each in before if each.endswith(names()[0]))

    assert f"answers   {IMAGES} (vin" in said(ledger_main, ledger, "info")
    for command in ("check", "doubts", "holds", "reparse"):
        said(ledger_main, ledger, command)
    assert f"rows          {len(before)} in" in said(dataset_main, "info", reads)
    said(dataset_main, "correct", reads, "1M8GDM9AXKP042788", "--image", gone, "--why", "seen", "--add")
    said(dataset_main, "compact", reads)
    assert images() == before
    said(dataset_main, "rebuild", reads, "--replace", "--ledger", ledger)
    assert images() == before
    said(dataset_main, "retain", reads, "--older-than", "1d", "--dry-run")
    said(dataset_main, "forget", reads, "--image", gone, "--yes")  # with the ledger that the dataset remembers
    assert images() == [each for each in before if each != gone]
    assert f"answers   {IMAGES - 1} (vin" in said(ledger_main, ledger, "info")

    assert run() == "success"  # what was deleted is neither paid for nor published again
    assert night.sandbox.books()["billed"] == IMAGES
    assert images() == [each for each in before if each != gone]
