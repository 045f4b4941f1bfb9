"""The view Yard over what the operator itself has written: nights of the sample photographs and the sample list."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.analysis.yard.files import write_parquet
from airflow_provider_platerec_ocr.analysis.yard.outcome import reconciliation_schema
from airflow_provider_platerec_ocr.core.page_urls import accuracy_url, view_url, yard_url
from support.chromium import chromium
from support.clock import FakeClock
from support.html_pages import Page
from support.page_stage import PageStage
from support.screenshots import served
from support.search_stage import SearchStage
from support.stores import local_place
from support.yard_scene import DAG_ID, copy_samples, night, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EXTRA = {"535912", "1TRNWM5L2PJRW4936"}
MISSING = {"1M8GDM9AXKP042788", "MSKU9070323", "ECHB300417"}
MISREAD = "1WZ87J5R5EFYH887G"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchStage, dict[str, Any]]:
    root: Path = tmp_path_factory.mktemp("yard") / "yard"
    search = SearchStage.local(root)
    night(search, 1)
    night(search, 2, ("fleet_trailer_16.jpg", "vin_plate_01.jpg"))
    night(search, 3, ("container_door_02.jpg",))
    copy_samples(search, 3)
    for day in (1, 2):
        reconcile(search, day)
    return search, reconcile(search, 3)


@pytest.fixture
def stage(
    yard: tuple[SearchStage, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[PageStage, str]:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    page = PageStage(tmp_path)
    return page, page.note(dataset=yard[0].dataset.uri)


def as_excel(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a sheet, as texts."""
    with zipfile.ZipFile(path) as book:
        shared = ET.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314  # our own file
        texts = ["".join(each.itertext()) for each in shared.iter(f"{SHEET}si")]
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314  # our own file
    names: dict[str, str] = {}
    for line in sheet.iter(f"{SHEET}row"):
        cells = {}
        for cell in line.iter(f"{SHEET}c"):
            value = cell.findtext(f"{SHEET}v") or ""
            cells[cell.attrib["r"].rstrip("0123456789")] = texts[int(value)] if cell.get("t") == "s" else value
        if names:
            yield {name: cells.get(column, "") for column, name in names.items()}
        else:
            names = cells


def told(rows: Any) -> Counter[tuple[str, ...]]:
    """What a table says: outcome, code, what was read, characters, bay."""
    return Counter(
        tuple(row[name] or "" for name in ("status", "code", "read_codes", "characters", "bay")) for row in rows
    )


def of_page(html: str) -> Counter[tuple[str, str]]:
    """Outcome and code of each line of the first table of a page."""
    body = html.split("<tbody>")[1].partition("</tbody>")[0]
    lines = [Page(f"<html><body><table>{line}</tr></table></body></html>") for line in body.split("</tr>")[:-1]]
    return Counter((line.all("td")[0].text.strip(), _code(line)) for line in lines)


def _code(line: Page) -> str:
    codes = [each for each in line.all("span") if each.attributes.get("class") == "code" and "th" in each.within]
    return (codes or line.all("th"))[0].text.strip()


def test_parquet_csv_excel_report_and_page_have_exactly_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    search = SearchStage.local(tmp_path / "yard")
    night(search, 1)
    counts = reconcile(search, 1)
    files = {Path(name).suffix + str(at): Path(name) for at, name in enumerate(counts["files"])}
    page = PageStage(tmp_path)
    uri = page.note(dataset=search.dataset.uri)

    parquet = [
        row | {"read_codes": "; ".join(row["read_codes"]), "bay": (row["expected"] or "").partition('"bay":"')[2][:2]}
        for row in pq.read_table(files[".parquet0"], partitioning=None).to_pylist()
    ]
    wanted = told(parquet)
    as_csv = list(csv.DictReader(io.StringIO(files[".csv3"].read_text("utf-8-sig"), newline="")))
    served = page.get(view_url("yard.csv", dataset=uri)).content.decode("utf-8-sig")
    excel = tmp_path / "served.xlsx"
    excel.write_bytes(page.get(view_url("yard.xlsx", dataset=uri)).content)

    assert {
        name: counts[name] for name in ("units", "matched", "matched_confusable", "missing", "extra", "ambiguous")
    } == {
        "units": 25,
        "matched": 21,
        "matched_confusable": 1,
        "missing": 3,
        "extra": 2,
        "ambiguous": 0,
    }
    by_status = {status: {row["code"] for row in parquet if row["status"] == status} for status, *_ in wanted}
    assert (by_status["missing"], by_status["extra"], by_status["matched_confusable"]) == (MISSING, EXTRA, {MISREAD})
    assert told(as_csv) == told(csv.DictReader(io.StringIO(served, newline=""))) == wanted
    assert told(as_excel(files[".xlsx4"])) == told(as_excel(excel)) == wanted
    said = Counter((status.replace("_", " "), code) for status, code, *_ in wanted.elements())
    report = (tmp_path / "yard" / "table_reports" / "nightly__01.html").read_text()
    assert of_page(report.partition("<!-- yard -->")[2]) == said
    words = {"matched confusable": "matched by a confusion"}
    assert "category: freight container" in report
    shown = Counter({(words.get(status, status), code): number for (status, code), number in said.items()})
    assert of_page(page.get(yard_url(uri)).text) == shown


