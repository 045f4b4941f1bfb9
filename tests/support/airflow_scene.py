"""Pictures of what Airflow itself shows of the provider: the connection's form, and a run that waits for a yes.

It takes a whole Airflow, a minute to start, so only ``make pictures`` asks for it.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.fleet import fleet
from support.sandbox import TOKEN, running_sandbox
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.chromium import Browser
    from support.fleet import Fleet

DAG_ID = "nightly_ocr_batch"
EXAMPLES = Path(__file__).parents[2] / "dags"
WAITS = {"awaiting_input", "deferred"}
"""How a task that waits for a person stands, from Airflow 3.3 on and before."""
_DIALOG = "document.querySelector('[role=dialog]')"


@contextmanager
def asking() -> Iterator[tuple[Fleet, str]]:
    """Start an Airflow whose nightly DAG asks before it pays, and yield it with the run that waits."""
    with tempfile.TemporaryDirectory() as folder, running_sandbox(quota=25_000) as sandbox:
        home = Path(folder)
        (home / "dags").mkdir()
        make_load_images(home / "images", 5, seed=3)
        text = (EXAMPLES / f"{DAG_ID}.py").read_text()
        (home / "dags" / f"{DAG_ID}.py").write_text(
            text.replace("asset=OCR_READS,", "asset=OCR_READS, approve_above_calls=2,")
        )
        name, value = connection_env(sandbox.url, TOKEN)
        extra = {name: value, "AIRFLOW__PLATEREC_OCR__LEDGER": str(home / "ledger")}
        with fleet(home, home / "dags", extra, user=("ann", "of-the-pictures")) as airflow:
            places = {"manifest": str(home / "images"), "dataset": str(home / "reads")}
            run_id = airflow.trigger(DAG_ID, places)

            def asks() -> bool:
                return any(
                    (ti["task_id"], ti["state"] in WAITS) == ("ocr.approve", True)
                    for ti in airflow.tasks(DAG_ID, run_id)
                )

            until("nobody was asked", asks, every_s=1)
            yield airflow, run_id


def open_graph(browser: Browser, airflow: Fleet, run_id: str) -> None:
    """Show the graph of a run, its group unfolded."""
    browser.size(1280, 800)
    browser.open(airflow.url)
    browser.run("localStorage.setItem('default_dag_view', '\"graph\"'); 0")
    browser.open(f"{airflow.url}/dags/{DAG_ID}/runs/{run_id}")
    for label in ("Expand all task groups", "Collapse Details Panel", "Fit View"):
        one = f"document.querySelector('[aria-label=\"{label}\"]')"
        browser.wait(f"!!{one}")
        browser.run(f"{one}.click(); 0")
        _still(browser, "[...document.querySelectorAll('.react-flow__node')].map(node => node.style.transform)")
    browser.wait("document.querySelectorAll('.react-flow__node').length > 5")


def open_form(browser: Browser, airflow: Fleet) -> tuple[float, float, float, float]:
    """Show the form of a new connection with all of its settings, and return where it is: left, top, right, bottom."""
    browser.size(1000, 2300)
    browser.open(f"{airflow.url}/connections")
    browser.wait(f"!!{_button('Add Connection')}")
    _click(browser, _button("Add Connection"))
    browser.wait(f"!!{_DIALOG}.querySelector('input[role=combobox]')")
    _still(browser, f"{_DIALOG}.getBoundingClientRect()")
    for field, typed in (("input", "platerec_ocr_default"), ("input[role=combobox]", "Plate Rec")):
        _click(browser, f"{_DIALOG}.querySelector('{field}')")
        browser.command("Input.insertText", text=typed)
    browser.wait("!!document.querySelector('[role=option]')")
    browser.press("Enter")
    browser.wait(f"!!{_button('Extra Fields')}")
    _click(browser, _button("Extra Fields"))
    browser.wait(f"{_DIALOG}.innerText.includes('Currency of the price')")
    _still(browser, f"{_DIALOG}.getBoundingClientRect()")
    box = _box(browser, _DIALOG)
    return box["left"], box["top"], box["right"], box["bottom"]


def _button(text: str) -> str:
    return f"[...document.querySelectorAll('button')].find(each => each.innerText.trim() === '{text}')"


def _click(browser: Browser, script: str) -> None:
    """Click as a mouse does: some parts of Airflow's interface take nothing less."""
    box = _box(browser, script)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind in ("mousePressed", "mouseReleased"):
        browser.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def _box(browser: Browser, script: str) -> dict[str, float]:
    """Return where an element is."""
    found: dict[str, float] = browser.run(f"{script}.getBoundingClientRect().toJSON()")
    return found


def _still(browser: Browser, script: str) -> None:
    """Return when what moves has stopped: two looks that say the same."""
    seen: list[object] = []

    def stopped() -> bool:
        seen.append(browser.run(f"JSON.stringify({script})"))
        return len(seen) > 3 and seen[-1] == seen[-2] == seen[-3]

    until("it never stood still", stopped, every_s=0.2)
