"""A ledger's name and size: made once, kept by every copy, read without reading what is in it."""

from __future__ import annotations

import hashlib
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.identity import (
    Identity,
    base_urls,
    give_identity,
    has_claims,
    note_base_url,
    read_identity,
)
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.size import size_of
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.ledger_shell import FACTS, RAW, claimed, opened
from support.simulated_store import SimulatedStore
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from support.stores import S3Stand


def test_a_ledger_is_named_once_and_says_so_the_first_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        first = opened(local_place(tmp_path)).identity
    assert f"A new ledger was made in {tmp_path}" in caplog.text
    caplog.clear()

    second = opened(local_place(tmp_path)).identity

    assert first == second
    assert (len(first.id), first.made_at, first.older) == (12, "2026-03-01T22:00:00Z", False)
    assert caplog.text == ""


def test_many_that_open_a_new_ledger_at_once_agree_on_its_name(tmp_path: Path) -> None:
    def name(_: int) -> str:
        place = local_place(tmp_path)
        return Ledger.open(place, lease_s=270, clock=SystemClock(), owner=Owner()).identity.id

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(name, range(16)))

    assert names == {read_identity(Store(local_place(tmp_path))).id}


def test_looking_names_nothing(tmp_path: Path) -> None:
    place = local_place(tmp_path / "ledger")

    Ledger.peek(place, lease_s=270, clock=FakeClock())

    assert read_identity(Store(place)) == Identity("")
    assert not (tmp_path / "ledger").exists()


def test_an_older_ledger_gets_a_name_and_is_not_called_new(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    claimed(opened(local_place(tmp_path)))
    shutil.rmtree(tmp_path / "ledger-identity")
    caplog.clear()

    again = opened(local_place(tmp_path)).identity

    assert again.older
    assert again.age() == "older than 2026-03-01T22:00:00Z"
    assert caplog.text == ""


def test_a_copy_into_another_ledger_leaves_both_names(tmp_path: Path) -> None:
    one, other = opened(local_place(tmp_path / "one")).identity, opened(local_place(tmp_path / "other")).identity
    for path in (tmp_path / "other" / "ledger-identity").iterdir():
        target = tmp_path / "one" / "ledger-identity" / path.name
        if not target.exists():
            shutil.copy2(path, target)

    merged = read_identity(Store(local_place(tmp_path / "one")))

    assert merged.id == one.id
    assert merged.is_also(one.id)
    assert merged.is_also(other.id)
    assert not merged.is_also("")
    assert not read_identity(Store(local_place(tmp_path / "other"))).is_also(one.id)


def test_a_torn_name_is_no_name(tmp_path: Path) -> None:
    opened(local_place(tmp_path))
    file = tmp_path / "ledger-identity" / "identity.json"
    for torn in (b"", b"{", b'{"schema":1,"nonce":"x"}'):
        file.write_bytes(torn)
        assert read_identity(Store(local_place(tmp_path))).id == ""
        assert give_identity(Store(local_place(tmp_path)), FakeClock())[0].id == ""


def test_a_ledger_without_claims_is_known_by_its_names_alone(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    assert not has_claims(ledger.store)
    (tmp_path / "vin" / "ab").mkdir(parents=True)
    (tmp_path / "vin" / "ab" / "notes.txt").write_text("mine")
    assert not has_claims(ledger.store)

    claimed(ledger)

    assert has_claims(ledger.store)


def test_base_urls_are_noted_once(tmp_path: Path) -> None:
    store = opened(local_place(tmp_path)).store
    for _ in range(2):
        note_base_url(store, "https://b.example")
        note_base_url(store, "https://a.example")

    assert base_urls(store) == ["https://a.example", "https://b.example"]


def fill(ledger: Ledger, number: int, type_: str = "vin") -> None:
    for index in range(number):
        claim = claimed(ledger, hashlib.sha256(f"{type_} {index}".encode()).hexdigest(), type_=type_)
        if index % 2:
            ledger.answer(claim, RAW, FACTS)


def test_a_small_ledger_is_counted_exactly(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    fill(ledger, 40)
    fill(ledger, 6, "trailer_id")

    size = size_of(ledger.store)

    written = [path for type_ in ("vin", "trailer_id") for path in (tmp_path / type_).rglob("*.*")]
    assert size.exact
    assert (size.answers, size.rejected) == ({"vin": 20, "trailer_id": 3}, 0)
    assert (size.total, str(size)) == (23, "23 answers")
    assert size.size_bytes == sum(path.stat().st_size for path in written)
    assert size.last_write_s == max(path.stat().st_mtime for path in written)


def test_a_large_ledger_is_told_from_a_part_of_its_folders(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    fill(ledger, 512)

    size = size_of(ledger.store, enough=1)

    assert not size.exact
    assert str(size).startswith("about ")
    assert size.total > 0


def test_an_empty_ledger_has_no_size(tmp_path: Path) -> None:
    size = size_of(opened(local_place(tmp_path)).store)

    assert (size.total, size.size_bytes, size.last_write_s, size.exact) == (0, 0, None, True)
    assert str(size) == "0 answers"


def test_the_size_and_the_time_of_a_ledger_on_s3_come_from_its_listing(s3: S3Stand) -> None:
    ledger = opened(s3.place())
    fill(ledger, 4)

    size = size_of(ledger.store)

    assert size.answers == {"vin": 2}
    assert size.last_write_s is not None
    assert abs(size.last_write_s - SystemClock().now().timestamp()) < 600
    assert read_identity(ledger.store).is_also(ledger.identity.id)


def test_a_place_that_is_not_there_has_no_entries(tmp_path: Path) -> None:
    assert Store(local_place(tmp_path / "none")).entries("vin") == []
    assert opened(SimulatedStore(FakeClock()).place()).identity.id
