"""A shard of pictures as a job for the child process, and what its ledger holds afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
from airflow_provider_platerec_ocr.core.settings import ClientSettings, Timeouts
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.worker.job import ShardJob
from support.stores import local_place

if TYPE_CHECKING:
    from support.sandbox import Sandbox


def job(  # noqa: PLR0913  # what differs between tests, by name
    tmp_path: Path,
    sandbox: Sandbox,
    count: int,
    *,
    try_number: int = 1,
    token: str | None = None,
    at_once: int = 512,
) -> ShardJob:
    """Return a shard of ``count`` small pictures below ``tmp_path``, to be read by the sandbox."""
    images = tmp_path / "images"
    if not images.exists():
        make_load_images(images, count, 2_000)
    workspace = tmp_path / "workspace"
    (workspace / "shards").mkdir(parents=True, exist_ok=True)
    planned = [
        PlannedImage(row=row, image=str(path), type="vin", uri=str(path))
        for row, path in enumerate(sorted(images.glob("*.jpg")), 1)
    ]
    (workspace / "shards" / "00000.jsonl").write_text("".join(to_line(image) for image in planned))
    return ShardJob(
        settings=ClientSettings(
            token=token or sandbox.token,
            base_url=sandbox.url,
            rate_per_s=500,
            max_in_flight=at_once,
            timeouts=Timeouts(call_s=120, save_s=60),
        ),
        owner=Owner("dag", "run", "read", 0, try_number),
        ledger=local_place(tmp_path / "ledger"),
        spill=tmp_path / "spill",
        workspace=local_place(workspace),
        path="shards/00000.jsonl",
        index=0,
        images=count,
        shards=1,
        roots=(local_place(images),),
    )


def answers_in(work: ShardJob) -> int:
    """Return how many answers the job's ledger holds."""
    return len(list(Path(work.ledger.path).rglob("*.answer")))
