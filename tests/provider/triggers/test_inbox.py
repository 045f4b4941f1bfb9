"""The trigger: at least once, and on from where it was after a restart."""

from __future__ import annotations

import asyncio
import importlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.triggers.inbox import CURSOR, OCRInboxTrigger
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.airflow_versions import AirflowNotFoundException, file_systems
from support.clock import FakeClock
from support.inbox_stage import payload
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


class Poll(SystemClock):
    """A clock whose sleeps take no time; it stops the trigger after some of them."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    async def sleep(self, seconds: float) -> None:
        assert seconds == 30
        self.left -= 1
        if not self.left:
            raise asyncio.CancelledError


class Store:
    """An asset's state store, with the async face or, as 3.3.1 has it, without."""

    def __init__(self, *, several: bool = False) -> None:
        self.kept: dict[str, Any] = {}
        self.several = several

    def get(self, key: str) -> Any:
        if self.several:
            raise ValueError
        return self.kept.get(key)

    def set(self, key: str, value: Any) -> None:
        if self.several:
            raise ValueError
        self.kept[key] = value


class AsyncStore(Store):
    async def aget(self, key: str) -> Any:
        return self.kept.get(key)

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = value


@pytest.fixture
def clock() -> FakeClock:
    """A clock in the past: what is received at that time is handed out at once."""
    return FakeClock(SystemClock().now() - timedelta(days=365))


@pytest.fixture
def inbox(tmp_path: Path, clock: FakeClock) -> Inbox:
    return Inbox(local_place(tmp_path / "inbox"), clock=clock)


def watch(inbox: Inbox, store: Store | None = None, *, looks: int = 2, events: int = 99) -> list[dict[str, Any]]:
    """Run a trigger for some looks, or until it has sent some events and is killed; return its events."""
    trigger = OCRInboxTrigger(inbox=inbox.place.path, clock=Poll(looks))
    trigger.asset_state_store = cast("Any", store)
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        stream = trigger.run()
        try:
            async for event in stream:
                sent.append(event.payload)
                if len(sent) >= events:
                    return
        except asyncio.CancelledError:
            pass
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    asyncio.run(run())
    return sent


def test_new_payloads_are_told_in_one_event_and_only_once(inbox: Inbox) -> None:
    for number in range(3):
        inbox.put(payload(number))

    (event,) = watch(inbox, looks=3)

    assert (event["version"], event["payloads"]) == (1, 3)
    assert event["until"] == list(inbox.scan(settle_s=-1))[-1].cursor


@pytest.mark.parametrize("kind", [Store, AsyncStore])
def test_a_restarted_trigger_goes_on_where_it_was(inbox: Inbox, clock: FakeClock, kind: type[Store]) -> None:
    store = kind()
    inbox.put(payload(1))
    assert len(watch(inbox, store)) == 1
    assert store.kept[CURSOR]

    assert watch(inbox, store) == []
    clock.tick(1)
    inbox.put(payload(2))
    assert [event["payloads"] for event in watch(inbox, store)] == [1]


def test_a_trigger_that_dies_between_event_and_cursor_tells_it_again(inbox: Inbox) -> None:
    store = Store()
    inbox.put(payload(1))

    first = watch(inbox, store, events=1)

    assert store.kept == {}
    assert watch(inbox, store) == first


def test_without_a_store_of_one_asset_it_begins_anew(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    inbox.put(payload(1))
    store = Store(several=True)

    assert len(watch(inbox, store)) == len(watch(inbox, store)) == len(watch(inbox)) == 1
    assert "Several assets" in caplog.text


def test_an_inbox_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    missing = Inbox(local_place(tmp_path / "later"), clock=SystemClock())

    assert watch(missing, looks=3) == []


def test_an_inbox_that_cannot_be_read_is_looked_at_again(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    inbox.put(payload(1))
    record = next((inbox.place.fs.find(f"{inbox.place.path}/payloads")).__iter__())
    inbox.place.fs.pipe_file(record, b"{")
    caplog.set_level(logging.WARNING)

    assert watch(inbox) == []
    assert "is damaged" in caplog.text


def test_a_connection_that_is_not_there_yet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def connect(conn_id: str, _options: object) -> None:
        message = f"The conn_id `{conn_id}` isn't defined"
        raise AirflowNotFoundException(message)

    monkeypatch.setitem(file_systems(), "s3", connect)
    trigger = OCRInboxTrigger(inbox="s3://gone@bucket/inbox")

    assert trigger._look("somewhere", SystemClock()) == (0, "somewhere")  # noqa: SLF001
    assert "`gone` isn't defined" in caplog.text


def test_without_an_inbox_configured_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", "")
    trigger = OCRInboxTrigger()

    assert trigger._look("", SystemClock()) == (0, "")  # noqa: SLF001


def test_airflow_can_store_it_and_make_it_again() -> None:
    path, arguments = OCRInboxTrigger(inbox="s3://bucket/inbox", poll_s=5).serialize()
    module, _, name = path.rpartition(".")

    again = getattr(importlib.import_module(module), name)(**arguments)

    assert isinstance(again, OCRInboxTrigger)
    assert (again.inbox, again.poll_s) == ("s3://bucket/inbox", 5)
