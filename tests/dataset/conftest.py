"""What the dataset's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.stores import s3_stand
from support.table_stage import TableStage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.stores import S3Stand


@pytest.fixture
def stage(tmp_path: Path) -> TableStage:
    return TableStage.local(tmp_path / "stage")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Stand]:
    with s3_stand() as stand:
        yield stand