def test_the_newest_night_is_shown_with_its_counts_and_what_came_and_left(stage: tuple[PageStage, str]) -> None:
    page, uri = stage

    html = page.get("yard").text

    text = unescape(html)
    assert "2026-03-03" in text
    assert "2 came, 1 left, 21 stayed" in text
    assert 'role="img" aria-labelledby="nights"' in html
    assert html.count("<g><title>2026-03-0") == 3
    assert "<span>category</span> freight container" in html
    for said in ("6→G at 17", "expected.csv", "not seen on 1 night in between", "last seen 2026-03-02"):
        assert said in text
    assert page.get(yard_url(uri, night="nowhere")).status_code == 200


@pytest.mark.parametrize(
    ("filters", "there", "rows"),
    [
        ({"status": "missing"}, "MSKU9070323", 4),
        ({"status": "extra"}, "535912", 2),
        ({"code": "yoku 97"}, "YOKU9798925", 1),
        ({"code": "8876"}, MISREAD, 1),
        ({"change": "came"}, "1WHEYKVM4G9DW8655", 2),
        ({"change": "left"}, "IMVU1079331", 1),
        ({"change": "away"}, "Nothing fits", 0),
        ({"code": "nowhere"}, "Nothing fits", 0),
        ({"status": "<b>", "change": "x", "page": "9" * 400}, "0 rows", 0),
    ],
)
def test_a_filter_shows_what_fits(stage: tuple[PageStage, str], filters: dict[str, str], there: str, rows: int) -> None:
    page, uri = stage

    answer = page.get(yard_url(uri, **filters))

    assert answer.status_code == 200
    assert there in answer.text or there == "0 rows"
    assert answer.text.count("data-status=") == rows


def test_a_code_that_is_on_no_list_and_was_not_seen_again_is_named(stage: tuple[PageStage, str]) -> None:
    page, uri = stage
    second = next(
        part
        for part in page.get("yard").text.split('value="')
        if part.startswith("reconciliation-") and "2026-03-02" in part
    )

    answer = page.get(yard_url(uri, night=second.partition('"')[0], change="left")).text

    assert "Not on the list, and not seen any more" in answer
    assert "535912" in answer.partition("not seen any more")[2]


def test_evidence_has_pictures_made_of_what_the_table_names_and_links_to_its_story(
    stage: tuple[PageStage, str],
) -> None:
    page, uri = stage
    html = page.get(yard_url(uri, code="YOKU9798925")).text
    found = Page(html)

    (picture,) = found.all("img")
    answer = page.get(picture.attributes["src"])
    assert answer.headers["content-type"] == "image/jpeg"
    (story,) = [each for each in found.all("a") if "platerec-ocr/image" in each.attributes.get("href", "")]
    assert "YOKU9798925" in page.get(story.attributes["href"]).text
    for name in ("/etc/passwd", "../../etc/passwd", "x" * 3000):
        refused = page.get(view_url("thumbnail", dataset=uri, image=name, day="2026-03-03"))
        assert "no such read" in " ".join(refused.text.replace("</text>", " ").split())
    wrong = page.get(view_url("thumbnail", dataset=uri, image=name, day="2026-03-03", since="2026-03-04"))
    assert wrong.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("view", ["yard", "yard.csv", "yard.xlsx", "accuracy"])
def test_who_may_not_read_the_dag_that_wrote_it_sees_nothing(stage: tuple[PageStage, str], view: str) -> None:
    page, uri = stage
    url = view_url(view, dataset=uri)

    assert page.get(url, user=None).status_code == 401
    assert page.get(url, reads="another").status_code == 403
    only_reads = page.get(url, reads="nightly")
    assert MISREAD not in only_reads.text
    assert only_reads.status_code == (404 if "." in view else 200)
    assert page.get(url, reads=f"nightly {DAG_ID}").status_code == 200


