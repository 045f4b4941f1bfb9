"""What the page says of the vehicle or the container that a code stands for."""

from __future__ import annotations

import re
import sys
from html import unescape
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.page_urls import image_url
from airflow_provider_platerec_ocr.web.reads_what import NO_SIGN, UNKNOWN_OWNER
from support.page_stage import PageStage
from support.search_stage import BAD_VIN, SearchStage, Shot
from support.table_stage import VIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BUS = [("Make", "MOTOR COACH INDUSTRIES"), ("Model", "102C3 Intercity"), ("Year", "1989"), ("Body", "Bus")]
KRONE = "WKESD000000123456"


@pytest.fixture
def page_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return what stands above the story of an image."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    page, search = PageStage(tmp_path), SearchStage.local(tmp_path / "yard")
    shots = [Shot("two.jpg", (VIN, BAD_VIN)), Shot("fleet.jpg", ("4711",)), Shot("odd.jpg", (KRONE, f"XX0{KRONE[3:]}"))]
    search.night(1, shots)
    search.night(2, [Shot("boxes.jpg", ("MSKU 907032 3 45G1", "QQQU1234567"))], kind="trailer_id")
    uri = page.note(dataset=search.dataset.uri)
    return lambda name: unescape(page.get(image_url(uri, search.image(name))).text).partition("Its story")[0]


def facts(page: str) -> list[tuple[str, str]]:
    return re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page)


def test_the_story_says_what_each_code_stands_for(page_of: Callable[[str], str]) -> None:
    two, boxes, odd = page_of("two.jpg"), page_of("boxes.jpg"), page_of("odd.jpg")

    assert "What it is" in two
    assert facts(two)[:4] == BUS
    assert "Check Digit" in two
    assert facts(boxes) == [
        ("Owner", "Maersk"),
        ("Category", "freight container"),
        ("Size", "40 ft, 9 ft 6 in high"),
        ("Type", "general purpose: vents at the top of the hold"),
        ("Read as", "45G1"),
        ("Category", "freight container"),
    ]
    assert f"{UNKNOWN_OWNER} {NO_SIGN}" in boxes
    assert facts(odd) == [("Make", "KRONE")]
    assert "No table that comes along knows its maker." in odd
    assert "What it is" not in page_of("fleet.jpg")


def test_without_the_extra_the_story_says_what_to_install(
    page_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ultravin", None)

    assert facts(page_of("two.jpg")) == []
    assert "install airflow-provider-platerec-ocr[vin]" in page_of("two.jpg")
    assert facts(page_of("boxes.jpg"))[0] == ("Owner", "Maersk")
