from __future__ import annotations

import shutil
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.search.groups import Footers
from airflow_provider_platerec_ocr.dataset.search.query import CheckDigit, ReadQuery, SearchStatus
from airflow_provider_platerec_ocr.dataset.search.search import DEEPEST, search
from airflow_provider_platerec_ocr.dataset.upkeep.compact import compact
from support.clock import FakeClock
from support.older_tables import as_version_1, without_metadata
from support.search_stage import BAD_VIN, SearchStage, Shot, files, names_of
from support.table_stage import VIN

OTHER = "1HGCM82633A004352"
HUGE = "<script>alert(1)</script>" * 8_000
"""200 KB."""
FIRST = [Shot("a.jpg"), Shot("b.jpg", (OTHER, BAD_VIN), camera="gate"), Shot("none.jpg", ())]
SECOND = [Shot("c.jpg", ("TRL-53 0042",), 0.3), Shot("odd.jpg", ("=1+1", "a.*b")), Shot("huge.jpg", (HUGE,))]
THIRD = [Shot("d.jpg", confidence=0.95, camera="gate"), Shot("strange.jpg", raw='{"hello": 1}')]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("search") / "stage"
    stage = SearchStage.local(root)
    stage.night(1, FIRST)
    stage.night(2, SECOND, kind="trailer_id")
    stage.night(3, THIRD)
    return root


@pytest.fixture
def stage(made: Path) -> SearchStage:
    """The table as it is published; nothing may change it."""
    return SearchStage.local(made)


@pytest.fixture
def own(made: Path, tmp_path: Path) -> SearchStage:
    """A copy of it, whose images are called as in the original."""
    shutil.copytree(made, tmp_path / "own")
    return SearchStage.local(tmp_path / "own")


def test_reads_come_with_the_newest_day_first_and_then_as_the_manifest_has_them(stage: SearchStage) -> None:
    page = stage.look()

    assert names_of(page.rows()) == [
        *("d.jpg", "strange.jpg", "c.jpg", "odd.jpg", "odd.jpg", "huge.jpg"),
        *("a.jpg", "b.jpg", "b.jpg", "none.jpg"),
    ]
    assert (page.total, page.exact, page.broken, page.unseen) == (10, True, (), None)
    assert [row["date"].day for row in page.rows()] == [3, 3, 2, 2, 2, 2, 1, 1, 1, 1]


def test_pages_put_together_are_the_whole_list(stage: SearchStage) -> None:
    whole = [tuple(row.items()) for row in stage.look().rows()]
    pages = [stage.look(limit=3, offset=offset) for offset in range(0, 12, 3)]

    assert [tuple(row.items()) for page in pages for row in page.rows()] == whole
    assert {(page.total, page.exact) for page in pages} == {(10, True)}
    assert stage.look(limit=5, offset=DEEPEST).rows() == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ReadQuery(code="1m8gdm9axkp042788"), ["d.jpg", "a.jpg"]),
        (ReadQuery(code="HGCM"), ["b.jpg"]),
        (ReadQuery(code="trl530042"), ["c.jpg"]),
        (ReadQuery(code="53 0042"), ["c.jpg"]),
        (ReadQuery(code=".*"), ["odd.jpg"]),
        (ReadQuery(code="=1+1"), ["odd.jpg"]),
        (ReadQuery(code="%"), []),
        (ReadQuery(code="<SCRIPT>"), ["huge.jpg"]),
        (ReadQuery(image="STAGE/B"), ["b.jpg", "b.jpg"]),
        (ReadQuery(image="../"), []),
        (ReadQuery(camera="gate"), ["d.jpg", "b.jpg", "b.jpg"]),
        (ReadQuery(camera="gat"), []),
        (ReadQuery(types=("trailer_id",)), ["c.jpg", "odd.jpg", "odd.jpg", "huge.jpg"]),
        (ReadQuery(types=("no_such",)), []),
        (ReadQuery(since=date(2026, 3, 3)), ["d.jpg", "strange.jpg"]),
        (ReadQuery(until=date(2026, 3, 1), types=("vin", "x")), ["a.jpg", "b.jpg", "b.jpg", "none.jpg"]),
        (
            ReadQuery(since=date(2026, 3, 2), until=date(2026, 3, 2), min_confidence=0.5),
            ["odd.jpg", "odd.jpg", "huge.jpg"],
        ),
        (ReadQuery(max_confidence=0.3), ["c.jpg"]),
        (ReadQuery(min_confidence=0.9), ["d.jpg"]),
        (ReadQuery(check_digit=CheckDigit.FAILED), ["b.jpg"]),
        (ReadQuery(check_digit=CheckDigit.NONE), ["c.jpg", "odd.jpg", "odd.jpg", "huge.jpg"]),
        (ReadQuery(status=SearchStatus.NO_CODE), ["none.jpg"]),
        (ReadQuery(status=SearchStatus.UNREADABLE), ["strange.jpg"]),
        (ReadQuery(status=SearchStatus.CORRECTED), []),
    ],
)
def test_each_question_has_its_answer(stage: SearchStage, query: ReadQuery, expected: list[str]) -> None:
    page = stage.look(query)

    assert names_of(page.rows()) == expected
    assert (page.total, page.exact) == (len(expected), True)
    assert stage.names(query, limit=1) == expected[:1]


