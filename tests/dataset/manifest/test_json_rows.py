"""JSON that is no lines: objects one after the other, and arrays of them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from support.manifests import planned, problems, rows

if TYPE_CHECKING:
    from pathlib import Path


def test_objects_one_after_the_other_are_rows_however_they_are_laid_out(tmp_path: Path) -> None:
    """As jq prints them."""
    content = "\n".join(json.dumps({"image": f"{number}.jpg"}, indent=2) for number in range(3))

    assert [(item.row, item.image_name) for item in planned(tmp_path / "m.json", content)] == [
        (1, "0.jpg"),
        (2, "1.jpg"),
        (3, "2.jpg"),
    ]


def test_an_array_larger_than_what_is_read_at_a_time_is_read_whole(tmp_path: Path) -> None:
    file = io.StringIO()
    names = [f"{'ä' * (number % 60)}{number}.jpg" for number in range(30_000)]
    json.dump([{"image": name, "n": 1.5} for name in names], file, ensure_ascii=False)

    found = planned(tmp_path / "m.json", file.getvalue())

    assert [item.image_name for item in found] == names


@pytest.mark.parametrize("name", ["m.json", "m.jsonl"])
def test_an_empty_array_has_no_rows(tmp_path: Path, name: str) -> None:
    assert rows(tmp_path / name, " [ ]\n") == []


def test_blanks_after_an_array_are_its_end(tmp_path: Path) -> None:
    content = '[{"image": "a.jpg\t"}]' + " \n" * 400_000

    assert [item.image_name for item in planned(tmp_path / "m.json", content)] == ["a.jpg"]


def test_what_is_no_object_in_an_array_is_a_bad_row(tmp_path: Path) -> None:
    found = rows(tmp_path / "m.json", '[{"image": "a.jpg"}, 7, null, "b.jpg", {"image": "c.jpg"}]')

    assert problems(found) == [
        (2, "The row is not a JSON object but int."),
        (3, "The row is not a JSON object but NoneType."),
        (4, "The row is not a JSON object but str."),
    ]
    assert [item.row for item in found] == [1, 2, 3, 4, 5]


def test_an_object_that_says_one_column_twice_is_a_bad_row(tmp_path: Path) -> None:
    content = '{"image": "a.jpg"}\n{"image": "b.jpg", "Image": "c.jpg"}\n{"image": "d.jpg", "Gate": 1, "gate": 2}\n'

    found = rows(tmp_path / "m.jsonl", content)

    assert problems(found) == [(2, "The row has 'image' and 'Image', which are one column. Keep one of them.")]
    assert len(found) == 3
