"""Where to look again for a missing check digit or owner code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import pick
from airflow_provider_platerec_ocr.sandbox.ocr.lines import Line
from airflow_provider_platerec_ocr.sandbox.ocr.rescan import needs_second_look, strips_around

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import Candidate


def found_in(*lines: Line) -> Candidate:
    found = pick(lines, "trailer_id")
    assert found is not None
    return found


def box(x: float, y: float, width: float, height: float) -> tuple[tuple[float, float], ...]:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def line(text: str, x: float, y: float, width: float, height: float) -> Line:
    a, b, c, d = box(x, y, width, height)
    return Line(text, 0.9, (a, b, c, d))


@pytest.mark.parametrize(
    ("text", "type_", "needed"),
    [
        ("MSKU413532", "trailer_id", True),
        ("7206820", "trailer_id", True),
        ("MSKU4135329", "trailer_id", False),
        ("534821", "trailer_id", False),
        ("MSKU413532", "vin", False),
    ],
)
def test_only_an_incomplete_container_code_is_looked_at_again(text: str, type_: str, *, needed: bool) -> None:
    assert needs_second_look(found_in(line(text, 0, 0, 200, 40)), type_) is needed


def test_after_a_code_without_check_digit_the_strip_goes_on_to_the_right() -> None:
    narrow, wide = strips_around(found_in(line("MSKU413532", 100, 100, 200, 40)))
    assert list(narrow) == [(80, 90), (388, 90), (388, 150), (80, 150)]
    assert list(wide) == [(80, 80), (388, 80), (388, 160), (80, 160)]


def test_before_a_serial_number_without_owner_the_strip_begins_earlier() -> None:
    (a, b, _, _), _ = strips_around(found_in(line("7206820", 300, 100, 200, 40)))
    assert (a[0], b[0]) == (120, 520)


def test_a_vertical_strip_runs_down_the_column() -> None:
    (a, b, c, d), _ = strips_around(found_in(line("7206820", 100, 300, 40, 200)))
    assert [tuple(round(part) for part in corner) for corner in (a, b, c, d)] == [
        (150, 120),
        (150, 520),
        (90, 520),
        (90, 120),
    ]


def test_a_box_without_size_gives_a_strip_and_no_error() -> None:
    assert len(strips_around(found_in(line("MSKU413532", 5, 5, 0, 0)))) == 2
