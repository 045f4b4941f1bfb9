from __future__ import annotations

import csv
import html
import io
import re
import sys
import zipfile
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.search.spreadsheet import csv_of, xlsx_of

XML = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NAMES = ["code", "confidence", "ok", "day", "at", "empty"]
MOMENT = datetime(2026, 3, 1, 22, 15, tzinfo=UTC)
ROW: dict[str, Any] = {"code": 'A,"b"\n1', "confidence": 0.8, "ok": True, "day": date(2026, 3, 1), "at": MOMENT}
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", "%0A=1", "\uff1d1", "\n=1"]


def written(names: list[str], rows: list[dict[str, Any]]) -> list[list[str]]:
    text = b"".join(csv_of(names, rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_csv_has_a_mark_for_excel_and_values_that_programs_understand() -> None:
    data = b"".join(csv_of(NAMES, [ROW]))

    assert data.startswith(b"\xef\xbb\xbfcode,confidence,")
    assert data.endswith(b"\r\n")
    assert written(NAMES, [ROW])[1] == ['A,"b"\n1', "0.8", "true", "2026-03-01", "2026-03-01T22:15:00Z", ""]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_can_become_a_formula(text: str) -> None:
    assert written(["code"], [{"code": text}])[1] == [f"'{text}"]


def test_no_head_of_a_csv_can_either() -> None:
    assert written(["=1+1", "code"], [])[0] == ["'=1+1", "code"]


def test_a_negative_number_is_a_number() -> None:
    assert written(["n"], [{"n": -1}, {"n": -0.5}])[1:] == [["-1"], ["-0.5"]]


def test_what_no_file_can_hold_is_left_out() -> None:
    assert written(["code"], [{"code": "a\0b\ud800"}, {"code": ["x"]}])[1:] == [["ab?"], ['["x"]']]


def test_a_long_csv_comes_bit_by_bit() -> None:
    bits = list(csv_of(["code"], [{"code": "x" * 1000}] * 200))

    assert len(bits) > 2
    assert b"".join(bits).count(b"x" * 1000) == 200


def cells(data: bytes) -> list[tuple[str, str]]:
    """Kind and value of each cell: ``s`` for a text, ``b`` for a boolean, nothing for a number or a time."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        shared = archive.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    texts = [html.unescape(text) for text in re.findall(r"<si><t[^>]*>(.*?)</t></si>", shared, flags=re.DOTALL)]
    found = re.findall(r'<c r="[A-Z0-9]+"(?: s="\d+")?(?: t="(\w)")?><v>(.*?)</v>', sheet)
    return [(kind, texts[int(value)] if kind == "s" else value) for kind, value in found]


def test_an_excel_file_has_numbers_times_and_texts() -> None:
    never = datetime(1, 1, 1, tzinfo=UTC)
    found = cells(xlsx_of(NAMES, [ROW, {"code": "x" * 40_000, "confidence": float("nan"), "at": never}]))

    assert found[: len(NAMES)] == [("s", name) for name in NAMES]
    assert found[len(NAMES) :] == [
        ("s", 'A,"b"\n1'),
        ("", "0.8"),
        ("b", "1"),
        ("", "46082"),
        ("", "46082.92708333334"),
        ("s", "x" * 32_767),
        ("s", "nan"),
        ("s", "0001-01-01T00:00:00Z"),
    ]


@pytest.mark.parametrize("text", [*FORMULAS, "http://example.com/x", "{=1}", "<b>&amp;"])
def test_a_text_in_an_excel_file_is_a_text(text: str) -> None:
    assert cells(xlsx_of(["code"], [{"code": text}])) == [("s", "code"), ("s", text.replace("\r", "_x000D_"))]


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(OCRConfigError, match=r"pip install 'airflow-provider-platerec-ocr\[excel\]'"):
        xlsx_of(["code"], [])


def part(data: bytes, name: str) -> ET.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return ET.fromstring(archive.read(f"xl/{name}.xml"))  # noqa: S314  # our own file


def shown(data: bytes) -> list[tuple[str, str, str]]:
    """Place, form and value of each cell of the sheet, whether its text is shared or its own."""
    shared = ["".join(item.itertext()) for item in part(data, "sharedStrings")]
    styles = part(data, "styles")
    forms = {each.get("numFmtId"): each.get("formatCode", "") for each in styles.iter(f"{XML}numFmt")}
    kinds = [forms.get(each.get("numFmtId"), "") for each in next(styles.iter(f"{XML}cellXfs"))]
    found = []
    for cell in part(data, "worksheets/sheet1").iter(f"{XML}c"):
        text, kind = "".join(cell.itertext()), cell.get("t")
        value = shared[int(text)] if kind == "s" else text
        found.append((cell.get("r", ""), kinds[int(cell.get("s", 0))], value if kind else f"{float(value):.9f}"))
    return found


def test_a_sheet_of_many_rows_is_the_same_but_faster() -> None:
    names = [*NAMES, *(f"column {number}" for number in range(25))]
    never = datetime(1, 1, 1, tzinfo=UTC)
    odd = [
        "a & b < c",
        " in front",
        "tab\t",
        "bell\a",
        "_x0041_",
        "\ufffe",
        "half \ud83d",
        *FORMULAS,
        "x" * 40_000,
        float("nan"),
        2**60,
    ]
    rows = [ROW, {"code": 7, "confidence": -0.5, "ok": False, "at": never}, {}, *({"code": each} for each in odd)]
    rows.append({"column 24": ["a"], "day": date(1800, 1, 1)})

    assert shown(xlsx_of(names, rows, many=True)) == shown(xlsx_of(names, rows))
