"""What a run says of money where the connection has a price, and that it speaks of calls alone where it has none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from support.batch_stage import BatchStage, connected
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sandbox import Sandbox

PRICED = {"price_per_1000_calls": 12.4, "currency": "EUR"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        yield running


def test_a_run_says_what_it_will_cost_costs_has_cost_and_what_the_ledger_saved(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = connected(monkeypatch, tmp_path, sandbox, 5, **PRICED)

    first = stage.run("night-1")
    said = caplog.text
    second = BatchStage(tmp_path / "other").run("night-2", manifest=str(stage.images))

    price = {"per_1000_calls": "12.4", "currency": "EUR"}
    assert first.plan["price"] == first.counts["price"] == first.report["price"] == price
    assert first.plan["cost"] == {"at_most": "0.06", "currency": "EUR"}
    assert first.counts["cost"] == {"billed": "0.06", "saved": "0.00", "currency": "EUR"}
    assert first.report["cost"] == {"billed": "0.06", "saved": "0.00", "at_most": "0.06", "currency": "EUR"}
    assert "5 images to read in 1 shard, up to 5 calls (0.06 EUR)." in said
    assert "0 from the ledger · 0 dead letters · up to 0.06 EUR · ETA" in said
    assert "It cost 0.06 EUR; the ledger saved 0.00 EUR." in first.report["summary"]
    assert second.counts["cost"] == {"billed": "0.00", "saved": "0.06", "currency": "EUR"}


def test_without_a_price_a_run_speaks_of_calls_alone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = connected(monkeypatch, tmp_path, sandbox, 2)

    run = stage.run("night-1")

    found: list[Any] = [run.plan, run.counts, run.report]
    assert [(each["price"], each["cost"]) for each in found] == [(None, None)] * 3
    assert "2 images to read in 1 shard, up to 2 calls." in caplog.text
    assert not any("cost" in line for line in run.report["summary"])
