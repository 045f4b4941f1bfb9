"""A payload that was deleted says nothing any more, and is not new when it comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.clock import FakeClock
from support.inbox_stage import VIN, InboxStage, payload
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inbox(tmp_path: Path, clock: FakeClock) -> Inbox:
    return Inbox(local_place(tmp_path / "inbox"), clock=clock)


def spelled(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and VIN.encode() in path.read_bytes()]


def test_a_forgotten_payload_is_gone_for_every_reader(inbox: Inbox, clock: FakeClock, tmp_path: Path) -> None:
    id_ = inbox.put(payload(1)).id
    inbox.put(payload(2))

    inbox.forget(id_)
    clock.tick(120)

    assert inbox.get(id_) is None
    assert inbox.raw(id_) is None
    assert [each.id != id_ for each in inbox.scan()] == [True]
    assert len(spelled(tmp_path)) == 1
    assert id_ in set(inbox.ids())


def test_the_same_payload_delivered_again_is_not_new(inbox: Inbox, tmp_path: Path) -> None:
    id_ = inbox.put(payload(1)).id
    inbox.forget(id_)

    assert not inbox.put(payload(1)).new
    assert spelled(tmp_path) == []


def test_a_damaged_record_can_be_forgotten_too(inbox: Inbox, tmp_path: Path) -> None:
    id_ = inbox.put(payload(1)).id
    next((tmp_path / "inbox" / "payloads").rglob("*.json")).write_text("[]")

    inbox.forget(id_)

    assert inbox.get(id_) is None


def test_a_sweep_publishes_nothing_of_what_was_forgotten(tmp_path: Path) -> None:
    stage = InboxStage(tmp_path)
    id_ = stage.inbox.put(payload(1)).id
    stage.inbox.put(payload(2, code="1HGCM82633A004352"))
    stage.inbox.forget(id_)
    stage.clock.tick(120)

    stage.sweep()

    assert {row["code"] for row in stage.rows()} == {"1HGCM82633A004352"}
    assert stage.rows("reads_dead_letters") == []
