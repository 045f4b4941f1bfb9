"""What the shards of a run tell each other of rejections in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Outcome, Owner, ReadStatus
from airflow_provider_platerec_ocr.dataset.report.tries import TryFile
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.worker.fellow_shards import FellowShards
from airflow_provider_platerec_ocr.worker.shard_summary import counts_of
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

SAID = "400: unknown type trailer"


def test_shards_and_earlier_tries_hear_of_each_other_and_nobody_of_himself(tmp_path: Path) -> None:
    run = local_place(tmp_path)
    one, two, again = FellowShards(run, 0, 1), FellowShards(run, 1, 1), FellowShards(run, 0, 2)
    assert one.alike(SAID) == 0

    one.tell(SAID, 5)
    one.tell(SAID, 10)
    two.tell(SAID, 7)
    assert (one.alike(SAID), two.alike(SAID), again.alike(SAID)) == (7, 10, 17)
    assert again.alike(SAID, own=False) == 7, "what the earlier try left, this one may have met again"
    again.tell(SAID, 3)
    assert two.alike(SAID) == 10, "of two tries of a shard the one with the most"
    again.tell("", 0)
    assert two.alike("413: too large") == 0

    one.tell("", 0)
    one.tell("", 0)
    assert two.alike(SAID) == 0
    assert not any(SAID.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_shard_has_read_when_the_api_did_and_not_when_the_ledger_knew(tmp_path: Path) -> None:
    run = local_place(tmp_path)
    file, progress = TryFile(run, 3, 1), Progress(total=2)
    fellows = FellowShards(run, 0, 1)
    for from_ledger, have_read in ((True, False), (False, True)):
        progress.add(Outcome(row=1, image="a", type="vin", status=ReadStatus.READ, from_ledger=from_ledger))
        file.write(counts_of(3, Owner(), progress, ended=False))
        assert fellows.have_read() is have_read