def test_the_columns_are_those_that_are_asked_for_and_what_corrections_need(stage: SearchStage) -> None:
    row = stage.look(limit=1, columns=["raw"]).rows()[0]

    assert '"results"' in row["raw"]
    assert "orientation" not in row
    assert "raw" not in stage.look(limit=1).rows()[0]


def test_a_corrected_code_is_found_by_what_it_is_and_by_what_it_was(own: SearchStage, stage: SearchStage) -> None:
    a, b, none = (stage.image(name) for name in ("a.jpg", "b.jpg", "none.jpg"))
    own.correct("", "11111111111111111", image=a)
    own.correct("", OTHER, image=b, identifier=1)
    own.correct("", None, kind="take_back", image=b, identifier=0)
    own.correct("", "ADDED7", kind="add", image=none)

    def shown(query: ReadQuery) -> list[tuple[Any, ...]]:
        page = own.look(query)
        names = ("filename", "code", "code_as_read", "taken_back")
        return [tuple(row[name] for name in names) for row in page.rows()]

    mended = ("a.jpg", "11111111111111111", VIN, False)
    taken, second = ("b.jpg", OTHER, None, True), ("b.jpg", OTHER, BAD_VIN, False)
    added = ("none.jpg", "ADDED7", None, False)
    assert shown(ReadQuery(code="1111")) == [mended]
    assert shown(ReadQuery(code=VIN)) == [("d.jpg", VIN, None, False), mended]
    assert shown(ReadQuery(code=OTHER)) == [taken, second]
    assert shown(ReadQuery(code="added")) == [added]
    assert shown(ReadQuery(check_digit=CheckDigit.FAILED)) == []
    assert shown(ReadQuery(status=SearchStatus.CORRECTED)) == [mended, taken, second, added]
    assert shown(ReadQuery(status=SearchStatus.NO_CODE)) == []
    assert shown(ReadQuery(image="b.jpg")) == [taken, second]
    assert own.look(ReadQuery(status=SearchStatus.CORRECTED)).total == 4
    assert own.names(ReadQuery(status=SearchStatus.CORRECTED), corrections=None) == []


def test_what_was_corrected_is_known_without_reading_the_rest(own: SearchStage, stage: SearchStage) -> None:
    own.correct("", "ONE", image=stage.image("a.jpg"))
    own.correct("", "TWO", image=stage.image("a.jpg"))

    assert own.names(ReadQuery(code="ONE")) == []
    assert own.names(ReadQuery(code="TWO")) == ["a.jpg"]


def test_a_table_of_all_versions_is_one_list(own: SearchStage) -> None:
    expected = own.names()
    oldest, middle, _ = files(own.dataset)
    as_version_1(oldest)
    without_metadata(middle)

    assert sorted(own.names()) == sorted(expected)
    assert own.names(ReadQuery(code="trl")) == ["c.jpg"]
    assert len(own.names(ReadQuery(types=("vin",)))) == 6


def test_files_in_no_folders_are_found_by_what_their_rows_say(own: SearchStage) -> None:
    expected = own.names()
    for file in list(files(own.dataset)):
        file.rename(Path(own.dataset.path) / file.name)

    assert own.names() == expected
    assert own.names(ReadQuery(types=("trailer_id",), since=date(2026, 3, 2))) == expected[2:6]
    assert own.look(ReadQuery(since=date(2026, 3, 3)), limit=1).total == 2
    assert own.look(ReadQuery(until=date(2026, 3, 1))).total == 4


