"""A small published table for the analyses: a few images, each with the codes that were read off it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from support.table_stage import RUN, TableStage, read_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage


def yard_table(
    root: Path, codes: Mapping[str, tuple[str, ...]], taken: str = "2026-03-01T22:15:00Z", folders: tuple[str, ...] = ()
) -> Path:
    """Publish a table of images below ``root`` and return its folder; none of them names its camera.

    :param codes: by the image's name: the codes that were read off it.
    :param taken: when they were taken, as the manifest has it; empty where it does not say.
    :param folders: in each of which they lie; default: beside the manifest.
    """

    def how(image: PlannedImage) -> Outcome:
        return read_outcome(image, *codes[Path(image.image).name])

    stage = TableStage.local(root)
    names = [f"{folder}/{name}" for folder in folders for name in codes] or list(codes)
    (root / "list.csv").write_text("image,timestamp\n" + "".join(f"{name},{taken}\n" for name in names))
    plan = stage.plan(str(root / "list.csv"))
    stage.read(plan, RUN, how)
    stage.publish(plan)
    return root / "table"
