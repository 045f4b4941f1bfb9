"""The page of a run, written by its export: pictures from allowed roots alone, bounded, and never at the run's cost."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.dataset.figures.collector import Collector
from airflow_provider_platerec_ocr.dataset.report.report import write_report
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from airflow_provider_platerec_ocr.tasks.telling.report_page import PICTURES_BYTES, Drawing, bounded, write_page
from support.html_pages import Page
from support.pictures import noise, picture
from support.stores import local_place
from support.table_stage import RUN, TableStage, read_outcome
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.figures.model import Figures
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan
    from airflow_provider_platerec_ocr.storage.path import StoragePath

WRONG = "1M8GDM9A1KP042788"
"""A VIN whose check digit is wrong."""


def misread(image: PlannedImage) -> Outcome:
    return read_outcome(image, WRONG)


def night(tmp_path: Path, images: int = 2, **more: Any) -> tuple[TableStage, Plan, StoragePath, Figures]:
    """A run that misread all of its images, published and reported."""
    stage = TableStage.local(tmp_path / "run")
    yard = tmp_path / "yard"
    yard.mkdir(exist_ok=True)
    for number in range(images):
        (yard / f"{number}.jpg").write_bytes(picture(size=(320, 240)))
    (tmp_path / "m.csv").write_text("image\n" + "".join(f"{yard}/{number}.jpg\n" for number in range(images)))
    plan = stage.plan(str(tmp_path / "m.csv"), **{"allowed_roots": (str(yard),), **more})
    stage.read(plan, how=misread)
    collector = Collector()
    result = publish(
        plan,
        workspace=stage.workspace(),
        dataset=stage.dataset,
        dead_letters=stage.dead_letters,
        run=RUN,
        figures=collector,
    )
    place = write_report(stage.root / "reports", RUN, plan, result)
    return stage, plan, place, collector.figures()


def written(stage: TableStage, plan: Plan, place: StoragePath, figures: Figures) -> Page:
    page = write_page(place, plan, stage.workspace(), figures)
    assert page is not None
    assert page.path == place.path.replace(".json", ".html")
    return Page(Path(page.path).read_text())


def test_a_page_lies_beside_the_report_with_pictures_of_what_is_doubtful(tmp_path: Path) -> None:
    found = written(*night(tmp_path))

    assert [each.attributes["alt"] for each in found.all("img")] == [
        f"The photograph {name}.jpg, read as {WRONG}" for name in (0, 1)
    ]
    assert "wrong check digit" in found.text


def test_no_picture_comes_from_outside_of_the_allowed_roots(tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()

    found = written(*night(tmp_path, allowed_roots=(str(tmp_path / "another"),)))

    assert found.all("img") == []
    assert "none of the images could be opened" in found.text


def test_a_plan_of_an_older_version_has_a_page_without_pictures(tmp_path: Path) -> None:
    found = written(*night(tmp_path, allowed_roots=()))

    assert found.all("img") == []
    assert "the plan does not say which folders" in found.text


def test_what_persons_decided_of_reads_says_how_sure_the_codes_are(tmp_path: Path) -> None:
    stage, plan, place, figures = night(tmp_path)
    correct(stage.dataset.uri, "1M8GDM9AXKP042788", image=f"{tmp_path}/yard/0.jpg", by="jane", why="seen")
    correct(stage.dataset.uri, image=f"{tmp_path}/yard/1.jpg", kind="accept", by="jane", why="seen")

    page = write_page(place, plan, stage.workspace(), figures, dataset=stage.dataset)

    assert page is not None
    found = Page(Path(page.path).read_text())
    assert "How sure the codes are" in [each.text for each in found.all("h2")]
    assert "50.0 % (9 to 91 %; 1)" in found.text
    assert "How sure" not in written(stage, plan, place, figures).text


def test_corrections_that_cannot_be_read_cost_the_page_nothing_but_their_section(tmp_path: Path) -> None:
    stage, plan, place, figures = night(tmp_path)
    folder = Path(f"{stage.dataset.uri}_corrections")
    folder.mkdir()
    (folder / "corrections-x.parquet").write_bytes(b"nothing")

    page = write_page(place, plan, stage.workspace(), figures, dataset=stage.dataset)

    assert page is not None
    assert "How sure" not in Path(page.path).read_text()


@pytest.mark.parametrize("what", ["report", "shards", "images"])
def test_what_is_gone_is_left_out_of_the_page(what: str, tmp_path: Path) -> None:
    stage, plan, place, figures = night(tmp_path)
    gone = {"report": Path(place.path), "shards": Path(stage.workspace().path) / plan.shards[0].path}
    for path in [gone[what]] if what in gone else (tmp_path / "yard").iterdir():
        path.unlink()

    page = write_page(place, plan, stage.workspace(), figures)

    assert (page is None) is (what == "report")


def test_a_page_that_cannot_be_written_is_logged_and_fails_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage, plan, place, figures = night(tmp_path)
    Path(place.path.replace(".json", ".html")).mkdir()

    assert write_page(place, plan, stage.workspace(), figures) is None
    assert caplog.text.count("The page of the report could not be written") == 1


def test_a_run_without_doubtful_reads_opens_no_image(tmp_path: Path) -> None:
    stage, plan, place, figures = night(tmp_path)

    found = written(stage, replace(plan, allowed_roots=("/does/not/matter",)), place, replace(figures, doubtful=()))

    assert "No read of this run is doubtful" in found.text


def drawing(folder: Path, number: int, **more: Any) -> Drawing:
    for index in range(number):
        (folder / f"{index}.jpg").write_bytes(noise(size=(200, 150)))
    wanted = {index: str(folder / f"{index}.jpg") for index in range(number)}
    return Drawing([local_place(folder)], wanted, **more)


def drawn(stand: Drawing) -> dict[int, str]:
    stand.start()
    return stand.take(PATIENCE_S)


def test_pictures_fit_into_what_they_may_take_in_all(tmp_path: Path) -> None:
    found = drawn(drawing(tmp_path, 50))

    assert len(found) == 50
    assert sum(map(len, found.values())) <= PICTURES_BYTES


def test_what_does_not_fit_any_more_is_left_out() -> None:
    assert bounded({3: "x" * 10, 1: "x" * 10, 2: "x" * 10}, 29) == {1: "x" * 10, 2: "x" * 10}
    assert bounded({}, 29) == {}


def test_an_image_whose_store_hangs_holds_nobody_up(tmp_path: Path) -> None:
    hang, asked = threading.Event(), threading.Event()

    def read(place: StoragePath, limit: int, _clock: Any) -> bytes:
        if place.name == "1.jpg":
            asked.set()
            hang.wait()
        return Path(place.path).read_bytes()[:limit]

    stand = drawing(tmp_path, 3, read=read)
    stand.start()
    try:
        assert asked.wait(PATIENCE_S)
        assert set(stand.take(0.0)) == {0}
    finally:
        hang.set()


def test_an_image_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    def read(place: StoragePath, limit: int, _clock: Any) -> bytes:
        if place.name == "0.jpg":
            message = "no"
            raise OCRImageError(message, reason=Reason.IMAGE_UNREADABLE, permanent=False)
        return b"x" * limit if place.name == "1.jpg" else picture()

    found = drawn(drawing(tmp_path, 3, read=read))

    assert set(found) == {2}
