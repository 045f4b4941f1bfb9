"""Sweeps that die, meet, or repeat themselves: each payload is one row all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.inbox_stage import InboxStage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> InboxStage:
    return InboxStage(tmp_path)


class DiesError(Exception):
    """The process is gone."""
