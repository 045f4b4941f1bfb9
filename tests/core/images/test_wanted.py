"""What is deleted is found in whatever spelling and whatever text, and nothing else is."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.core.images.wanted import MASK, Wanted, folded

VIN = "1M8GDM9AXKP042788"


@pytest.mark.parametrize(
    ("text", "signs"),
    [("1m8 GDM-9a", b"1M8GDM9A"), ("O0Qq", b"0000"), ("Il1", b"1L1"), ("ä*§", b""), (b"msku 907032 3", b"MSKU9070323")],
)
def test_letters_and_digits_alone_count(text: str | bytes, signs: bytes) -> None:
    assert folded(text) == signs


@pytest.mark.parametrize(
    "code", [VIN, VIN.lower(), "*1M8GDM9AXKP042788*", "1M8 GDM 9AX KP0 427 88", "IM8GDM9AXKPO42788"]
)
def test_a_code_is_known_in_any_spelling(code: str) -> None:
    assert Wanted.of(code=VIN).has_code(code)
    assert Wanted.of(code=code).has_code(VIN)


@pytest.mark.parametrize("code", [None, "", "1M8GDM9AXKP042789", VIN[:-1], f"{VIN}1"])
def test_another_code_is_not_it(code: str | None) -> None:
    assert not Wanted.of(code=VIN).has_code(code)


def test_a_vin_is_found_in_any_text() -> None:
    wanted = Wanted.of(code=VIN)

    assert wanted.in_text(f"/yard/front_{VIN.lower()}.jpg")
    assert wanted.in_text(f'{{"code": "{VIN}"}}'.encode())
    assert not wanted.in_text("/yard/front.jpg")
    assert not wanted.in_text(None)


def test_a_short_code_is_compared_with_whole_codes_only() -> None:
    wanted = Wanted.of(code="53-0042")

    assert wanted.has_code("530042")
    assert not wanted.in_text("/yard/530042/front.jpg")
    assert wanted.masked("/yard/530042/front.jpg") == "/yard/530042/front.jpg"


def test_an_image_goes_in_all_its_versions_and_what_was_found_in_one() -> None:
    wanted = Wanted.of(image="/a.jpg").with_found({"f" * 64}, {("/b.jpg", "v1")})

    assert wanted.has_image("/a.jpg", "v9")
    assert wanted.has_image("/b.jpg", "v1")
    assert not wanted.has_image("/b.jpg", "v2")
    assert not wanted.has_image(None)


def test_a_file_that_may_be_about_it_is_never_passed_over() -> None:
    assert Wanted.of(image="/ä b.jpg").maybe_in(b'{"image": "/\\u00e4 b.jpg"}')
    assert Wanted.of(image="/ä b.jpg").maybe_in('{"image": "/ä b.jpg"}'.encode())
    assert Wanted.of(fingerprint="ab" * 32).maybe_in(b"ab" * 32)
    assert Wanted.of(code="53").maybe_in(b"5-3")
    assert not Wanted.of(code=VIN).maybe_in(b"/a.jpg")
    assert not Wanted.of(image="/a.jpg").maybe_in(b"/b.jpg")


def test_what_is_kept_of_a_text_does_not_say_it_any_more() -> None:
    wanted = Wanted.of(code=VIN, image="/yard/a.jpg").with_found({"ab" * 32}, {("/yard/a.jpg.old", None)})

    assert wanted.masked("no outcome: /yard/a.jpg.old, /yard/a.jpg") == f"no outcome: {MASK}, {MASK}"
    assert wanted.masked("1m8-GDM 9AXKPO42788 and " + "ab" * 32) == f"{MASK} and {MASK}"


def test_nothing_is_wanted_of_an_empty_code() -> None:
    assert Wanted.of(code="***").codes == frozenset()
