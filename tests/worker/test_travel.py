"""A job's way to the child: places that Airflow opened go as names, and nothing else of Airflow goes at all."""

from __future__ import annotations

import operator
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.runtime.handed_over import HandedOver
from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.worker.parent import ChildProcess
from airflow_provider_platerec_ocr.worker.travel import packed, unpacked
from support.sandbox import running_sandbox
from support.shards import job
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


class Live(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """A file system that can be pickled as little as one with sockets."""

    cachable = False

    def __reduce__(self) -> Any:
        message = "a live session"
        raise TypeError(message)


@dataclass(frozen=True)
class Openers:
    """Opens file systems by name, and remembers which."""

    connections: tuple[tuple[str, str], ...]

    def __call__(self, scheme: str, conn_id: str) -> Any:
        fs = Live()
        fs.opened_as = (scheme, conn_id)
        return fs


def hand_over(used: Collection[tuple[str, str]]) -> Openers:
    return Openers(tuple(sorted(used)))


def test_a_place_that_airflow_opened_is_opened_again_by_its_connection_however_deep_in_the_job() -> None:
    ledger = StoragePath(Live(), "bucket/led ger#1", "s3", "yard") / "vin"
    job_sent = {"ledger": ledger, "roots": (StoragePath(Live(), "photos", "s3", ""), local_place("/photos"))}

    arrived = unpacked(packed(job_sent, hand_over))

    assert (arrived["ledger"].path, arrived["ledger"].protocol) == ("bucket/led ger#1/vin", "s3")
    assert arrived["ledger"].fs.opened_as == ("s3", "yard")
    assert arrived["ledger"].parent.conn_id == "yard"
    assert arrived["roots"][0].fs.opened_as == ("s3", "")
    assert arrived["roots"][1] == local_place("/photos")


def test_each_file_system_is_opened_once() -> None:
    place = StoragePath(Live(), "bucket", "s3", "yard")

    first, second = unpacked(packed((place / "a", place / "b"), hand_over))

    assert first.fs is second.fs


def test_every_connection_that_a_place_needs_is_handed_over_and_none_beside() -> None:
    asked: list[Collection[tuple[str, str]]] = []

    def noting(used: Collection[tuple[str, str]]) -> Openers:
        asked.append(used)
        return hand_over(used)

    places = [StoragePath(Live(), "b", scheme, conn_id) for scheme, conn_id in (("s3", "a"), ("s3", "b"), ("gs", ""))]
    packed((places, local_place("/here")), noting)
    packed(local_place("/here"), noting)

    assert asked == [{("s3", "a"), ("s3", "b"), ("gs", "")}]


def test_a_place_of_airflow_without_what_opens_it_is_refused_before_anything_starts() -> None:
    with pytest.raises(OCRConfigError, match="'s3', 'yard'"):
        packed(StoragePath(Live(), "b", "s3", "yard"))


def test_what_cannot_travel_leaves_no_process_behind(tmp_path: Path) -> None:
    me = psutil.Process()
    before = set(me.children())
    with running_sandbox() as sandbox:
        work = job(tmp_path, sandbox, 1)
    with pytest.raises(TypeError, match="a live session"):
        ChildProcess(replace(work, ledger=StoragePath(Live(), "b", "s3")))

    assert set(me.children()) <= before


def test_a_place_that_cannot_be_opened_in_the_child_fails_the_task_with_its_reason(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        work = job(tmp_path, sandbox, 1)
    away = replace(work, ledger=StoragePath(Live(), "b", "s3", "gone"))

    ended = ChildProcess(away, lambda _: operator.truediv).wait()  # "s3" / "gone"

    assert isinstance(ended.error, TypeError)
    assert "unsupported operand" in str(ended.error)


LOCAL = """
import sys
from airflow_provider_platerec_ocr.worker import child
from airflow_provider_platerec_ocr.worker.travel import unpacked
unpacked(sys.stdin.buffer.read())
print(sorted(name for name in sys.modules if name.partition(".")[0] == "airflow"))
"""


def test_a_job_on_the_local_disk_loads_nothing_of_airflow_in_the_child(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        data = packed(job(tmp_path, sandbox, 1), hand_over)

    done = subprocess.run([sys.executable, "-P", "-c", LOCAL], input=data, capture_output=True, check=True)  # noqa: S603

    assert done.stdout.decode().strip() == "[]"


def test_the_connections_are_shown_by_nothing() -> None:
    opener = HandedOver({"yard": '{"password": "geheim"}'})

    assert "geheim" not in repr(opener)
    assert pickle.loads(pickle.dumps(opener)) == opener  # noqa: S301  # just made
