from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.stores import local_place, s3_stand

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath


def opened(place: StoragePath) -> Ledger:
    owner = Owner(dag_id="nightly/ü", run_id="scheduled__2026-03-01T22:00:00+00:00", map_index=4)
    return Ledger.open(place, lease_s=270.0, clock=FakeClock(), owner=owner)


def test_a_ledger_knows_nothing_at_first(tmp_path: Path) -> None:
    assert opened(local_place(tmp_path)).known() == set()


def test_what_any_task_remembers_all_know(tmp_path: Path) -> None:
    first, second = (identity_key("vin", name, None) for name in ("/in/a.jpg", "/in/b.jpg"))
    opened(local_place(tmp_path)).remember([first])
    opened(local_place(tmp_path)).remember(iter([second, second, first]))

    assert opened(local_place(tmp_path)).known() == {first, second}


def test_the_index_lies_in_an_object_store_as_well() -> None:
    with s3_stand() as stand:
        place = stand.place()
        opened(place).remember([b"a" * 16])
        before = opened(place).known()
        opened(stand.again(place)).remember([b"b" * 16])

        assert before == {b"a" * 16}
        assert opened(place).known() == {b"a" * 16, b"b" * 16}


def test_each_call_adds_a_file_and_changes_none(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    ledger.remember([b"a" * 16])
    (first,) = (tmp_path / "known-images").iterdir()
    ledger.remember([b"b" * 16])
    ledger.remember([])

    assert first.read_bytes() == b"a" * 16
    assert len(list((tmp_path / "known-images").iterdir())) == 2
    assert first.name.startswith("nightly-scheduled-2026-03-01T22-00-00-00-00-4.")


def test_a_torn_last_record_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = opened(local_place(tmp_path))
    ledger.remember([b"a" * 16])
    (path,) = (tmp_path / "known-images").iterdir()
    path.write_bytes(b"a" * 16 + b"half")

    assert ledger.known() == {b"a" * 16}
    assert "torn" in caplog.text


def test_a_key_of_another_length_is_refused(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))

    with pytest.raises(ValueError, match="16 bytes"):
        ledger.remember([b"short"])
    assert ledger.known() == set()


def test_a_million_images_are_known_about_as_fast_as_their_keys_can_be_cut_apart(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    for shard in range(50):
        ledger.remember((shard * 20_000 + row).to_bytes(16, "big") for row in range(20_000))

    begun = time.process_time()
    known = ledger.known()
    took_s = time.process_time() - begun
    data = b"".join(path.read_bytes() for path in (tmp_path / "known-images").iterdir())
    keys = {data[at : at + 16] for at in range(0, len(data), 16)}
    cutting_s = time.process_time() - begun - took_s

    assert known == keys
    assert len(keys) == 1_000_000
    assert took_s < 5 * cutting_s
