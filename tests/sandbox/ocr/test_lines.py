"""Joining the pieces of a code along its baseline."""

from __future__ import annotations

import math

from airflow_provider_platerec_ocr.sandbox.ocr.lines import Line, runs
from airflow_provider_platerec_ocr.sandbox.ocr.reader import Orientation


def line(text: str, x: float, y: float, width: float, height: float = 40.0, *, tilt: float = 0.0) -> Line:  # noqa: PLR0913 - a box has four numbers
    """A line whose top left corner is at (x, y), turned by ``tilt`` degrees around the origin."""
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))

    def turned(px: float, py: float) -> tuple[float, float]:
        return px * cos - py * sin, px * sin + py * cos

    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    a, b, c, d = (turned(px, py) for px, py in corners)
    return Line(text, 0.9, (a, b, c, d))


def texts(*lines: Line) -> set[tuple[str, Orientation]]:
    return {(run.text, run.orientation) for run in runs(lines)}


def test_pieces_on_one_baseline_are_joined_from_the_left() -> None:
    joined = texts(line("438255", 100, 0, 110), line("DFSU", 0, 0, 80), line("9", 230, 0, 24))
    assert ("DFSU 438255", Orientation.HORIZONTAL) in joined
    assert ("DFSU 438255 9", Orientation.HORIZONTAL) in joined
    assert ("438255 DFSU", Orientation.HORIZONTAL) not in joined


def test_a_tilted_baseline_is_followed_and_the_row_below_is_not() -> None:
    joined = texts(
        line("TGBU", 0, 0, 80, tilt=20),
        line("708333", 100, 0, 110, tilt=20),
        # A single digit's own box is upright, whatever the tilt.
        Line("7", 0.9, ((200, 85), (226, 85), (226, 125), (200, 125))),
        line("45G1", 100, 50, 80, tilt=20),
    )
    assert ("TGBU 708333 7", Orientation.HORIZONTAL) in joined
    assert not any("45G1" in text and "TGBU" in text for text, _ in joined)


def test_what_stands_far_away_or_is_much_larger_is_not_joined() -> None:
    assert texts(line("AB", 0, 0, 60), line("12", 300, 0, 60)) == {
        ("AB", Orientation.HORIZONTAL),
        ("12", Orientation.HORIZONTAL),
    }
    assert ("AB 12", Orientation.HORIZONTAL) not in texts(line("AB", 0, 0, 60), line("12", 70, -40, 200, 120))


def test_letters_under_each_other_are_one_vertical_text() -> None:
    letters = [line(char, 10, 60 * index, 30) for index, char in enumerate("ABCU123456")]
    assert (" ".join("ABCU123456"), Orientation.VERTICAL) in texts(*letters)


def test_tall_pieces_are_joined_downwards_and_upwards() -> None:
    joined = texts(line("KMTU", 0, 0, 40, 150), line("7206820", 0, 170, 40, 260))
    assert ("KMTU", Orientation.VERTICAL) in joined
    assert ("KMTU 7206820", Orientation.VERTICAL) in joined
    assert ("7206820 KMTU", Orientation.VERTICAL) in joined


def test_words_under_each_other_are_rows_and_no_vertical_text() -> None:
    joined = texts(line("GROSS", 0, 0, 100), line("TARE", 0, 50, 90))
    assert all(orientation is Orientation.HORIZONTAL for _, orientation in joined)


def test_a_run_is_as_sure_as_its_weakest_piece_and_as_large_as_its_letters() -> None:
    weak = Line("9", 0.5, line("9", 230, 0, 24).box)
    (run,) = [run for run in runs([line("DFSU438255", 0, 0, 210), weak]) if len(run.pieces) == 2]
    assert (run.score, run.size) == (0.5, 40.0)
    (tall,) = runs([line("ABC", 0, 0, 30, 200)])
    assert tall.size == 30.0


def test_a_box_without_width_does_no_harm() -> None:
    flat = Line("A", 0.9, ((0, 0), (0, 0), (0, 0), (0, 0)))
    assert [run.text for run in runs([flat])] == ["A"]
