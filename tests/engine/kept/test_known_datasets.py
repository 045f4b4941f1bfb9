from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.engine.kept.known_datasets import (
    FOLDER,
    MOST_DAGS,
    KnownDataset,
    known_dataset,
    known_datasets,
    note_dataset,
)
from airflow_provider_platerec_ocr.engine.ledger.identity import types_of
from airflow_provider_platerec_ocr.storage.store import Store
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

READS = KnownDataset("/data/reads", dag_id="nightly", conn_id="yard", reserve=10, at="2026-03-01T22:00:00Z")


def test_what_is_noted_is_found_by_its_ledger_and_by_its_uri(tmp_path: Path) -> None:
    ledger = local_place(tmp_path)
    others = KnownDataset("s3://bucket/reads")

    assert note_dataset(ledger, others)
    assert note_dataset(ledger, READS)

    assert known_datasets(ledger) == [READS, others]
    assert known_dataset([ledger], "file:///data/reads/") == READS
    assert known_dataset([ledger], "s3://conn@bucket/reads") == others
    assert known_dataset([ledger], "/data/other") is None


def test_a_night_like_the_one_before_writes_nothing(tmp_path: Path) -> None:
    ledger = local_place(tmp_path)
    assert note_dataset(ledger, READS)

    assert not note_dataset(ledger, KnownDataset("/data/reads", dag_id="nightly", at="2026-03-02T22:00:00Z"))


def test_what_a_plan_does_not_know_stays_as_the_export_wrote_it(tmp_path: Path) -> None:
    ledger = local_place(tmp_path)
    note_dataset(ledger, KnownDataset("/data/reads", dag_id="nightly", reports="/data/reports"))

    assert note_dataset(ledger, KnownDataset("/data/reads", dag_id="weekly", reserve=5))

    (found,) = known_datasets(ledger)
    assert (found.dag_id, found.reports, found.reserve) == ("weekly", "/data/reports", 5)


def test_every_dag_that_planned_stays_known_and_the_last_one_is_the_last(tmp_path: Path) -> None:
    ledger = local_place(tmp_path)
    assert KnownDataset("/data/reads").dags == ()

    for dag_id in ("nightly", "weekly", "by_hand", "nightly"):
        assert note_dataset(ledger, KnownDataset("/data/reads", dag_id=dag_id))

    (found,) = known_datasets(ledger)
    assert (found.dag_id, found.dags) == ("nightly", ("weekly", "by_hand", "nightly"))
    assert not note_dataset(ledger, KnownDataset("/data/reads", dag_id="nightly"))


def test_no_more_dags_are_kept_than_a_file_may_hold(tmp_path: Path) -> None:
    ledger = local_place(tmp_path)
    for number in range(MOST_DAGS + 3):
        note_dataset(ledger, KnownDataset("/data/reads", dag_id=f"dag-{number}"))

    (found,) = known_datasets(ledger)
    assert found.dags == tuple(f"dag-{number}" for number in range(3, MOST_DAGS + 3))


def test_the_folder_is_no_type_of_the_ledgers(tmp_path: Path) -> None:
    note_dataset(local_place(tmp_path), READS)

    assert types_of(Store(local_place(tmp_path))) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"dataset": 7}', '{"dataset": ""}', "9" * 30_000, "[" * 5_000], ids=range(7)
)
def test_a_file_that_is_none_of_ours_is_left_aside(tmp_path: Path, text: str) -> None:
    note_dataset(local_place(tmp_path), READS)
    (tmp_path / FOLDER / f"{'0' * 64}.json").write_text(text)
    (tmp_path / FOLDER / "notes.txt").write_text("not ours")

    assert known_datasets(local_place(tmp_path)) == [READS]


def test_a_file_of_a_later_version_is_read_without_what_is_new(tmp_path: Path) -> None:
    note_dataset(local_place(tmp_path), READS)
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"colour": "red", "reserve": True, "type": 7}))

    (found,) = known_datasets(local_place(tmp_path))
    assert (found.dag_id, found.reserve, found.type) == ("nightly", None, "")


def test_a_ledger_that_takes_no_file_is_logged_and_nothing_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).write_text("in the way")

    assert not note_dataset(local_place(tmp_path), READS)
    assert "will not find this dataset" in caplog.text


def test_a_ledger_without_datasets_has_none(tmp_path: Path) -> None:
    assert known_datasets(local_place(tmp_path / "nothing")) == []
