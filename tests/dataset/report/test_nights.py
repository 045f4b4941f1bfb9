"""The last nights of a dataset, from the reports of every version so far."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.dataset.report.nights import Night, last_nights, night_of
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand

OLD: dict[str, Any] = {
    "schema_version": 1,
    "dag_id": "nightly",
    "run_id": "scheduled__2026-03-01",
    "date": "2026-03-01",
    "written_at": "2026-03-01T23:00:00Z",
    "whole": True,
    "plan": {"planned": 12},
    "result": {
        "reads": 10,
        "calls_billed": 6,
        "from_ledger": 4,
        "in_doubt": 1,
        "dead_letters": {"image_missing": 1, "in_doubt": 1},
        "carried_over": 0,
    },
    "spend": None,
}
"""What the first versions wrote."""
NEW = OLD | {
    "took": {"seconds": 61.5, "limit_s": 50.0},
    "figures": {"check_digits": {"checked": 8, "failed": 2}},
    "price": {"per_1000_calls": "20", "currency": "EUR"},
}


def write(folder: Path, name: str, content: Any, at_s: float = 0.0) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    os.utime(path, (at_s, at_s))


def test_a_report_is_a_row() -> None:
    night = night_of("nightly__1", json.dumps(NEW).encode())

    assert night is not None
    assert (night.run, night.dag_id, night.run_id, night.date) == (
        "nightly__1",
        "nightly",
        "scheduled__2026-03-01",
        "2026-03-01",
    )
    assert (night.images, night.reads, night.billed, night.from_ledger) == (12, 10, 6, 4)
    assert (night.in_doubt, night.dead_letters, night.carried_over, night.whole) == (1, 2, 0, True)
    assert (night.seconds, night.limit_s, night.failed_share) == (61.5, 50.0, 0.25)
    assert (str(night.cost), str(night.saved)) == ("0.12", "0.08")


def test_what_an_older_report_did_not_write_down_is_not_known() -> None:
    night = night_of("nightly__1", json.dumps(OLD).encode())

    assert night is not None
    assert night.billed == 6
    assert (night.seconds, night.limit_s, night.failed_share) == (None, None, None)
    assert (night.cost, night.saved, night.price) == (None, None, None)


@pytest.mark.parametrize(
    "data", [None, b"", b"no json", b"[]", b"7", b"{}", b'{"dag_id": 1, "run_id": "x"}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_report_is_no_night(data: bytes | None) -> None:
    assert night_of("x", data) is None


@pytest.mark.parametrize("odd", [None, "7", True, -1, [], {}, float("nan"), 10**400, 1.5])
def test_a_figure_that_is_none_is_not_known(odd: Any) -> None:
    parts = {"plan": {"planned": odd}, "took": {"seconds": odd}, "result": odd, "price": odd, "date": odd, "whole": 1}
    night = night_of("x", json.dumps(OLD | parts).encode())

    assert night is not None
    assert (night.images, night.reads, night.dead_letters, night.price, night.whole) == (None, None, None, None, None)
    assert night.seconds == (1.5 if odd == 1.5 else None)
    assert night.date == ("7" if odd == "7" else None)


def test_a_price_that_somebody_else_wrote_is_none() -> None:
    night = night_of("x", json.dumps(OLD | {"price": {"per_1000_calls": "much", "currency": "EUR"}}).encode())

    assert night is not None
    assert night.price is None


def test_the_newest_nights_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    for day in range(1, 9):
        report = OLD | {"date": f"2026-03-0{day}", "written_at": f"2026-03-0{day}T23:00:00Z"}
        write(tmp_path, f"nightly__{day}.json", report, at_s=day * 86400.0)

    found = last_nights(local_place(tmp_path), 3)

    assert [night.date for night in found] == ["2026-03-08", "2026-03-07", "2026-03-06"]
    assert [night.run for night in found] == ["nightly__8", "nightly__7", "nightly__6"]


def test_other_files_in_the_folder_are_left_aside(tmp_path: Path) -> None:
    write(tmp_path, "a.json", OLD)
    write(tmp_path, "a.html", "<p>")
    write(tmp_path, "broken.json", "{")
    write(tmp_path, "foreign.json", {"name": "x"})
    write(tmp_path, ".hidden.json", OLD)
    write(tmp_path, "_other.json", OLD)
    write(tmp_path, "huge.json", " " * 5_000_001)
    (tmp_path / "folder.json").mkdir()

    assert [night.run for night in last_nights(local_place(tmp_path))] == ["a"]


def test_a_folder_that_is_not_there_has_no_nights(tmp_path: Path) -> None:
    assert last_nights(local_place(tmp_path / "none")) == []


def test_nights_on_an_object_store_cost_a_listing_and_a_request_each(s3: S3Stand) -> None:
    place = s3.place("reports")
    for day in range(1, 4):
        report = OLD | {"written_at": f"2026-03-0{day}T23:00:00Z"}
        place.fs.pipe_file(f"{place.path}/n{day}.json", json.dumps(report).encode())
    again = s3.again(place)

    found = last_nights(again)

    assert [night.run for night in found] == ["n3", "n2", "n1"]
    assert len([name for name in again.fs.requests if name == "get_object"]) == 3
    assert len(again.fs.requests) == 4


def test_a_share_of_nothing_is_not_known() -> None:
    assert Night("x", "d", "r", checked=0, failed_checks=0).failed_share is None
    assert Night("x", "d", "r", checked=4, failed_checks=0).failed_share == 0.0
