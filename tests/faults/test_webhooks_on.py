"""A killed worker with webhooks on, under a real scheduler: nothing is sent again, since the inbox has the answers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from support.fault_books import age, open_claims
from support.fault_stage import HELD, IMAGES, STILL, staged, wait_gone
from support.waiting import until
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
        staged(airflow, tmp_path / "hooks", latency="2", **STILL) as stage,
    ):
        stage.sandbox.control(webhooks=[f"{receiver.url}{PATH}"], rename_files=True)
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        for process in (processes.supervisor, processes.task, processes.child):
            process.kill()
        wait_gone(processes.child)
        doubts = open_claims(stage.ledger)
        stage.let_go()
        until("an answer never came", lambda: len(list((inbox / "payloads").rglob("*.json"))) >= HELD)
        age(doubts)  # their leases last minutes
        stage.presume_dead(run_id)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of worker and child, webhooks on", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        assert len(doubts) == HELD
        books.hold(resent_at_most=0)
        assert (books.billed, books.unanswered) == (IMAGES, 0)
        assert table == undisturbed
