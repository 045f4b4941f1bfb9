"""A small published table to look for reads in: nights of shots, each with its codes, camera and confidence."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.corrections.table import CORRECTIONS
from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef
from airflow_provider_platerec_ocr.dataset.search.groups import Footers
from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery
from airflow_provider_platerec_ocr.dataset.search.search import search
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from support.table_stage import VIN, TableStage, answer, outcome_of, read_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.search.search import FoundReads
    from airflow_provider_platerec_ocr.storage.path import StoragePath

BAD_VIN = "1M8GDM9A1KP042788"
"""Its check digit does not fit."""


@dataclass(frozen=True)
class Shot:
    """One image of a night, and what the API says of it."""

    name: str
    codes: tuple[str, ...] = (VIN,)
    confidence: float = 0.8
    camera: str = ""
    raw: str | None = None
    """The answer itself, instead of one made of the above."""
    status: str = "read"


def answer_of(shot: Shot) -> str:
    """The API's answer, as JSON text."""
    if shot.raw is not None:
        return shot.raw
    found = json.loads(answer(*shot.codes))
    for result in found["results"]:
        result["identifier"]["props"]["confidence"] = shot.confidence
    return json.dumps(found)


@dataclass(frozen=True)
class SearchStage:
    """A dataset below a folder."""

    stage: TableStage

    @classmethod
    def local(cls, path: Path) -> SearchStage:
        path.mkdir(exist_ok=True)
        return cls(TableStage.local(path))

    @property
    def dataset(self) -> StoragePath:
        return self.stage.dataset

    @property
    def corrections(self) -> StoragePath:
        return beside(self.dataset, CORRECTIONS)

    def image(self, name: str) -> str:
        """How the table calls an image."""
        return (self.stage.root / name).uri

    def night(self, day: int, shots: Sequence[Shot], *, kind: str = "vin", again: str = "") -> RunRef:
        """Plan, read and publish one night of March."""
        run = RunRef("nightly", f"night-{day:02}{again}", f"2026-03-{day:02}", group=kind)
        text = io.StringIO()
        csv.writer(text).writerows([("image", "camera_id"), *((shot.name, shot.camera) for shot in shots)])
        manifest = self.stage.root / f"{kind}-{day}{again}.csv"
        manifest.fs.pipe_file(manifest.path, text.getvalue().encode())
        plan = self.stage.plan(manifest.uri, run, default_type=kind)
        by_name = {self.image(shot.name): shot for shot in shots}

        def how(image: PlannedImage) -> Outcome:
            shot = by_name[image.image]
            if shot.status != "read":
                return outcome_of(image, shot.status, reason="image_missing", message="There is no such file.")
            return read_outcome(image, answer=answer_of(shot))

        self.stage.read(plan, run, how)
        self.stage.publish(plan, run)
        return run

    def correct(self, name: str, code: str | None = None, **more: Any) -> None:
        given = {"image": self.image(name), "by": "jane", "why": "seen"} | more
        correct(self.dataset.uri, code, opener=lambda uri: replace(self.dataset, path=uri), **given)

    def look(self, query: ReadQuery | None = None, **more: Any) -> FoundReads:
        """Search with nothing remembered."""
        given: dict[str, Any] = {"corrections": self.corrections, "footers": Footers()} | more
        return search(self.dataset, query or ReadQuery(), **given)

    def names(self, query: ReadQuery | None = None, **more: Any) -> list[str]:
        """The file names of a page, in order."""
        return names_of(self.look(query, **more).rows())


def names_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [row["filename"] for row in rows]


def files(folder: StoragePath) -> Iterator[Path]:
    """The table's files."""
    yield from sorted(Path(folder.path).rglob("[!._]*.parquet"))
