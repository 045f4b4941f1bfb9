"""A night that was really run: photographs, plan, read and export against the sandbox, all in one folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from support.batch_stage import connected
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox

IMAGES = 6


@pytest.fixture(autouse=True)
def quick_children(warm_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process that makes the night's calls forked from a warm one."""
    monkeypatch.setattr(sys, "executable", warm_python)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        yield running


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> BatchStage:
    """A dataset of one night, whose run has ended."""
    stage = connected(monkeypatch, tmp_path, sandbox, IMAGES)
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", str(tmp_path / "inbox"))
    assert stage.run("scheduled__2026-03-01T22:00:00+00:00").counts["calls_billed"] == IMAGES
    return stage
