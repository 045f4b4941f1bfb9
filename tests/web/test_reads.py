"""The view Reads over a table that the product itself has published, with real photographs."""

from __future__ import annotations

import csv
import io
import shutil
import sys
import zipfile
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.page_urls import image_url, reads_url, view_url
from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.web.reads import LAST_PAGE, page_number
from support.clock import FakeClock
from support.page_stage import PageStage
from support.search_stage import BAD_VIN, SearchStage, Shot, files
from support.stores import local_place
from support.table_stage import VIN

SAMPLES = Path(__file__).parents[2] / "dags" / "sample_images"
PHOTO, TURNED = "vin_plate_01.jpg", "trailer_turned_12.jpg"
EVIL = "<img src=x onerror=alert(1)>{{7*7}}"
ODD_NAME = '"><script>alert(1)<.jpg'
SECRET = "X-Amz-Signature=0123456789abcdef0123"


@dataclass
class ReadsStage:
    """The page over one dataset."""

    page: PageStage
    search: SearchStage
    uri: str

    def get(self, url: str, **more: Any) -> Any:
        return self.page.get(url, **more)

    def reads(self, **filters: Any) -> Any:
        return self.get(reads_url(self.uri, **filters))

    def row(self, name: str) -> dict[str, Any]:
        image = self.search.image(name)
        return next(row for row in self.search.look(limit=100).rows() if row["image"] == image)

    def thumbnail(self, name: str, **more: Any) -> Any:
        row = self.row(name)
        facts = {"fingerprint": row["fingerprint"], "type": row["read_type"], "day": str(row["date"])} | more
        return self.get(view_url("thumbnail", dataset=self.uri, **facts))

    def image(self, name: str) -> Any:
        return self.get(image_url(self.uri, self.search.image(name)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("page") / "yard"
    stage = SearchStage.local(root)
    for name in (PHOTO, TURNED):
        shutil.copy(SAMPLES / name, root / name)
    (root / "broken.jpg").write_bytes((SAMPLES / PHOTO).read_bytes()[:3000])
    stage.night(1, [Shot(PHOTO, camera="gate"), Shot("gone.jpg", (EVIL,)), Shot(ODD_NAME, ("=HYPERLINK(1)",))])
    stage.night(2, [Shot(TURNED, ("x" * 200_000,)), Shot("broken.jpg", ()), Shot("late.jpg", status="failed")])
    stage.night(3, [Shot("two.jpg", (VIN, BAD_VIN), 0.42)])
    stage.correct(PHOTO, "11111111111111111")
    return root


@pytest.fixture
def stage(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadsStage:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    page, search = PageStage(tmp_path), SearchStage.local(made)
    return ReadsStage(page, search, page.note(dataset=search.dataset.uri))


def test_the_newest_reads_are_shown_with_what_persons_said(stage: ReadsStage) -> None:
    page = stage.get("reads")

    assert page.status_code == 200
    text = unescape(page.text)
    assert text.index("two.jpg") < text.index(TURNED) < text.index(PHOTO)
    assert "11111111111111111" in text
    assert "says jane" in text
    assert "7 rows" in text
    assert "check digit does not fit" in text


@pytest.mark.parametrize(
    ("filters", "there", "not_there"),
    [
        ({"code": "1m8gdm9axkp"}, "two.jpg", TURNED),
        ({"check_digit": "failed"}, BAD_VIN, PHOTO),
        ({"camera": "gate"}, PHOTO, "two.jpg"),
        ({"image": "gone"}, "gone.jpg", PHOTO),
        ({"day": "2026-03-02"}, TURNED, PHOTO),
        ({"max_confidence": "50%"}, "two.jpg", PHOTO),
        ({"status": "corrected"}, PHOTO, "two.jpg"),
        ({"code": "nowhere"}, "Nothing fits", "two.jpg"),
        ({"code": ".*"}, "Nothing fits", "two.jpg"),
    ],
)
def test_a_filter_shows_what_fits_and_keeps_what_was_typed(
    stage: ReadsStage, filters: dict[str, str], there: str, not_there: str
) -> None:
    page = stage.reads(**filters)

    assert page.status_code == 200
    assert there in page.text
    assert f">{not_there}<" not in page.text
    for name, value in filters.items():
        assert name == "day" or value in page.text


def test_a_gallery_shows_pictures_of_the_same(stage: ReadsStage) -> None:
    page = stage.reads(view="gallery").text

    assert page.count("<img src=") == 6
    assert 'loading="lazy"' in page
    assert 'name="view" value="gallery"' in page


def test_what_comes_from_photographs_and_names_is_text(stage: ReadsStage) -> None:
    pages = [stage.reads(), stage.reads(view="gallery"), stage.reads(code=EVIL), stage.image("gone.jpg")]
    pages.append(stage.image(ODD_NAME))

    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "49" not in page.text.partition("{{7*7}}")[2][:20]
    assert len(pages[0].text) < 60_000


@pytest.mark.parametrize(
    "query",
    [
        "page=99999999999999999999999999",
        f"page={'9' * 5000}",
        "page=-1&view=<b>",
        "page=x",
        "since=tomorrow&min_confidence=many",
        f"code={'x' * 3000}",
        "code=%00%ff%ed%a0%80",
        "image=../../etc/passwd",
        "code=(((((&camera=[a-",
        "type=../../x",
        "day=2026-02-31",
    ],
)
def test_whatever_stands_in_the_address_is_answered(stage: ReadsStage, query: str) -> None:
    answer = stage.get(f"{reads_url(stage.uri)}&{query}")

    assert answer.status_code == 200
    assert "root:" not in answer.text


def test_a_page_number_is_kept_within_what_can_be_shown() -> None:
    numbers = {text: page_number(text) for text in ("", "0", "1", "17", "x", "-3", str(LAST_PAGE + 1), "9" * 5000, "²")}

    assert list(numbers.values()) == [1, 1, 1, 17, 1, 1, LAST_PAGE, LAST_PAGE, 1]
    assert page_number(str(LAST_PAGE)) == LAST_PAGE


@pytest.mark.parametrize("view", ["reads", "reads.csv", "reads.xlsx", "thumbnail", "image"])
def test_who_may_not_read_the_dag_sees_nothing(stage: ReadsStage, view: str) -> None:
    row = stage.row(PHOTO)
    url = view_url(view, dataset=stage.uri, fingerprint=row["fingerprint"], type="vin", day=str(row["date"]))

    assert stage.get(url, user=None).status_code == 401
    for reads in ("", "another"):
        answer = stage.get(url, reads=reads)
        assert answer.status_code == 403
        assert VIN not in answer.text
    assert stage.get(url, reads="nightly").status_code == 200
    assert stage.get(url.replace("table", "other")).status_code == 404


def test_a_csv_has_what_was_looked_for_and_no_formula(stage: ReadsStage) -> None:
    answer = stage.get(view_url("reads.csv", dataset=stage.uri, until="2026-03-01"))

    assert answer.headers["content-disposition"] == 'attachment; filename="table.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["code"] for row in rows] == ["11111111111111111", EVIL, "'=HYPERLINK(1)"]
    assert (rows[0]["code_as_read"], rows[0]["corrected_by"]) == (VIN, "jane")
    assert rows[2]["filename"] == ODD_NAME.replace('"', "'\"", 0)


def test_an_excel_file_opens_as_one(stage: ReadsStage) -> None:
    answer = stage.get(view_url("reads.xlsx", dataset=stage.uri))

    assert answer.headers["content-type"].startswith("application/vnd.openxmlformats")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        assert "HYPERLINK(1)" in book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_without_its_library_the_page_says_what_to_install(stage: ReadsStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    answer = stage.get(view_url("reads.xlsx", dataset=stage.uri))

    assert answer.status_code == 501
    assert "airflow-provider-platerec-ocr[excel]" in unescape(answer.text)


def test_a_picture_is_small_upright_and_kept(stage: ReadsStage, tmp_path: Path) -> None:
    small, large = stage.thumbnail(TURNED), stage.thumbnail(PHOTO, size="large")

    assert small.headers["content-type"] == large.headers["content-type"] == "image/jpeg"
    assert small.headers["cache-control"].startswith("private")
    sizes = [max(Image.open(io.BytesIO(answer.content)).size) for answer in (small, large)]
    assert sizes[0] == 240 < sizes[1] <= 1200
    assert len(list((tmp_path / "home" / "platerec_ocr" / "thumbnails").iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("gone.jpg", {}, "not there any more"),
        ("broken.jpg", {}, "cannot be shown"),
        (PHOTO, {"day": "2026-03-02"}, "no such read"),
        (PHOTO, {"type": "trailer_id"}, "no such read"),
        (PHOTO, {"type": ""}, "no such read"),
        (PHOTO, {"day": "x"}, "no such read"),
        (PHOTO, {"fingerprint": "0" * 64}, "no such read"),
        (PHOTO, {"fingerprint": "../../../etc/passwd"}, "no such read"),
    ],
)
def test_what_has_no_picture_gets_one_that_says_why(
    stage: ReadsStage, name: str, more: dict[str, str], why: str
) -> None:
    answer = stage.thumbnail(name, **more)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert why in " ".join(answer.text.replace("</text>", " ").split())
    assert str(stage.search.stage.root) not in answer.text


def test_an_image_is_shown_only_from_where_its_manifest_may_name_it(
    stage: ReadsStage, tmp_path: Path, made: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(made, other)
    moved = SearchStage.local(other)
    for file in files(moved.dataset):
        with_column(file, "manifest", "/elsewhere/list.csv")
    row = stage.row(PHOTO)
    facts = {"fingerprint": row["fingerprint"], "type": "vin", "day": str(row["date"])}
    noted = PageStage(other)
    uris = stage.page.note(dataset=moved.dataset.uri), noted.note(dataset=moved.dataset.uri, roots=f"/x\n{made}")

    refused = stage.get(view_url("thumbnail", dataset=uris[0], **facts))
    shown = noted.get(view_url("thumbnail", dataset=uris[1], **facts))

    assert "outside of" in refused.text
    assert shown.headers["content-type"] == "image/jpeg"


def with_column(file: Path, name: str, value: str) -> None:
    """Rewrite a file with one value in all rows of a column."""
    table = pq.ParquetFile(file).read()
    column = pa.array([value] * table.num_rows)
    pq.write_table(table.set_column(table.schema.get_field_index(name), name, column), file)


def test_the_story_of_an_image_goes_from_the_manifest_to_the_correction(stage: ReadsStage) -> None:
    row = stage.row(PHOTO)
    owner = Owner("nightly", "night-01", "ocr.read", 0, 1)
    ledger = Ledger.open(local_place(stage.page.ledger), lease_s=270, clock=FakeClock(), owner=owner)
    claim = ledger.claim("vin", row["fingerprint"], 1, {"image": row["image"], "row": 1})
    assert claim is not None
    ledger.answer(claim, {"results": []}, {"http_status": 200, "elapsed_s": 25.1})

    page = stage.image(PHOTO)

    text = unescape(page.text).partition("Its story")[2]
    steps = [
        "vin-1.csv",
        ".1.claim",
        ".1.answer",
        "took 25.1 s",
        "Answered: no run pays",
        '"results"',
        "runs/night-01",
        "jane",
    ]
    places = [text.rindex(step) for step in steps]
    assert places == sorted(places)
    assert "nightly / night-01 / ocr.read[0], try 1" in text
    assert "--fingerprint" in page.text
    assert "size=large" in page.text


def test_an_image_that_could_not_be_read_has_a_story_too(stage: ReadsStage) -> None:
    page = stage.image("late.jpg")

    assert page.status_code == 200
    assert "image_missing" in page.text
    assert "It has no row in the table." in page.text


def test_an_image_that_nobody_knows_is_not_found(stage: ReadsStage) -> None:
    page = stage.get(image_url(stage.uri, "/etc/passwd"))

    assert page.status_code == 404
    assert "Nothing is known of this image" in page.text
    assert stage.get(image_url(stage.uri, "")).status_code == 404


def test_a_signature_in_an_old_table_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    root = tmp_path / "yard"
    search = SearchStage.local(root)
    search.night(1, [Shot("a.jpg")])
    file = next(files(search.dataset))
    fingerprint = pq.ParquetFile(file).read().column("fingerprint")[0].as_py()
    for name in ("image", "image_name"):
        with_column(file, name, f"https://store.example/a.jpg?{SECRET}")
    page = PageStage(tmp_path)
    stage = ReadsStage(page, search, page.note(dataset=search.dataset.uri))
    facts = {"fingerprint": fingerprint, "type": "vin", "day": "2026-03-01"}
    answers = [
        stage.reads(),
        stage.get(view_url("reads.csv", dataset=stage.uri)),
        stage.get(image_url(stage.uri, "", fingerprint=fingerprint)),
        stage.get(view_url("thumbnail", dataset=stage.uri, **facts)),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [SECRET in answer.text or quote(SECRET) in answer.text for answer in answers] == [False] * 4
    assert "store.example/a.jpg" in answers[1].text
    assert "is not fetched again" in " ".join(answers[3].text.split())


def test_a_dataset_without_rows_says_so(tmp_path: Path) -> None:
    page = PageStage(tmp_path)

    assert "Nothing was planned yet" in page.get("reads").text
    uri = page.note()
    assert "No reads yet" in PageStage(tmp_path).get(reads_url(uri)).text


def test_a_file_that_cannot_be_read_is_said_and_the_rest_is_shown(
    made: Path, tmp_path: Path, stage: ReadsStage
) -> None:
    own = tmp_path / "own"
    shutil.copytree(made, own)
    search = SearchStage.local(own)
    next(files(search.dataset)).write_bytes(b"nothing")
    for file in files(beside(search.dataset, "dead_letters")):
        file.write_bytes(b"nothing")
    uri = stage.page.note(dataset=search.dataset.uri)

    page = stage.get(reads_url(uri))

    assert page.status_code == 200
    assert "cannot be read as Parquet" in page.text
    assert "two.jpg" in page.text
    assert stage.get(image_url(uri, stage.search.image("two.jpg"))).status_code == 200
