"""A killed worker with webhooks on, under a real scheduler: nothing is sent again, since the inbox has the answers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from support.fault_books import age, open_claims
from support.fault_stage import IMAGES, staged, until, wait_gone
from support.webhook_stage import PATH, receiver_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]


@pytest.fixture
def inbox(airflow: Fleet) -> Iterator[Path]:
    """The folder where tasks look where no option names another."""
    folder = airflow.home / "platerec_ocr" / "inbox"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_child_with_webhooks_on_resends_nothing_and_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, inbox: Path, line: Callable[..., None]
) -> None:
    with (
        receiver_process(tmp_path, inbox) as receiver,
        staged(airflow, tmp_path / "hooks", latency="5") as stage,
    ):
        stage.sandbox.control(webhooks=[f"{receiver.url}{PATH}"], rename_files=True)
        run_id = stage.trigger()
        stage.wait_in_flight()

        processes = stage.processes(run_id)
        for process in (processes.supervisor, processes.task, processes.child):
            process.kill()
        wait_gone(processes.child)
        in_flight = stage.sandbox.books()["in_flight"]
        billed_at_kill = stage.sandbox.books()["billed"]
        until(
            "an answer never came",
            lambda: len(list((inbox / "payloads").rglob("*.json"))) >= billed_at_kill + in_flight,
            60,
        )
        age(open_claims(stage.ledger))  # their leases last 110 s
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of worker and child, webhooks on", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        assert in_flight >= 50
        books.hold(resent_at_most=0)
        assert (books.billed, books.unanswered) == (IMAGES, 0)
        assert table == undisturbed
