"""A table of real photographs for pictures of the view Reads: three nights, one code corrected, one image gone."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.page_stage import PageStage
from support.search_stage import SearchStage, Shot
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parents[2] / "dags" / "sample_images"
NIGHT = 8
"""Images of a night."""


def shots() -> Iterator[tuple[str, Shot]]:
    """Type and shot of every sample with the code that it shows; some are hard to read, and two show nothing."""
    with (SAMPLES / "truth.csv").open() as file:
        for number, row in enumerate(csv.DictReader(file)):
            codes = (row["truth"],) if number % 11 != 4 else ()
            confidence = 0.97 - (number * 7 % 13) / 40
            yield row["type"], Shot(row["image"], codes, confidence, camera=f"gate-{number % 3 + 1}")


def furnish_reads(root: Path) -> tuple[PageStage, SearchStage]:
    """Publish the samples below ``root``, and have a page know the table."""
    stage = PageStage(root)
    search = SearchStage.local(root / "yard")
    found = list(shots())
    for _, shot in found[:-1]:
        shutil.copy(SAMPLES / shot.name, root / "yard" / shot.name)
    for night in range(3):
        some = found[NIGHT * night : NIGHT * (night + 1)]
        for kind in sorted({kind for kind, _ in some}):
            search.night(26 + night, [shot for type_, shot in some if type_ == kind], kind=kind)
    _, corrected = found[NIGHT * 2]
    search.correct(corrected.name, "1HGCM82633A004352", by="jane", why="seen at the gate")
    stage.note(dataset=search.dataset.uri)
    pay(stage, search, corrected.name)
    return stage, search


def pay(stage: PageStage, search: SearchStage, name: str) -> None:
    """Have the ledger know what an image cost: one call that was refused, and one that was answered."""
    row = next(row for row in search.look(limit=50).rows() if row["image"] == search.image(name))
    owner = Owner("nightly", row["run_id"], "ocr.read", 0, 1)
    ledger = Ledger.open(local_place(stage.ledger), lease_s=270, clock=FakeClock(row["read_at"]), owner=owner)
    facts = {"image": row["image"], "row": row["manifest_row"]}
    for attempt in (1, 2):
        claim = ledger.claim("vin", row["fingerprint"], attempt, facts)
        assert claim is not None
        if attempt == 1:
            ledger.release(claim, "429: slow down")
        else:
            ledger.answer(claim, {"results": []}, facts | {"http_status": 200, "elapsed_s": 24.6})
