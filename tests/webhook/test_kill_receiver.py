"""The real receiver, killed with -9 again and again under load: nothing is lost that was answered with 200."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.webhook.payload import payload_id
from support.deliveries import GONE, Sender, kept_in, numbered
from support.webhook_stage import PATH, receiver_process

if TYPE_CHECKING:
    from pathlib import Path

    from support.webhook_stage import ReceiverProcess

pytestmark = pytest.mark.slow

KILLS = 3
SENDERS = 48
NUMBER = 1500
LEAST = 100
"""Answers between two kills at least, so that each kill comes in the midst of deliveries."""


@pytest.mark.no_cover
def test_a_receiver_that_is_killed_again_and_again_loses_nothing_that_it_answered(tmp_path: Path) -> None:
    rng = random.Random(7)  # noqa: S311  # repeatable, not secret
    inbox = tmp_path / "inbox"
    options = ("--rate-per-s", "100000")
    with ExitStack() as stack:
        running: list[ReceiverProcess] = []

        def start() -> None:
            running.append(stack.enter_context(receiver_process(tmp_path, inbox, *options)))

        start()
        sender = Sender(lambda: f"{running[-1].url}{PATH}")

        async def kill_now_and_then() -> None:
            for _ in range(KILLS):
                await sender.reached(sender.sent.statuses[200] + LEAST + rng.randrange(2 * LEAST))
                await asyncio.to_thread(running[-1].kill)
                await asyncio.to_thread(start)

        async def run() -> None:
            await asyncio.gather(sender.until_kept(range(NUMBER), SENDERS), kill_now_and_then())

        asyncio.run(run())
        running[-1].stop()

    sent, kept = sender.sent, kept_in(inbox)
    print(  # noqa: T201  # figures
        f"\n{KILLS} kills: {sent.statuses[200]} answers of 200, {sent.statuses[GONE]} deliveries cut off and repeated, "
        f"{sum(kept.records.values())} records, {kept.leftovers} half-written files left"
    )
    assert sent.statuses[GONE] > KILLS
    assert set(sent.statuses) == {200, GONE}
    assert kept.records == kept.scanned == dict.fromkeys(sent.asked, 1)
    assert sent.kept == dict.fromkeys(sent.asked, 1)


def test_what_a_killed_receiver_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    with receiver_process(tmp_path, inbox) as running:
        assert running.post(numbered(1)) == 200
    record = next((inbox / "payloads").rglob("*.json"))
    half = record.with_name(".tmp-0123456789abcdef")
    half.write_bytes(record.read_bytes()[:50])
    record.unlink()  # died between the marks and the record

    with receiver_process(tmp_path, inbox) as running:
        statuses = [running.post(numbered(number)) for number in (1, 2)]

    assert statuses == [200, 200]
    assert half.exists()
    assert kept_in(inbox).scanned == {payload_id(numbered(number)["data"]): 1 for number in (1, 2)}
