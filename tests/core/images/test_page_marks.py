from __future__ import annotations

import html
import json

import pytest

from airflow_provider_platerec_ocr.core.images.page_marks import WRITTEN_AT, mark_of, visible, without, written_at
from airflow_provider_platerec_ocr.core.images.wanted import MASK, Wanted

VIN = "1M8GDM9AXKP042788"
HOSTILE = 'a/<b> & "c"\n\u202egpj.exe'


def row(text: str, **about: object) -> str:
    facts = {"image": "/yard/1.jpg", **about}
    return f'<tr data-about="{html.escape(mark_of(**facts))}"><td>{html.escape(text)}</td></tr>'  # type: ignore[arg-type]  # named above


def page(*lines: str) -> str:
    return "\n".join(["<style>a { color: red }</style>", "<main>", *lines, "</main>"])


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ({}, Wanted.of(image="/yard/1.jpg")),
        ({"version": "v2"}, Wanted().with_found(set(), {("/yard/1.jpg", "v2")})),
        ({"image": None, "name": "1.jpg"}, Wanted.of(image="1.jpg")),
        ({"fingerprint": "f" * 64}, Wanted.of(fingerprint="f" * 64)),
        ({"codes": ["TRLU12", None]}, Wanted.of(code="trlu 12")),
        ({"image": HOSTILE}, Wanted.of(image=HOSTILE)),
        ({"text": f"read as {VIN}"}, Wanted.of(code=VIN)),
    ],
)
def test_a_line_about_what_is_wanted_goes_as_a_whole(about: dict[str, object], wanted: Wanted) -> None:
    line = row(str(about.pop("text", "something")), **about)
    kept = row("another", image="/yard/2.jpg")

    assert without(page(line, kept), wanted) == (page(kept), 1)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted.of(image="/yard/3.jpg"),
        Wanted.of(code="TRLU99"),
        Wanted.of(fingerprint="0" * 64),
        Wanted().with_found(set(), {("/yard/1.jpg", "another version")}),
    ],
)
def test_a_line_about_another_image_stays(wanted: Wanted) -> None:
    text = page(row("something", version="v1", codes=["TRLU12"]), "<p>3 images</p>")

    assert without(text, wanted) == (text, 0)


@pytest.mark.parametrize("name", ["/yard/1.jpg", "/yard/a & b.jpg", "/yard/<i>.jpg", "/yard/\u202etxt.jpg"])
def test_a_name_in_a_sentence_is_masked_however_html_has_to_write_it(name: str) -> None:
    sentence = f'<li title="kept">1 image without an outcome: {html.escape(visible(name))}.</li>'

    found, number = without(page(sentence), Wanted.of(image=name))

    assert number == 1
    assert f"1 image without an outcome: {MASK}." in html.unescape(found)
    assert found.count('<li title="kept">') == 1


def test_a_code_within_a_picture_is_no_code() -> None:
    line = f'<figure data-about="{html.escape(mark_of(image="/a"))}"><img src="data:image/jpeg;base64,{VIN}"></figure>'

    assert without(page(line), Wanted.of(code=VIN)) == (page(line), 0)


def test_styles_are_left_alone() -> None:
    assert without(page(), Wanted.of(image="color"))[0] == page()


@pytest.mark.parametrize("mark", ["no json", "[]", "{}"])
def test_a_mark_of_somebody_else_says_nothing(mark: str) -> None:
    text = page(f'<tr data-about="{mark}"><td>x</td></tr>')

    assert without(text, Wanted.of(image="/yard/1.jpg")) == (text, 0)


def test_what_is_no_page_of_ours_stays_as_it_is() -> None:
    text = "<p>/yard/1.jpg</p>"

    assert without(text, Wanted.of(image="/yard/1.jpg")) == (text, 0)


def test_a_mark_is_plain_text_on_one_line() -> None:
    mark = mark_of(image=HOSTILE, codes=["\u00e4\n"])

    assert mark.isascii()
    assert "\n" not in mark
    assert json.loads(mark)["image"] == HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gate 7/0001.jpg", "gate 7/0001.jpg"),
        ("a\nb\tc\r", "a\ufffdb\ufffdc\ufffd"),
        ("invoice\u202egpj.exe", "invoice\ufffdgpj.exe"),
        ("half \ud83d", "half \ufffd"),
        ("\u017b\u00f3\u0142w \u2603", "\u017b\u00f3\u0142w \u2603"),
    ],
)
def test_what_nobody_would_see_is_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_page_says_when_it_was_written() -> None:
    assert written_at(f'<meta name="{WRITTEN_AT}" content="2026-03-01T22:00:00Z">') == "2026-03-01T22:00:00Z"
    assert written_at("<html>") is None
