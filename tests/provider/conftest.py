"""A migrated Airflow for tests that run DAGs, and what tests of reads and shards need; a module may have its own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from support import airflow_home as home
from support.batch_stage import connected
from support.sandbox import running_sandbox
from support.single_reads import jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox


@pytest.fixture(scope="session")
def airflow_home() -> home.AirflowHome:
    """Return the process's Airflow with its database made."""
    return home.migrate(home.claim())


@pytest.fixture(autouse=True)
def quick_children(warm_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the processes that make calls forked from a warm one: hundreds of tests have some."""
    monkeypatch.setattr(sys, "executable", warm_python)


@pytest.fixture
def own_environment() -> Iterator[None]:
    """Take back what is set for the child of a task, where a test opens places in this process."""
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of this test's own ledger, which the option names."""
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__SPILL_FOLDER", str(tmp_path / "spill"))
    return tmp_path / "ledger"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return the API behind the connection ``yard``; it fetches URLs."""
    with running_sandbox(fetch_urls=True) as running:
        monkeypatch.setenv(*home.connection_env(running.url, running.token, conn_id="yard"))
        yield running


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return an image to read."""
    path = tmp_path / "photos" / "door.jpg"
    path.parent.mkdir()
    path.write_bytes(jpeg())
    return path


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchStage:
    """Return a folder of 20 images with a ledger and a dataset."""
    return connected(monkeypatch, tmp_path, sandbox, images=20)
