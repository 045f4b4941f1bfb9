"""The page of a run: complete, escaped, and asking nobody for anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.images.page_marks import ATTRIBUTE, without
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.dataset.figures.model import (
    BINS,
    Calls,
    Doubtful,
    Figures,
    Letter,
    SlowCall,
    Spread,
)
from airflow_provider_platerec_ocr.dataset.report.nights import night_from
from airflow_provider_platerec_ocr.dataset.report_page import lines
from airflow_provider_platerec_ocr.dataset.report_page.page import page_of
from airflow_provider_platerec_ocr.dataset.report_page.view import Material
from support.html_pages import Page

VIN = "1M8GDM9AXKP042788"
HOSTILE = "</title></style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e\n&amp;{{ 7*7 }}"
"""What a manifest, an answer or a message may hold."""
PIXEL = "data:image/jpeg;base64,/9j/4AAQSkZJRg=="


def report(**more: Any) -> dict[str, Any]:
    """What the export writes as JSON."""
    result = {
        "planned": 100,
        "reads": 90,
        "rows": 95,
        "nothing_found": 3,
        "calls_billed": 60,
        "from_ledger": 30,
        "dead_letters": {"image_missing": 7, "api_rejected": 2},
        "in_doubt": 1,
        "carried_over": 0,
        "missing": 0,
    }
    whole = {
        "dag_id": "nightly",
        "run_id": "scheduled__2026-03-01T22:00:00+00:00",
        "date": "2026-03-01",
        "written_at": "2026-03-01T23:00:00Z",
        "whole": True,
        "manifest": "/yard/m.csv",
        "plan": {"planned": 100},
        "result": result | more.pop("result", {}),
        "spend": {"calls_left": 940, "total_calls": 1000},
        "took": {"seconds": 700.0, "limit_s": 690.0},
        "figures": {"check_digits": {"checked": 80, "failed": 4}},
        "price": {"per_1000_calls": "20", "currency": "EUR"},
        "ledger": {"place": "/ledger"},
        "summary": ["90 images of 100 read, 95 rows."],
    }
    return whole | more


def figures(name: str = "/yard/7.jpg", code: str = VIN, camera: str | None = "gate 7") -> Figures:
    bins = tuple(range(BINS))
    return Figures(
        types=(Spread("vin", None, bins, 1, 80, 4, 120),),
        cameras=(Spread("vin", camera, bins, 0, 70, 4, 120), Spread("vin", None, (0,) * (BINS - 1) + (5,))),
        calls=Calls(60, 24.0, 31.0, (SlowCall(88.5, name, "v", "f" * 64, "vin", 7),)),
        doubtful=(Doubtful(("wrong check digit",), name, name, "v", "f" * 64, "vin", 7, code, code, 0.41, camera, 0),),
        doubts=3,
        letters=(Letter("image_missing", "There is no such file.", name, "v", None, 8, permanent=False),),
    )


def page(material: Material) -> str:
    return page_of(material).decode()


def made(**more: Any) -> Material:
    return replace(Material("nightly__1", report(), figures(), (), {0: PIXEL}), **more)


def test_everything_that_was_asked_for_is_on_it_counts_and_money_first() -> None:
    found = Page(page(made()))

    assert [each.text for each in found.all("h2")] == [
        "Counts and money",
        "Against the last nights",
        "Confidence by type and camera",
        "Check digits that fail",
        "Slowest calls",
        "Dead letters",
        "Reads to look at",
    ]
    tiles = dict(zip([each.text for each in found.all("dt")], [each.text for each in found.all("dd")], strict=False))
    assert tiles["DAG"] == "nightly"
    for said in (
        "1.20 EUR",
        "60 calls at 20 EUR for 1,000",
        "0.60 EUR",
        "11 min 40 s",
        "5.0 % of 80 codes",
        "88.5 s",
    ):
        assert said in found.text
    assert lines.MEANING[Reason.IMAGE_MISSING] in found.text
    assert "8 dead letters are not shown here." in found.text
    assert [each.attributes["src"] for each in found.all("img")] == [PIXEL]
    assert found.all("title")[0].text == "OCR run of 2026-03-01, nightly"


def test_without_a_price_it_speaks_of_calls() -> None:
    found = Page(page(made(report=report(price=None))))

    assert "EUR" not in found.text
    assert "Calls billed" in found.text


def test_it_asks_nobody_for_anything_and_has_no_script() -> None:
    text = page(made())
    found = Page(text)

    assert found.asks_for == []
    assert found.all("script") == []
    assert "url(" not in text
    assert "@import" not in text
    (policy,) = [each for each in found.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy.attributes["content"]


def test_it_follows_light_and_dark_and_prints_on_paper() -> None:
    (style,) = Page(page(made())).all("style")

    for said in (
        "color-scheme: light dark",
        "prefers-color-scheme: dark",
        "size: A4",
        "@media print",
        "break-inside: avoid",
    ):
        assert said in style.text


def test_whatever_a_run_comes_across_comes_out_as_text() -> None:
    hostile = figures(HOSTILE, HOSTILE, HOSTILE)
    hostile = replace(hostile, types=(replace(hostile.types[0], type=HOSTILE),))
    told = report(
        summary=[HOSTILE],
        manifest=HOSTILE,
        dag_id=HOSTILE,
        run_id=HOSTILE,
        date=HOSTILE,
        ledger={"place": HOSTILE},
        result={"dead_letters": {HOSTILE: 1}},
    )

    text = page(made(report=told, figures=hostile))

    found = Page(text)
    assert found.all("script") == []
    assert [each.attributes["src"] for each in found.all("img")] == [PIXEL]
    assert {name for each in found.elements for name in each.attributes if name.startswith("on")} == set()
    assert "{{ 7*7 }}" in found.text
    assert "\u202e" not in text
    assert "<script>alert(1)</script>" in found.text


def test_no_secret_of_an_address_is_on_it() -> None:
    signed = "https://host/a.jpg?X-Amz-Signature=0123456789abcdef0123456789abcdef"
    told = report(summary=[f"1 image: {signed}"], manifest=signed)

    assert "0123456789abcdef0123456789abcdef" not in page(made(report=told))


def test_a_reader_who_cannot_see_it_finds_the_way() -> None:
    found = Page(page(made()))

    assert found.all("html")[0].attributes["lang"] == "en"
    assert len(found.all("h1")) == len(found.all("main")) == 1
    assert all(each.attributes.get("scope") in {"col", "row"} for each in found.all("th"))
    assert all(each.attributes.get("alt") for each in found.all("img"))
    charts = [each for each in found.all("svg") if each.attributes.get("aria-hidden") != "true"]
    assert charts
    assert all(each.attributes["role"] == "img" and each.attributes["aria-label"] for each in charts)
    tables = [each for each in found.all("div") if each.attributes.get("role") == "region"]
    assert len(tables) == len(found.all("table")) == len(found.all("caption"))
    assert all(each.attributes["tabindex"] == "0" and each.attributes["aria-label"] for each in tables)
    named = {each.attributes["aria-labelledby"] for each in found.all("section")}
    assert named == {each.attributes["id"] for each in found.all("h2")}


@pytest.mark.parametrize("of", ["image", "code", "fingerprint", "version"])
def test_each_line_about_an_image_goes_with_it(of: str) -> None:
    name = "/yard/a & b.jpg"
    wanted = {
        "image": Wanted.of(image=name),
        "code": Wanted.of(code=VIN),
        "fingerprint": Wanted.of(fingerprint="f" * 64),
        "version": Wanted().with_found(set(), {(name, "v")}),
    }[of]
    text = page(made(figures=figures(name)))
    marked = [each for each in Page(text).elements if ATTRIBUTE in each.attributes]

    found, number = without(text, wanted)

    assert len(marked) == 3
    assert number == {"image": 3, "code": 1, "fingerprint": 2, "version": 3}[of]
    left = Page(found)
    assert left.all("img") == []
    assert VIN not in found
    if of in {"image", "version"}:
        assert "a & b" not in left.text


def test_a_run_that_read_nothing_has_a_page_too() -> None:
    nothing = {"planned": 0, "reads": 0, "rows": 0, "nothing_found": 0, "calls_billed": 0, "from_ledger": 0}
    told = report(result=nothing | {"dead_letters": {}, "in_doubt": 0}, summary=None, spend=None, took=None)

    found = Page(page(made(report=told, figures=Figures(), pictures={})))

    for said in (
        "Nothing was planned, so nothing was read.",
        "There is no earlier night",
        "This run published no code.",
        "No code of this run has a check digit.",
        "No call of this run was timed.",
        "every image of this run could be read",
        "No read of this run is doubtful",
    ):
        assert said in found.text


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"missing": 1}, "Not whole: 1 planned image without an outcome."),
        ({"carried_over": 2}, "Not whole: 2 images carried over to the next run."),
        ({}, "Whole: every planned image has an outcome."),
    ],
)
def test_its_first_line_says_whether_the_run_is_whole(result: dict[str, int], said: str) -> None:
    assert said in Page(page(made(report=report(result=result)))).text


def test_why_there_are_no_pictures_is_said() -> None:
    found = Page(page(made(pictures={}, why_no_pictures="Pillow is not installed.")))

    assert "Pillow is not installed." in found.text
    assert "no picture" in found.text


def test_the_nights_before_stand_beside_it() -> None:
    older = [
        night_from(
            f"nightly__{day}", report(date=f"2026-02-0{day}", result={"reads": 30}, price=None, took=None, whole=None)
        )
        for day in range(5, 1, -1)
    ]

    found = Page(page(made(nights=[each for each in older if each])))

    assert "unlike the nights before" in found.text
    (chart,) = [each for each in found.all("svg") if each.attributes.get("class") == "nights"]
    assert chart.attributes["aria-label"].startswith("The last 5 nights")
    assert "2026-02-05" in found.text


def test_it_is_made_of_what_the_json_holds() -> None:
    told = json.loads(json.dumps(report()))

    assert page(made(report=told)) == page(made())


def test_every_reason_has_its_meaning() -> None:
    assert set(lines.MEANING) == set(Reason)


def test_that_no_check_digit_fails_is_said_as_such() -> None:
    fine = replace(figures(), types=(replace(figures().types[0], failed=0),))

    assert "Of 80 codes with a check digit, none fails it." in Page(page(made(figures=fine))).text
