"""Which characters the own cameras confuse: from corrections, from a truth file, and what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions, observed
from airflow_provider_platerec_ocr.analysis.yard.knowledge import learned
from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from support.stores import local_place
from support.yard_table import yard_table

if TYPE_CHECKING:
    from pathlib import Path

CODES = {"one.jpg": ("HN4711",), "two.jpg": ("CN0001",), "three.jpg": ("HW4712",)}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return yard_table(tmp_path_factory.mktemp("learning"), CODES)


@pytest.mark.parametrize("how", [None, "", "default", "None"])
def test_unless_it_is_asked_nothing_is_learned(table: Path, tmp_path: Path, how: str | None) -> None:
    found = learned(how, local_place(table), local_place(tmp_path))
    assert found.summary() == {"source": "default", "pairs": 0, "learned": []}
    assert found.confusions == Confusions()


def test_corrections_say_what_is_confused(table: Path, tmp_path: Path) -> None:
    for name, code in (("one.jpg", "HW4711"), ("two.jpg", "CW0001")):
        image = str(table.parent / name)
        correct(str(table), code, image=image, by="kim", why="seen", corrections=str(tmp_path))

    found = learned("corrections", local_place(table), local_place(tmp_path))

    assert found.summary() == {
        "source": "corrections",
        "pairs": 2,
        "learned": [{"truth": "W", "read": "N", "times": 2}],
    }
    assert str(found) == "Learned from corrections, 2 codes whose truth is known: W read as N (2)."
    assert found.confusions.cost("W", "N") < Confusions().cost("W", "N")


def test_nobody_has_corrected_anything(table: Path, tmp_path: Path) -> None:
    found = learned("corrections", local_place(table), local_place(tmp_path / "none"))
    assert (found.pairs, found.confusions) == (0, Confusions())


def test_a_truth_file_says_what_is_confused(table: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("image,truth\none.jpg,HW4711\ntwo.jpg,CW0001\nelsewhere.jpg,1\nthree.jpg,HW4712\n")

    found = learned(str(truth), local_place(table), local_place(tmp_path))

    assert (found.pairs, found.seen) == (3, (("W", "N", 2),))


def test_a_truth_file_of_other_images_is_refused(table: Path, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("image,truth\nelsewhere.jpg,1\n")
    with pytest.raises(OCRManifestError, match=r"no image of .*truth\.csv is among the reads"):
        learned(str(tmp_path / "truth.csv"), local_place(table), local_place(tmp_path))


def test_a_pair_that_was_seen_once_is_learned_only_where_the_table_has_it() -> None:
    found = Confusions().with_observed([("HW1", "HN1"), ("A38", "A88")])
    assert ("W", "N") not in found.weights
    assert found.weights["3", "8"] > Confusions().weights["3", "8"]
    assert observed([("HW1", "HN1"), ("HW1", "HN12"), ("ABC1", "XYZ1")]) == {("W", "N"): 1}
