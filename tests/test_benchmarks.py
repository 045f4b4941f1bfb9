"""What the benchmarks' table says of a figure; the figures themselves tell of the machine, and are no tests."""

from __future__ import annotations

from benchmarks.figures import Figure, at_most, billed_once, for_show, table


def test_a_figure_at_its_target_is_reached() -> None:
    assert at_most("run", 1.06, 1.06).verdict == "reached"


def test_a_figure_beyond_its_target_says_by_how_much() -> None:
    missed = at_most("plan", 10.0, 12.0, " s", "a remark")

    assert (missed.target, missed.measured) == ("≤ 10 s", "12 s")
    assert missed.verdict == "missed by 20%, a remark"


def test_a_ratio_has_three_digits_and_a_time_has_two() -> None:
    assert [at_most("run", 1.06, 1.01889).measured, at_most("run", 5, 3.8271, " s").measured] == ["1.019", "3.83 s"]
    assert for_show("memory", 123.4, " MB").measured == "123 MB"


def test_slowness_is_never_an_error() -> None:
    assert not at_most("run", 1.0, 100.0).wrong
    assert not for_show("run", 100.0).wrong


def test_books_are_right_where_each_image_is_billed_once() -> None:
    right = billed_once("books", billed=20, unique=20, images=20)

    assert (right.measured, right.verdict, right.wrong) == ("1.000", "reached", False)


def test_an_image_billed_twice_is_an_error() -> None:
    wrong = billed_once("books", billed=21, unique=20, images=20)

    assert (wrong.measured, wrong.wrong) == ("21 calls for 20 of 20 images", True)


def test_two_wrongs_that_add_up_to_the_right_number_are_an_error() -> None:
    assert billed_once("books", billed=20, unique=19, images=20).wrong


def test_the_table_is_aligned_markdown() -> None:
    lines = table([Figure("a long name", "≤ 1", "0.5", "reached"), Figure("b", "", "2")]).splitlines()

    assert lines == [
        "| figure      | target | measured | verdict |",
        "|-------------|--------|----------|---------|",
        "| a long name | ≤ 1    | 0.5      | reached |",
        "| b           | -      | 2        | -       |",
    ]