def test_without_a_reconciliation_it_says_how_to_have_one(tmp_path: Path) -> None:
    page = PageStage(tmp_path)
    assert "Nothing was planned yet" in page.get("yard").text
    assert "Nothing was planned yet" in page.get("accuracy").text
    uri = page.note()

    text = PageStage(tmp_path).get(yard_url(uri)).text
    assert "No list was held against these reads" in text
    assert PageStage(tmp_path).get(view_url("yard.csv", dataset=uri)).status_code == 404
    assert "Nobody has looked at any of these reads" in PageStage(tmp_path).get(accuracy_url(uri)).text


def test_a_dataset_with_a_reconciliation_is_the_one_that_is_shown(stage: tuple[PageStage, str], tmp_path: Path) -> None:
    page, _ = stage
    page.note(dataset=str(tmp_path / "aaa"))

    assert "2026-03-03" in page.get("yard").text


def test_a_file_has_each_image_by_its_own_name_and_no_signature(tmp_path: Path) -> None:
    uri = PageStage(tmp_path).note()
    row = dict.fromkeys(reconciliation_schema().names)
    signed = "https://cdn.example/get?id=2&sig=0123456789abcdef0123456789"
    names = ["https://cdn.example/get?id=1", signed, "/yard/a.jpg"]
    rows = [row | {"status": "matched", "about": "unit", "code": "7", "images": names}, row | {"status": "missing"}]
    table = pa.Table.from_pylist(rows, schema=reconciliation_schema())
    write_parquet(table, local_place(f"{uri}_reconciliations/date=2026-03-01/reconciliation-a.parquet"))

    text = PageStage(tmp_path).get(view_url("yard.csv", dataset=uri)).content.decode("utf-8-sig")

    served = [row["images"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert served == ["https://cdn.example/get?id=1; https://cdn.example/get; /yard/a.jpg", ""]


def test_what_stands_in_a_list_is_text(tmp_path: Path) -> None:
    search = SearchStage.local(tmp_path / "yard")
    night(search, 1)
    reconcile(search, 1, expected=[{"code": EVIL, EVIL: EVIL}, {"code": "=1+1", EVIL: "https://u:p@h/x?sig=secret"}])
    page = PageStage(tmp_path)
    uri = page.note(dataset=search.dataset.uri)

    html = page.get(yard_url(uri, status="missing")).text

    assert EVIL not in html
    assert unescape(html).count(EVIL) >= 2
    assert "secret" not in html
    served = page.get(view_url("yard.csv", dataset=uri)).text
    assert "'=1+1" in served
    assert "secret" not in served
    report = (tmp_path / "yard" / "table_reports" / "nightly__01.html").read_text()
    assert EVIL not in report
    assert "sig=secret" not in report


@pytest.mark.slow
def test_a_browser_finds_no_fault_with_it_however_wide_and_dark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    search = SearchStage.local(tmp_path / "yard")
    night(search, 1)
    night(search, 2, ("fleet_trailer_16.jpg",))
    for day in (1, 2):
        reconcile(search, day, expected=["1WHEYKVM4G9DW8655", "535913", "535914", MISREAD, "4711"])
    search.correct("01-vin_plate_01.jpg", "1WHEYKVM4G9DW8656")
    stage = PageStage(tmp_path, clock=FakeClock())
    stage.note(dataset=search.dataset.uri)

    with chromium() as browser, served(stage) as url:
        browser.headers(**{"x-user": "ann", "x-reads": "*"})
        for view in ("yard", "accuracy?days=400"):
            for theme, width in (("light", 1180), ("dark", 375)):
                browser.prefer(theme)
                browser.size(width)
                browser.open(url + view)
                browser.wait("document.querySelectorAll('table').length")
                assert browser.faults() == [], view
                assert not browser.is_wider_than_its_window, (view, width)
        assert {each.split("/")[2] for each in browser.requests if "://" in each} == {url.split("/")[2]}


def test_how_sure_the_codes_are_is_said_by_what_persons_decided(tmp_path: Path) -> None:
    search = SearchStage.local(tmp_path / "yard")
    night(search, 1)
    search.correct("01-vin_plate_01.jpg", "1WHEYKVM4G9DW8656")
    search.correct("01-vin_plate_05.jpg", kind="accept")
    page = PageStage(tmp_path, clock=FakeClock())
    uri = page.note(dataset=search.dataset.uri)

    html = page.get(f"{accuracy_url(uri)}&days=400&target=5").text

    text = " ".join(unescape(html).split())
    assert "2 codes" in text
    assert "(9 to 91 %; 1)" in text
    assert '<option value="400" selected>' in html
    assert '<option value="5" selected>' in html
    assert "how sure the codes are" in page.get("review").text
