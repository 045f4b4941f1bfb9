"""A small published table whose reads persons correct, and how it looks to pandas and to DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from airflow_provider_platerec_ocr.dataset.corrections.view import corrected_view
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from support.table_stage import RUN, VIN, TableStage, read_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.corrections.table import Correction

ONE, TWO, NONE = "one.jpg", "two.jpg", "none.jpg"
"""An image with one code, with two, and with none."""
OTHER = "1HGCM82633A004352"
RIGHT = "WP0ZZZ99ZTS392124"
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
Shown = tuple[str, int | None, str | None, str | None, str | None]


def how(image: PlannedImage) -> Outcome:
    codes = {ONE: (VIN,), TWO: (VIN, OTHER), NONE: ()}
    return read_outcome(image, *codes[image.image.rpartition("/")[2]])


@dataclass
class CorrectedStage:
    """The table, and a clock that goes on by a minute with each correction."""

    root: Path
    said: int = 0

    @classmethod
    def make(cls, root: Path) -> CorrectedStage:
        stage = TableStage.local(root)
        root.mkdir()
        manifest = root / "list.csv"
        manifest.write_text(f"image\n{ONE}\n{TWO}\n{NONE}\n")
        plan = stage.plan(str(manifest))
        stage.read(plan, RUN, how)
        stage.publish(plan)
        return cls(root)

    @property
    def dataset(self) -> Path:
        return self.root / "table"

    def image(self, name: str) -> str:
        return str(self.root / name)

    def correct(self, name: str, code: str | None = None, **more: Any) -> Correction:
        self.said += 1
        at = BEGAN + timedelta(minutes=self.said)
        given: dict[str, Any] = {"by": "jane", "why": "seen at the gate", "at": at, "image": self.image(name)} | more
        return correct(self.dataset, code, **given)

    def take_back(self, name: str, **more: Any) -> Correction:
        return self.correct(name, None, kind="take_back", **more)

    def seen(self) -> list[Shown]:
        """What a reader sees, in pandas; DuckDB's view must say the same."""
        frame = read_dataset(str(self.dataset), corrected=True)
        names = ["filename", "identifier_index", "code", "code_as_read", "corrected_by"]
        rows = [tuple(row) for row in frame[names].astype(object).where(frame[names].notna(), None).to_numpy().tolist()]
        by_duckdb = self.by_duckdb(", ".join(names))
        assert ordered(by_duckdb) == ordered(rows)
        return ordered(rows)

    def by_duckdb(self, columns: str) -> list[Shown]:
        connection = duckdb.connect()
        folders = str(self.dataset), f"{self.dataset}_corrections"
        connection.execute(corrected_view("duckdb", reads_schema().names, *folders, "corrected_reads"))
        rows: list[Any] = connection.execute(f"select {columns} from corrected_reads").fetchall()  # noqa: S608  # ours
        connection.close()
        return rows


def ordered(rows: list[Shown]) -> list[Shown]:
    return sorted(rows, key=lambda row: (row[0], -1 if row[1] is None else row[1]))
