"""What the dataset's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.table_stage import TableStage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> TableStage:
    return TableStage.local(tmp_path / "stage")