def test_many_row_groups_of_one_day_come_in_order(own: SearchStage) -> None:
    file = list(files(own.dataset))[-1]
    table = pq.ParquetFile(file).read()
    big = pa.concat_tables([table] * 40)
    rows = pa.array([str(number) for number in range(big.num_rows)])
    big = big.set_column(big.schema.get_field_index("filename"), "filename", rows)
    pq.write_table(big.replace_schema_metadata(table.schema.metadata), file, row_group_size=7)

    assert own.names(limit=80) == [str(number) for number in range(80)]
    assert own.names(limit=3, offset=50) == ["50", "51", "52"]
    assert own.look(ReadQuery(camera="gate"), limit=2, offset=39).total == 42


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_found(own: SearchStage) -> None:
    broken = list(files(own.dataset))[1]
    broken.write_bytes(b"PAR1 nothing PAR1")
    page = own.look(ReadQuery(code=VIN))

    assert names_of(page.rows()) == ["d.jpg"]
    assert [broken.name in text and "cannot be read as Parquet" in text for text in page.broken] == [True]
    assert own.look(limit=1).broken[0].startswith(str(broken))


def test_a_table_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert SearchStage.local(tmp_path / "x").look().rows() == []


@pytest.mark.parametrize("more", [{"limit": 0}, {"offset": -1}, {"offset": DEEPEST + 1}])
def test_a_page_that_makes_no_sense_is_refused(stage: SearchStage, more: dict[str, Any]) -> None:
    with pytest.raises(OCRConfigError, match="offset from 0 to 100,000"):
        stage.look(**more)


class SlowClock(FakeClock):
    """Each look at it costs a second."""

    def monotonic(self) -> float:
        self.elapsed_s += 1.0
        return super().monotonic()


def test_a_search_that_takes_too_long_says_how_far_it_came(stage: SearchStage) -> None:
    page = stage.look(ReadQuery(code="nowhere"), seconds=1.5, clock=SlowClock())

    assert (page.late, page.exact, page.unseen) == (True, False, date(2026, 3, 1))
    assert not stage.look(ReadQuery(code="nowhere"), seconds=60, clock=SlowClock()).late


def test_a_page_of_a_table_that_is_published_meanwhile_is_of_one_moment(own: SearchStage) -> None:
    """Two people look while runs publish and the table is compacted; each page is one that was there."""
    footers, stop, seen = Footers(), threading.Event(), set[int]()

    def watch() -> None:
        while not stop.is_set():
            page = search(own.dataset, ReadQuery(), footers=footers)
            rows = [(row["filename"], row["identifier_index"], row["run_id"]) for row in page.rows()]
            assert len(set(rows)) == len(rows) == page.total
            seen.add(page.total)

    people = [threading.Thread(target=watch) for _ in range(2)]
    errors: list[Any] = []
    before, threading.excepthook = threading.excepthook, errors.append
    try:
        for each in people:
            each.start()
        for number in range(4):
            own.night(4, [Shot(f"new-{number}.jpg")], again=f"-{number}")
        compact(own.dataset, own.stage.root / "table_workspace")
    finally:
        stop.set()
        for each in people:
            each.join()
        threading.excepthook = before

    assert errors == []
    assert own.look().total == 14
    assert seen <= {10, 11, 12, 13, 14}


def test_what_is_remembered_of_a_file_goes_when_it_is_written_anew(own: SearchStage) -> None:
    footers = Footers(most=2)
    assert len(own.names(footers=footers)) == 10
    file = next(files(own.dataset))
    table = pq.ParquetFile(file).read()
    pq.write_table(table.slice(0, 1), file)

    assert len(own.names(footers=footers)) == 7
    assert len(own.names(footers=footers)) == 7


def test_the_rows_are_those_of_the_table(stage: SearchStage) -> None:
    names = [name for name in reads_schema().names if name != "raw"]
    frame = read_dataset(stage.dataset.uri, columns=names)
    table = stage.look(columns=names).table.select(names)

    key = [("run_date", "ascending"), ("manifest_row", "ascending"), ("identifier_index", "ascending")]
    assert table.sort_by(key).equals(
        pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False).sort_by(key)
    )
