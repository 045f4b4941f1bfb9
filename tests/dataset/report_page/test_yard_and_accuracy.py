"""What the page of a run says beyond the run: the yard, the approval, and how sure the codes are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from markupsafe import Markup

from airflow_provider_platerec_ocr.core.images.page_marks import mark_of, without
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.dataset.report_page.accuracy import Accuracy, Line
from airflow_provider_platerec_ocr.dataset.report_page.charts import curves
from airflow_provider_platerec_ocr.dataset.report_page.page import page_of
from airflow_provider_platerec_ocr.dataset.report_page.yard import YardRow, YardSection, key_of, with_section
from support.html_pages import Page
from support.report_scene import material

HOSTILE = "</section><script>alert(1)</script><!-- end of yard -->{{ 7*7 }}"


def section(task: str = "reconcile", **more: Any) -> YardSection:
    mark = mark_of(image="/yard/1.jpg", codes=["4711", "4717"])
    texts = ("may be 4711, 4717", "/yard/1.jpg", "2026-03-29 22:00", "vin make: Ford", "bay: B4")
    row = YardRow(mark, "ambiguous", "bad", "4711", *texts)
    facts: dict[str, Any] = {
        "title": "The yard",
        "words": ["Held against units.csv.", "1 of 2 seen."],
        "tiles": [("Missing", "1", "", "bad")],
        "rows": [row, replace(row, mark="{}", code=HOSTILE, status="missing", read="")],
        "left_out": "And 3 more.",
    }
    return YardSection(key=key_of("dag", task), **(facts | more))


def drawn(**more: Any) -> str:
    return page_of(replace(material(), **more)).decode()


def test_a_page_has_a_place_for_the_yard_and_what_goes_there_is_part_of_it() -> None:
    page = with_section(drawn(), section())

    assert page is not None
    found = Page(page)
    titles = [each.text for each in found.all("h2")]
    assert titles[:3] == ["Counts and money", "The yard", "Against the last nights"]
    assert "may be 4711, 4717" in found.text
    for said in ("And 3 more.", "What it is", "vin make: Ford"):
        assert said in found.text
    assert found.all("script") == []
    assert HOSTILE in found.text


def test_the_same_task_says_it_anew_and_another_one_besides() -> None:
    once = with_section(drawn(), section(title="first"))
    twice = with_section(with_section(once or "", section(title="second")) or "", section("other", title="third"))

    titles = [each.text for each in Page(twice or "").all("h2")]
    assert titles[1:3] == ["second", "third"]
    assert "first" not in titles
    assert with_section(with_section(twice or "", section(title="second")) or "", section(title="first")) is not None


def test_a_page_of_an_older_version_gets_it_at_its_end_and_a_page_of_others_stays_as_it_is() -> None:
    older = drawn().replace("<!-- yard -->\n<!-- end of yard -->\n", "")

    page = with_section(older, section())

    assert [each.text for each in Page(page or "").all("h2")][-1] == "The yard"
    assert with_section(page or "", section()) == page
    assert with_section("<html></html>", section()) is None


def test_a_deletion_finds_the_lines_of_a_unit() -> None:
    page = with_section(drawn(), section()) or ""

    kept, gone = without(page, Wanted.of(code="4717"))

    assert gone
    assert "4717" not in kept
    assert "Held against units.csv." in kept


@pytest.mark.parametrize(
    ("approval", "said"),
    [
        (None, ""),
        (
            {"calls": 500, "approved": True, "by": "jane", "answered_at": "22:05"},
            "jane approved of at most 500 calls at 22:05",
        ),
        ({"calls": 1, "approved": None, "asked_at": "22:00"}, "asked for at most 1 call at 22:00, and not answered"),
        ({"calls": 5, "approved": False, "by": ""}, "nobody did not approve"),
        ({"calls": "many"}, ""),
        ("yes", ""),
    ],
)
def test_who_approved_of_how_many_calls_is_said(approval: Any, said: str) -> None:
    facts = Page(drawn(report=dict(material().report) | {"approval": approval}))

    names = [each.text for each in facts.all("dt")]
    assert ("Approval" in names) is bool(said)
    assert said in facts.text


def accuracy() -> Accuracy:
    shares = tuple((f"{n}.0 %", f"({n} to 9 %; {n})") for n in range(4))
    lines = [Line("", "all", "10", shares), Line("camera", HOSTILE, "10", shares)]
    chart = curves([("ok", [(0.0, 0.1), (1.0, 0.5)]), ("bad", [])], "over the confidence")
    return Accuracy("Of what was looked at.", lines, [("8", "B", "3")], [("0.80", "7.0 %", "1.2 %")], "At 0.83.", chart)


def test_how_sure_the_codes_are_is_a_section_where_persons_looked_at_some() -> None:
    found = Page(drawn(accuracy=accuracy()))

    titles = [each.text for each in found.all("h2")]
    assert titles.index("How sure the codes are") == titles.index("Check digits that fail") + 1
    for said in ("Of what was looked at.", "(3 to 9 %; 3)", "At 0.83.", "7.0 %", HOSTILE):
        assert said in found.text
    assert found.all("script") == []
    assert "How sure the codes are" not in Page(drawn()).text


def test_a_chart_without_points_is_empty_and_no_error() -> None:
    assert curves([], "nothing").count("<polyline") == 0
    assert isinstance(curves([("ok", [(0.0, 0.0)])], "<b>"), Markup)
    assert "<b>" not in curves([], "<b>")
