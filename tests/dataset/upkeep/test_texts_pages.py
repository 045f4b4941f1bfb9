"""The page of a report loses what is deleted, its picture among it, and nothing else."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr.core.images.page_marks import mark_of
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.dataset.upkeep.texts import Texts
from support.stores import local_place

NAME = "/yard/a & b.jpg"
OTHER = "/yard/2.jpg"
HEAD = ("<head></head>", "<main>")


def figure(name: str, code: str) -> str:
    mark = html.escape(mark_of(image=name, codes=[code]))
    source = "data:image/jpeg;base64,AAAA"
    return f'<figure data-about="{mark}"><img src="{source}" alt="x"><b>{code}</b><i>{html.escape(name)}</i></figure>'


@pytest.fixture
def page(tmp_path: Path) -> Path:
    lines = (*HEAD, figure(NAME, "TRLU12"), figure(OTHER, "TRLU99"), f"<p>{html.escape(NAME)}</p>", "</main>")
    path = tmp_path / "night.html"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("wanted", "items", "sentence"),
    [(Wanted.of(image=NAME), 2, "(forgotten)"), (Wanted.of(code="trlu 12"), 1, html.escape(NAME))],
    ids=["image", "code"],
)
def test_lines_and_pictures_go_from_a_page(wanted: Wanted, items: int, sentence: str, page: Path) -> None:
    texts = Texts(local_place(page.parent), lambda _answer: [])

    found = texts.find(wanted)
    assert found.items == items
    assert [Path(place.path) for place in found.places] == [page]

    texts.erase(wanted)

    assert page.read_text().split("\n") == [*HEAD, figure(OTHER, "TRLU99"), f"<p>{sentence}</p>", "</main>"]
    assert texts.find(wanted).items == 0


def test_a_page_that_says_nothing_of_it_is_not_touched(page: Path) -> None:
    before = page.stat().st_mtime_ns

    assert Texts(local_place(page.parent), lambda _answer: []).erase(Wanted.of(image="/yard/3.jpg")).items == 0
    assert page.stat().st_mtime_ns == before
