"""Real processes that want the same images at the same moment."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

PRINTS = [f"{number:064x}" for number in range(50)]
WORKERS = 8


def opened(root: Path, worker: int) -> Ledger:
    place = StoragePath(LocalFileSystem(), str(root))  # support.stores would have each process import an S3 server
    return Ledger.open(place, lease_s=270, clock=SystemClock(), owner=Owner(map_index=worker))


def claim_all(root: str, worker: int, start: Barrier, won: str) -> None:
    """In a process of its own: claim every fingerprint, and write down which claims succeeded."""
    ledger = opened(Path(root), worker)
    start.wait(PATIENCE_S)
    mine = [name for name in PRINTS if ledger.claim("vin", name, 1, {"worker": worker}) is not None]
    Path(won, str(worker)).write_text("\n".join(mine))


def test_eight_processes_claim_each_of_fifty_images_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(WORKERS)
    (tmp_path / "won").mkdir()
    workers = [
        context.Process(target=claim_all, args=(str(tmp_path / "ledger"), worker, start, str(tmp_path / "won")))
        for worker in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE_S)

    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    won = {int(path.name): path.read_text().split() for path in (tmp_path / "won").iterdir()}
    assert sorted(name for names in won.values() for name in names) == PRINTS
    ledger = opened(tmp_path / "ledger", 0)
    for number, names in won.items():
        histories = [ledger.look("vin", name) for name in names]
        assert all(history[0].facts == {"worker": number} and len(history) == 1 for history in histories)
    assert not list((tmp_path / "ledger").rglob(".tmp-*"))
