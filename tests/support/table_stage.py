"""A dataset in a folder of its own: plan it, pretend to read it, publish it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.dataset.plan.plan import PlanRequest, RunRef, load_shard, make_plan
from airflow_provider_platerec_ocr.dataset.table.journal import OutcomeWriter
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan
    from airflow_provider_platerec_ocr.dataset.table.publish import ExportResult
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

RUN = RunRef("nightly", "scheduled__2026-03-01T22:00:00+00:00", "2026-03-01")
VIN = "1M8GDM9AXKP042788"
READ_AT = "2026-03-01T23:15:00Z"


def answer(*codes: str, **more: Any) -> str:
    """The API's answer with the given codes, as JSON text."""
    results = [
        {
            "identifier": {
                "type": "text",
                "props": {"code": [{"value": code}], "orientation": [{"value": "horizontal"}], "confidence": 0.8},
            }
        }
        for code in codes
    ]
    body = {"processing_time": 128.758, "timestamp": "2026-03-01T22:15:00.5Z", "results": results, "version": 1}
    return json.dumps({**body, "filename": "x.jpg", "camera_id": None, **more})


def fingerprint_of(image: PlannedImage) -> str:
    """What stands for the image's content: each name and version has one of its own."""
    return hashlib.sha256(f"{image.type} {image.image} {image.image_version}".encode()).hexdigest()


def read_outcome(image: PlannedImage, *codes: str, **more: Any) -> Outcome:
    """The image was read, and paid for."""
    facts: dict[str, Any] = {
        "fingerprint": fingerprint_of(image),
        "answer": answer(*codes),
        "read_at": READ_AT,
        "calls_billed": 1,
        "at": READ_AT,
        **more,
    }
    return replace(outcome_of(image, "read"), **facts)


def outcome_of(image: PlannedImage, status: str, **more: Any) -> Outcome:
    """The image ended in some way."""
    return Outcome(
        row=image.row,
        image=image.image,
        type=image.type,
        status=status,
        **{
            "image_version": image.image_version,
            "camera_id": image.camera_id,
            "timestamp": image.timestamp,
            "at": READ_AT,
            **more,
        },
    )


def read_vin(image: PlannedImage) -> Outcome:
    """The image shows a VIN."""
    return read_outcome(image, VIN)


@dataclass(frozen=True)
class TableStage:
    """Folders of one dataset, below one root."""

    root: StoragePath
    opener: Opener = local_place

    @classmethod
    def local(cls, path: Path) -> TableStage:
        return cls(local_place(path))

    @property
    def dataset(self) -> StoragePath:
        return self.root / "table"

    @property
    def dead_letters(self) -> StoragePath:
        return self.root / "table_dead_letters"

    def workspace(self, run: RunRef = RUN) -> StoragePath:
        return self.root / "work" / run.workspace

    def request(self, manifest: str, run: RunRef = RUN, **more: Any) -> PlanRequest:
        given = {"default_type": "vin", **more}
        return PlanRequest(
            manifest=manifest,
            opener=self.opener,
            dataset=self.dataset,
            dead_letters=self.dead_letters,
            workspace=self.workspace(run),
            run=run,
            **given,
        )

    def plan(self, manifest: str, run: RunRef = RUN, **more: Any) -> Plan:
        return make_plan(self.request(manifest, run, **more))

    def images(self, plan: Plan, run: RunRef = RUN) -> list[PlannedImage]:
        return [image for shard in plan.shards for image in load_shard(self.workspace(run) / shard.path)]

    def read(
        self,
        plan: Plan,
        run: RunRef = RUN,
        how: Callable[[PlannedImage], Outcome | None] = read_vin,
        try_number: int = 1,
    ) -> None:
        """Write the outcomes of all shards; ``None`` means that a task did not get to the image."""
        workspace = self.workspace(run)
        for shard in plan.shards:
            with OutcomeWriter(workspace, shard.index, try_number) as writer:
                for image in load_shard(workspace / shard.path):
                    outcome = how(image)
                    if outcome is not None:
                        writer.append(outcome)

    def publish(self, plan: Plan, run: RunRef = RUN) -> ExportResult:
        return publish(
            plan, workspace=self.workspace(run), dataset=self.dataset, dead_letters=self.dead_letters, run=run
        )


def manifest(path: Path, number: int, start: int = 0) -> str:
    """Write a CSV manifest of so many images and return its path."""
    path.write_text("image\n" + "".join(f"{i}.jpg\n" for i in range(start, start + number)))
    return str(path)


def names(images: list[PlannedImage]) -> list[str]:
    """Return the images' file names."""
    return [image.image.rpartition("/")[2] for image in images]


def granting(calls: int, reason: str = "") -> Callable[[int], tuple[int, str]]:
    """A budget of so many calls."""
    return lambda wanted: (min(wanted, calls), reason)
