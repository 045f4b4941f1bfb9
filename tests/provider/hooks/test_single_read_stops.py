"""However the wait for one image ends: its call is finished, its answer is kept, and the next read costs nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from airflow_provider_platerec_ocr.compat import AirflowFailException
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRLedgerError
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator
from airflow_provider_platerec_ocr.tasks import interruption
from support.airflow_home import connection_env
from support.alarms import TimesUp, alarm
from support.sandbox import running_sandbox
from support.single_reads import jpeg
from support.waiting import until
from support.warm_children import warm_programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow.sdk import Context

    from support.sandbox import Sandbox


pytestmark = pytest.mark.usefixtures("ledger")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox() as running:
        monkeypatch.setenv(*connection_env(running.url, running.token, conn_id="yard"))
        yield running


@pytest.fixture
def held(sandbox: Sandbox) -> Sandbox:
    sandbox.control(faults=["always:hold"])
    return sandbox


def answered(sandbox: Sandbox, ledger: Path) -> None:
    """Let the held call go, and return once its answer is in the ledger."""
    sandbox.let_go()
    until("the answer was never kept", lambda: list(ledger.rglob("*.answer")))


def test_a_timeout_raised_in_the_middle_of_the_hooks_read_loses_no_answer(held: Sandbox, ledger: Path) -> None:
    hook = PlateRecOCRHook("yard")

    with pytest.raises(TimesUp), alarm(TimesUp(), when=lambda: held.wait_held(1)):
        hook.read(type="vin", image=jpeg())
    answered(held, ledger)
    again = hook.read(type="vin", image=jpeg())

    assert again["from_ledger"] is True
    assert held.books()["billed"] == 1


def test_ctrl_c_ends_a_task_for_good_and_those_after_it_in_the_same_process_send_nothing(
    held: Sandbox, ledger: Path, tmp_path: Path
) -> None:
    """As in ``airflow dags test``, which would go on with the next try, and with the next task."""
    for name, shade in (("door.jpg", 200), ("gate.jpg", 90)):
        (tmp_path / name).write_bytes(jpeg(shade))
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=2)
    context = cast("Context", {"ti": ti})

    def reading(name: str) -> OCRReadOperator:
        return OCRReadOperator(task_id="t", image=str(tmp_path / name), conn_id="yard")

    try:
        with (
            pytest.raises(AirflowFailException, match="no call starts any more"),
            alarm(KeyboardInterrupt(), when=lambda: held.wait_held(1)),
        ):
            reading("door.jpg").execute(context)
        with pytest.raises(AirflowFailException, match="Nothing was sent"):
            reading("gate.jpg").execute(context)
    finally:
        interruption.PRESSED.clear()
    answered(held, ledger)

    assert reading("door.jpg").execute(context)["from_ledger"] is True
    assert held.books()["posts"] == 1


TASK = """
import signal
import sys
from types import SimpleNamespace

if sys.argv[1] == "hook":
    from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook

    PlateRecOCRHook("yard").read(type="vin", image=sys.argv[2])
else:
    from airflow_provider_platerec_ocr.operators.read import OCRReadOperator

    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=2)
    task = OCRReadOperator(task_id="t", image=sys.argv[2], conn_id="yard")
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # as Airflow's task runner has it
    task.execute({"ti": ti})
"""
"""A task's process."""


@pytest.fixture(scope="module")
def warm_task() -> Iterator[str]:
    """Return an interpreter that has imported Airflow and the hook for all of these tests."""
    package = "airflow_provider_platerec_ocr"
    with warm_programs("airflow.sdk", f"{package}.operators.read", f"{package}.hooks.single_read") as python:
        yield python


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_a_process_that_reads_by_the_hook_loses_no_answer(
    held: Sandbox, ledger: Path, tmp_path: Path, warm_task: str, number: int
) -> None:
    (tmp_path / "door.jpg").write_bytes(jpeg())
    with subprocess.Popen([warm_task, "-c", TASK, "hook", str(tmp_path / "door.jpg")]) as task:  # noqa: S603  # ours
        held.wait_held(1)
        task.send_signal(number)
        task.wait()
        answered(held, ledger)

    again = PlateRecOCRHook("yard").read(type="vin", image=jpeg())

    assert again["from_ledger"] is True
    assert held.books()["billed"] == 1


@pytest.mark.slow
def test_a_kill_from_the_ui_of_a_single_read_loses_no_answer_though_the_call_outlasts_it(
    held: Sandbox, ledger: Path, tmp_path: Path, warm_task: str
) -> None:
    (tmp_path / "door.jpg").write_bytes(jpeg())
    with subprocess.Popen([warm_task, "-c", TASK, "operator", str(tmp_path / "door.jpg")]) as task:  # noqa: S603
        held.wait_held(1)
        task.send_signal(signal.SIGTERM)
        task.kill()  # Airflow does so 5 s later; the call is still held
        task.wait()
        answered(held, ledger)

    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=2, max_tries=2)
    again = OCRReadOperator(task_id="t", image=str(tmp_path / "door.jpg"), conn_id="yard").execute(
        cast("Context", {"ti": ti})
    )

    assert again["from_ledger"] is True
    assert held.books()["billed"] == 1


def test_the_hook_reads_where_an_event_loop_runs_as_in_a_notebook(sandbox: Sandbox) -> None:
    async def cell() -> object:
        return PlateRecOCRHook("yard").read(type="vin", image=jpeg())["calls_billed"]

    async def beside() -> object:
        return await asyncio.to_thread(PlateRecOCRHook("yard").read, type="vin", image=jpeg(90))

    assert asyncio.run(cell()) == 1
    assert cast("dict[str, object]", asyncio.run(beside()))["calls_billed"] == 1
    assert sandbox.books()["billed"] == 2


def test_an_error_of_the_ledger_or_of_an_argument_is_raised_as_its_own_class(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    hook = PlateRecOCRHook("yard")

    with pytest.raises(OCRLedgerError):
        hook.read(type="vin", image=jpeg(), ledger=str(tmp_path / "file" / "ledger"))
    with pytest.raises(OCRConfigError, match="relative path"):
        hook.read(type="vin", image="photos/a.jpg")

    assert sandbox.calls() == []
