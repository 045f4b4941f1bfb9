"""The count of what was left aside, and its words."""

from __future__ import annotations

from airflow_provider_platerec_ocr.dataset.manifest.left_aside import LeftAside


def test_the_count_is_said_by_kind() -> None:
    left = LeftAside()
    for number in range(40):
        left.add("no_image", f"day/{number}.MOV")
    for name in ("a.parquet", "b.parquet"):
        left.add("no_image", name)
    for kind, number in {"hidden": 3, "excluded": 5, "not_included": 1, "linked_folders": 1}.items():
        for _ in range(number):
            left.add(kind, "x")

    assert left.describe() == (
        "42 files are no images: .mov 40, .parquet 2; 1 image is in no pattern of include; 3 hidden; 5 excluded; "
        "1 linked folder that is read by another name"
    )
    assert LeftAside().describe() == ""


def test_endings_that_are_none_are_told_together() -> None:
    left = LeftAside()
    for name in ("a", ".b", "c.", "d.ünknown", "e.a long sentence", "a.b/c", "f.x\ty"):
        left.add("no_image", name)

    assert dict(left.endings) == {"without an ending": 7}


def test_a_million_endings_are_not_remembered() -> None:
    left = LeftAside()
    for number in range(1000):
        left.add("no_image", f"a.{number}")

    assert len(left.endings) == 201
    assert left.endings["others"] == 800
    assert left.describe().endswith("others 993") or ".0 1" in left.describe()


def test_the_first_links_are_named_and_a_name_that_is_no_text_can_be_written_down() -> None:
    left = LeftAside()
    for name in ("a\udcff", "b", "c", "d"):
        left.add("links_to_nowhere", name)

    assert left.describe() == "4 links that lead nowhere: a?, b, c, …"
