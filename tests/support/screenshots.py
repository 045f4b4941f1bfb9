"""Takes the documentation's pictures of the page: ``make pictures``.

Each view in light, in dark, and as wide as a telephone, from a stage that looks the same each time but for its dates.
What changes in them is looked at by a person.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import airflow_scene, report_scene
from support.chromium import chromium
from support.clock import FakeClock
from support.page_scenes import furnish
from support.page_stage import AIRFLOW, PageStage
from support.reads_scene import furnish_reads
from support.search_stage import SearchStage
from support.standalone import free_port
from support.waiting import until
from support.yard_scene import furnish_yard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.chromium import Browser

FOLDER = Path(__file__).parents[2] / "docs" / "images"
COLOURS = 64
"""A picture of a page has few; with more, its file is three times as large."""
REVIEW = "review?days=365&check_digit=1&several=1&confidence_below=0.8"
VIEWS = ("account", "running", "nights", "reads?view=gallery", REVIEW, "problems")
LOADED = "[...document.images].every(image => image.getBoundingClientRect().top > innerHeight || image.naturalWidth)"
"""Whether every picture that is in sight has come."""
ONLY_YARD = (
    "document.querySelectorAll('header,section').forEach(one => one.querySelector('[id^=yard]') || one.remove()); 0"
)
"""Leaves of a report what a reconciliation has added to it."""
HOME = Path(tempfile.gettempdir()) / "ocr-yard"
"""It is seen in the pictures, so it has the same name each time."""
LOOKS = {"light": 1180, "dark": 1180, "phone": 375}


@contextmanager
def served(stage: PageStage) -> Iterator[str]:
    """Serve a stage on loopback, and yield the page's address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(stage.app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until("the page was not served", lambda: server.started)
    yield f"http://127.0.0.1:{port}{AIRFLOW}/platerec-ocr/"
    server.should_exit = True
    thread.join()


def main(folder: Path = FOLDER, views: tuple[str, ...] = VIEWS) -> None:
    """Take them all."""
    HOME.mkdir()  # one at a time
    try:
        stage = PageStage(HOME)
        furnish(stage)
        with chromium() as browser, served(stage) as url:
            browser.headers(**{"x-user": "ann", "x-reads": "*", "x-edits": "*"})
            for view in views:
                for look, width in LOOKS.items():
                    browser.prefer("dark" if look == "dark" else "light")
                    browser.size(width, 780)
                    browser.open(url + view)
                    browser.wait(f"document.querySelector('h1').textContent && {LOADED}")
                    assert not browser.is_wider_than_its_window, f"{view} is too wide at {width}"
                    assert browser.faults() == [], f"{view}, {look}"
                    _save(browser, folder / f"page-{view.partition('?')[0]}-{look}.png")
            of_reads(browser, folder)
            of_report(browser, folder)
            of_airflow(browser, folder)
    finally:
        shutil.rmtree(HOME)
    with chromium() as browser:
        of_yard(browser, folder)


def of_reads(browser: Browser, folder: Path) -> None:
    """Take the pictures of a gallery, and of the story of one image."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AIRFLOW_HOME", f"{home}/home")
        stage, search = furnish_reads(Path(home))
        story = f"image?dataset={search.dataset.uri}&image={search.image('vin_plate_17.jpg')}"
        with served(stage) as url:
            browser.headers(**{"x-user": "ann", "x-reads": "*", "x-edits": "*"})
            browser.prefer("light")
            browser.size(1180, 780)
            for view, path in {"gallery": "reads?view=gallery", "image": story}.items():
                browser.open(url + path)
                browser.wait("[...document.images].slice(0, 2).every(each => each.complete)")
                assert browser.faults() == [], view
                _save(browser, folder / f"page-{view}-light.png")


def of_yard(browser: Browser, folder: Path) -> None:
    """Take the pictures of the yard, of how sure the codes are, and of the yard in a report."""
    HOME.mkdir()
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("AIRFLOW_HOME", f"{HOME}/home")
            _of_yard(browser, folder)
    finally:
        shutil.rmtree(HOME)


def _of_yard(browser: Browser, folder: Path) -> None:
    clock = FakeClock(datetime(2026, 3, 9, 6, tzinfo=UTC))
    stage, search = PageStage(HOME, clock=clock), SearchStage.local(HOME / "photos")
    report = furnish_yard(search)
    stage.note(dataset=search.dataset.uri)
    with served(stage) as url:
        browser.headers(**{"x-user": "ann", "x-reads": "*", "x-edits": "*"})
        for view, look in (*(("yard", look) for look in LOOKS), ("accuracy", "light")):
            browser.prefer("dark" if look == "dark" else "light")
            browser.size(LOOKS[look], 1400)
            browser.open(url + view)
            browser.wait(f"document.querySelector('h1').textContent && {LOADED}")
            assert browser.faults() == [], view
            assert not browser.is_wider_than_its_window, f"{view} is too wide as {look}"
            _save(browser, folder / f"page-{view}-{look}.png")
    browser.prefer("light")
    browser.size(1000, 1100)
    browser.open(report.as_uri())
    browser.run(ONLY_YARD)
    _save(browser, folder / "report-yard.png")


def of_report(browser: Browser, folder: Path) -> None:
    """Take the picture of a run's report: its beginning, and small, since it has photographs."""
    with tempfile.TemporaryDirectory() as home:
        browser.prefer("light")
        browser.size(1000, 1500)
        browser.open(report_scene.write(Path(home)).as_uri())
        browser.wait("document.querySelector('figure img').naturalWidth")
        _save(browser, folder / "report.png")


def of_airflow(browser: Browser, folder: Path) -> None:
    """Take the pictures of Airflow's own pages: a graph with an approval, and the connection's form."""
    browser.headers()
    browser.prefer("light")
    with airflow_scene.asking() as (airflow, run_id):
        browser.sign_in(airflow.url, airflow.token)
        airflow_scene.open_graph(browser, airflow, run_id)
        _save(browser, folder / "graph-approval.png", (0, 0, 1280, 610))  # without Airflow's small map of it
        _save(browser, folder / "connection-form.png", airflow_scene.open_form(browser, airflow))


def _save(browser: Any, path: Path, box: tuple[float, float, float, float] | None = None) -> None:
    """Save what is seen.

    :param box: left, top, right, bottom, where only a part of it is meant.
    """
    browser.picture(path, whole=path.stem.endswith("phone"))
    with Image.open(path) as picture:
        small = picture.convert("RGB").crop(box) if box else picture.convert("RGB")
        if small.height > 1600 and not box:
            small = small.crop((0, 0, small.width, 1600))
        small.quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
