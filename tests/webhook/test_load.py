"""The load of the benchmark in short: five seconds at 200 a second, everything that got 200 is there once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from support.deliveries import Sender, kept_in
from support.webhook_stage import PATH, receiver_process

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 1000


@pytest.mark.no_cover
@pytest.mark.slow
def test_two_hundred_deliveries_a_second_are_all_kept_once(tmp_path: Path) -> None:
    with receiver_process(tmp_path, tmp_path / "inbox") as running:
        sender = Sender(lambda: f"{running.url}{PATH}")
        asyncio.run(sender.at_rate(range(NUMBER), 200))

    sent, kept = sender.sent, kept_in(tmp_path / "inbox")
    assert sent.statuses == {200: NUMBER}
    assert kept.records == kept.scanned == dict.fromkeys(sent.asked, 1)
    assert len(sent.asked) == NUMBER
    assert kept.leftovers == 0
