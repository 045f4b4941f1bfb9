"""Manifests as real programs write them: pandas, pyarrow, DuckDB, Excel, Spark's forms, a Mac."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import warnings
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from support.manifests import own, planned, problems, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NIGHT = datetime(2026, 3, 1, 22, 15, tzinfo=UTC)
NAIVE = NIGHT.replace(tzinfo=None)
FRAME = pd.DataFrame(
    {
        "image": ["a.jpg", "b.jpg", 'c, "d".jpg'],
        "camera_id": [7, None, 9],
        "timestamp": pd.Series([NIGHT, None, NIGHT], dtype="datetime64[us, UTC]"),
        "unit": ["T-1", "T-2", None],
    }
)  # fmt: skip
"""As a notebook has it: the gap makes floats of the cameras' numbers."""


def to_json(path: Path, **how: Any) -> None:
    """As pandas writes times where nobody says otherwise, which it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        FRAME.to_json(path, orient="records", **how)


def to_duckdb(path: Path, options: str) -> None:
    duckdb.sql(f"COPY (SELECT * FROM FRAME) TO '{path}' ({options})")  # noqa: S608  # a file of this test


WRITERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "pandas csv": ("m.csv", FRAME.to_csv),
    "pandas csv without index": ("m.csv", lambda path: FRAME.to_csv(path, index=False)),
    "pandas csv, semicolons": ("m.csv", lambda path: FRAME.to_csv(path, sep=";", index=False)),
    "pandas csv, tabs": ("m.csv", lambda path: FRAME.to_csv(path, sep="\t", index=False)),
    "pandas csv, bars": ("m.csv", lambda path: FRAME.to_csv(path, sep="|", index=False)),
    "pandas tsv": ("m.tsv", lambda path: FRAME.to_csv(path, sep="\t", index=False)),
    "pandas tsv that has commas": ("m.tsv", lambda path: FRAME.to_csv(path, index=False)),
    "pandas csv, all quoted": ("m.csv", lambda path: FRAME.to_csv(path, index=False, quoting=csv.QUOTE_ALL)),
    "pandas csv, numbers not": ("m.csv", lambda path: FRAME.to_csv(path, quoting=csv.QUOTE_NONNUMERIC)),
    "pandas csv, NULL": ("m.csv", lambda path: FRAME.to_csv(path, na_rep="NULL")),
    "pandas csv, nan": ("m.csv", lambda path: FRAME.to_csv(path, na_rep="nan")),
    "pandas csv, \\N": ("m.csv", lambda path: FRAME.to_csv(path, na_rep="\\N")),
    "pandas csv, Mac": ("m.csv", lambda path: FRAME.to_csv(path, lineterminator="\r")),
    "pandas csv, Windows": ("m.csv", lambda path: FRAME.to_csv(path, lineterminator="\r\n")),
    "pandas csv with mark": ("m.csv", lambda path: FRAME.to_csv(path, encoding="utf-8-sig")),
    "pandas csv.gz": ("m.csv.gz", FRAME.to_csv),
    "pandas CSV.GZ": ("M.CSV.GZ", lambda path: FRAME.to_csv(path, compression="gzip")),
    "pandas csv.GZ": ("m.csv.GZ", lambda path: FRAME.to_csv(path, compression="gzip")),
    "pandas csv.bz2": ("m.csv.bz2", FRAME.to_csv),
    "pandas csv.zip": ("m.csv.zip", FRAME.to_csv),
    "pandas csv.xz": ("m.csv.xz", FRAME.to_csv),
    "pandas json lines": ("m.jsonl", lambda path: to_json(path, lines=True)),
    "pandas json lines .json": ("m.json", lambda path: to_json(path, lines=True)),
    "pandas json, ISO": ("m.json", lambda path: FRAME.to_json(path, orient="records", date_format="iso")),
    "pandas json": ("m.json", to_json),
    "pandas json, indented": ("m.json", lambda path: to_json(path, indent=2)),
    "pandas array in .jsonl": ("m.jsonl", to_json),
    "pandas array in .jsonl, indented": ("m.jsonl", lambda path: to_json(path, indent=1)),
    "pandas array.json.gz": ("m.json.gz", to_json),
    "pandas parquet": ("m.parquet", FRAME.to_parquet),
    "pandas PARQUET": ("M.PARQUET", FRAME.to_parquet),
    "pandas parquet, Spark's times": (
        "m.parquet",
        lambda path: FRAME.assign(timestamp=FRAME.timestamp.dt.tz_localize(None)).to_parquet(
            path, use_deprecated_int96_timestamps=True
        ),
    ),
    "pandas parquet, categories": ("m.parquet", lambda path: FRAME.astype({"unit": "category"}).to_parquet(path)),
    "duckdb csv": ("m.csv", lambda path: to_duckdb(path, "FORMAT csv")),
    "duckdb csv, bars": ("m.csv", lambda path: to_duckdb(path, "FORMAT csv, DELIMITER '|'")),
    "duckdb csv.gz": ("m.csv.gz", lambda path: to_duckdb(path, "FORMAT csv, COMPRESSION gzip")),
    "duckdb csv.zst": ("m.csv.zst", lambda path: to_duckdb(path, "FORMAT csv, COMPRESSION zstd")),
    "duckdb csv.ZST": ("m.csv.ZST", lambda path: to_duckdb(path, "FORMAT csv, COMPRESSION zstd")),
    "duckdb json": ("m.json", lambda path: to_duckdb(path, "FORMAT json")),
    "duckdb json array": ("m.json", lambda path: to_duckdb(path, "FORMAT json, ARRAY true")),
    "duckdb json.zst": ("m.json.zst", lambda path: to_duckdb(path, "FORMAT json, COMPRESSION zstd")),
    "duckdb parquet": ("m.parquet", lambda path: to_duckdb(path, "FORMAT parquet")),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_whoever_wrote_it_the_same_images_are_planned(tmp_path: Path, name: str) -> None:
    file, write = WRITERS[name]
    write(tmp_path / file)

    found = planned(tmp_path / file, timezone="UTC", manifest_columns=["unit"])

    assert [(item.row, item.image.removeprefix(f"{tmp_path}/"), item.camera_id, item.timestamp) for item in found] == [
        (1, "a.jpg", "7", "2026-03-01T22:15:00Z"),
        (2, "b.jpg", None, None),
        (3, 'c, "d".jpg', "9", "2026-03-01T22:15:00Z"),
    ]
    assert [own(item)["unit"] in {"T-1", "T-2", None, "NULL", "nan", "\\N"} for item in found] == [True] * 3


EXCEL_ROWS = "image{d}type{d}camera_id\r\na.jpg{d}vin{d}7\r\nb.jpg{d}VIN{d}\r\n"


@pytest.mark.parametrize(
    "content",
    [
        EXCEL_ROWS.format(d=","),
        EXCEL_ROWS.format(d=";"),
        EXCEL_ROWS.format(d="\t"),
        "sep=;\r\n" + EXCEL_ROWS.format(d=";"),
        "\ufeffsep=;\r\n" + EXCEL_ROWS.format(d=";"),
        "sep=,\r\n" + EXCEL_ROWS.format(d=","),
        "sep=\t\r\n" + EXCEL_ROWS.format(d="\t"),
        "sep=\\t\r\n" + EXCEL_ROWS.format(d="\t"),
        "sep=;;;\r\n" + EXCEL_ROWS.format(d=";"),
        '"sep=;"\r\n' + EXCEL_ROWS.format(d=";"),
        "SEP=^\r\n" + EXCEL_ROWS.format(d="^"),
        EXCEL_ROWS.format(d=",").replace("\r\n", "\r"),  # "CSV (Macintosh)"
        EXCEL_ROWS.format(d=";").replace("\r\n", "\r"),
        EXCEL_ROWS.format(d=",").replace("\r\n", ",,\r\n"),  # empty columns at the right
        EXCEL_ROWS.format(d=",").replace("7\r\n", "7,,\r\n").replace("VIN,\r\n", "VIN,,,,\r\n"),  # in the rows alone
        EXCEL_ROWS.format(d=",").replace("camera_id\r\n", "camera_id,,\r\n"),  # in the header alone
        EXCEL_ROWS.format(d=",") + ",,\r\n,,\r\n",  # rows that somebody emptied
        EXCEL_ROWS.format(d=";") + ' ; ; \r\n"";"";""\r\n',
        EXCEL_ROWS.format(d=",").replace("camera_id", " Camera_ID ").replace("image", "IMAGE"),
        EXCEL_ROWS.format(d=",").replace("VIN", " Vin "),
        EXCEL_ROWS.format(d=",").replace("7", "7.0"),
        EXCEL_ROWS.format(d=",").replace("7", " 7.00 "),
    ],
)
def test_what_excel_makes_of_a_table_is_that_table(tmp_path: Path, content: str) -> None:
    found = planned(tmp_path / "m.csv", content)

    assert [(item.row, item.image_name, item.type, item.camera_id) for item in found] == [
        (1, "a.jpg", "vin", "7"),
        (2, "b.jpg", "vin", None),
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_of_files_that_were_put_together_the_header_of_the_next_one_is_no_image(tmp_path: Path, mark: str) -> None:
    file = mark + EXCEL_ROWS.format(d=",")

    found = planned(tmp_path / "m.csv", file + file.replace(".jpg", ".png"))

    assert [(item.row, item.image_name) for item in found] == [(1, "a.jpg"), (2, "b.jpg"), (4, "a.png"), (5, "b.png")]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("7.0", "7"),
        ("-7.0", "-7"),
        ("7.5", "7.5"),
        ("7.05", "7.05"),
        ("007", "007"),
        ("10.0.0.7", "10.0.0.7"),
        ("v7.0", "v7.0"),
        ("gate .0", "gate .0"),
        ("NaN", None),
        ("nan", None),
        ("NULL", None),
        ("None", None),
        ("<NA>", None),
        ("#N/A", None),
        ("\\N", None),
        ("NA", "NA"),
        ("0", "0"),
    ],
)
def test_a_number_in_a_csv_is_a_name_and_a_word_for_nothing_is_nothing(
    tmp_path: Path, said: str, meant: str | None
) -> None:
    (found,) = planned(tmp_path / "m.csv", f"image,camera_id\na.jpg,{said}\n")

    assert found.camera_id == meant


def test_text_that_looks_like_a_number_stays_as_it_is_where_types_are_known(tmp_path: Path) -> None:
    (found,) = planned(tmp_path / "m.jsonl", '{"image": "a.jpg", "camera_id": "7.0"}')

    assert found.camera_id == "7.0"


def test_what_an_image_is_known_by_stays_as_it_is_written(tmp_path: Path) -> None:
    """Another spelling would be another image, and an upload_url would be paid for again."""
    (found,) = planned(tmp_path / "m.csv", "image,image_version,image_id\na.jpg,NULL,7.0\n")

    assert (found.image_version, found.image) == ("NULL", "7.0")


@pytest.mark.parametrize("line", ['"a \\"b\\".jpg","x"', '"a ""b"".jpg","x"'])
def test_quotes_within_quotes_are_doubled_or_as_spark_has_them(tmp_path: Path, line: str) -> None:
    (found,) = planned(tmp_path / "m.csv", f"image,note\n{line}\n")

    assert found.image_name == 'a "b".jpg'


def test_a_csv_of_which_only_the_data_has_quotes_or_delimiters_in_names(tmp_path: Path) -> None:
    (found,) = planned(tmp_path / "m.csv", 'image;"note, with a comma"\n"a;1.jpg";x\n')

    assert found.image_name == "a;1.jpg"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
def test_case_and_blanks_of_columns_mean_nothing_in_any_format(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({" Image ": ["a.jpg"], "CAMERA_ID": ["c"], "\ufeffType": ["Trailer_ID"], "Gate": ["g"]})
    path = tmp_path / f"m.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=kind == "jsonl")

    (found,) = planned(path, manifest_columns=["gate"])

    assert (found.image_name, found.camera_id, found.type, own(found)) == ("a.jpg", "c", "trailer_id", {"gate": "g"})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([7, None], pa.int64()),
        pa.array([7.0, None], pa.float64()),
        pa.array([7.0, float("nan")], pa.float32()),
        pa.array([Decimal("7.00"), None], pa.decimal128(10, 2)),
        pa.array(["7", "nan"]),
        pa.array(["7", "None"]).dictionary_encode(),
        pa.array([b"7", None]),
        pa.array([b"7", None], pa.binary(1)),
        pa.array(["7", None], pa.string_view()),
        pa.array(["7", ""], pa.large_string()),
    ],
    ids=lambda values: str(values.type),
)
def test_a_camera_of_any_type_is_its_name(tmp_path: Path, values: pa.Array) -> None:
    try:
        pq.write_table(pa.table({"image": ["a.jpg", "b.jpg"], "camera_id": values}), tmp_path / "m.parquet")
    except pa.ArrowNotImplementedError as error:
        pytest.skip(f"pyarrow {pa.__version__}: {error}")

    assert [item.camera_id for item in planned(tmp_path / "m.parquet")] == ["7", None]


TIMES = [
    (pa.array([NIGHT], pa.timestamp("ns", "UTC")), "2026-03-01T22:15:00Z"),
    (pa.array([NIGHT], pa.timestamp("s", "Europe/Berlin")), "2026-03-01T22:15:00Z"),
    (pa.array([NIGHT], pa.timestamp("ms", "+02:00")), "2026-03-01T22:15:00Z"),
    (pa.array([NIGHT], pa.timestamp("us", "No/Where")), "2026-03-01T22:15:00Z"),
    (pa.array([NAIVE], pa.timestamp("us")), "2026-03-01T21:15:00Z"),
    (pa.array([NAIVE], pa.timestamp("ns")).dictionary_encode(), "2026-03-01T21:15:00Z"),
    (pa.array([date(2026, 3, 1)], pa.date32()), "2026-02-28T23:00:00Z"),
    (pa.array([date(2026, 3, 1)], pa.date64()), "2026-02-28T23:00:00Z"),
    (pa.array([1772403300]), "2026-03-01T22:15:00Z"),
    (pa.array([1772403300250.0]), "2026-03-01T22:15:00.250000Z"),
    (pa.array([Decimal("1772403300.25")]), "2026-03-01T22:15:00.250000Z"),
    (pa.array(["2026-03-01 22:15"]), "2026-03-01T21:15:00Z"),
    (pa.array([None], pa.timestamp("us")), None),
    (pa.array([2**62], pa.timestamp("us", "UTC")), None),  # the year 148,107
    (pa.array([-(2**62)], pa.timestamp("ms")), None),
    (pa.array([2**50], pa.timestamp("s", "UTC")), None),
    (pa.array([2**30], pa.date32()), None),
    (pa.array([5], pa.time64("us")), None),
    (pa.array([5], pa.duration("ns")), None),
    (pa.array([True]), None),
    (pa.array([[1, 2]]), None),
]


@pytest.mark.parametrize(("values", "said"), TIMES, ids=[f"{values.type} {said}" for values, said in TIMES])
def test_a_typed_time_is_understood_or_null_and_never_keeps_an_image_from_being_read(
    tmp_path: Path, values: pa.Array, said: str | None
) -> None:
    pq.write_table(pa.table({"image": ["a.jpg"], "timestamp": values}), tmp_path / "m.parquet")

    (found,) = planned(tmp_path / "m.parquet", timezone="Europe/Berlin")

    assert found.timestamp == said


@pytest.mark.parametrize("year", [1, 1677, 2262, 9999])
def test_spark_writes_times_of_any_year(tmp_path: Path, year: int) -> None:
    """As nanoseconds, which INT96 is otherwise read as, only those from 1677 to 2262 exist."""
    values = pa.array([datetime(year, 6, 1, 12)], pa.timestamp("us"))  # noqa: DTZ001  # INT96 has no zone to say
    table = pa.table({"image": ["a.jpg"], "timestamp": values})
    pq.write_table(table, tmp_path / "m.parquet", use_deprecated_int96_timestamps=True)
    if pq.read_table(tmp_path / "m.parquet", coerce_int96_timestamp_unit="us") != table:
        pytest.skip(f"pyarrow {pa.__version__} writes another year")

    (found,) = planned(tmp_path / "m.parquet", timezone="Europe/Berlin")

    assert found.timestamp == f"{year:04d}-06-01T12:00:00Z"


def test_bytes_that_are_no_text_spoil_their_row_alone_in_parquet_as_well(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": pa.array([b"a.jpg", b"M\xfcnchen.jpg", None])}), tmp_path / "m.parquet")
    broken = pa.array([b"a.jpg", b"M\xfcnchen.jpg"])
    text = pa.Array.from_buffers(pa.string(), 2, broken.buffers())
    pq.write_table(pa.table({"image": text}), tmp_path / "n.parquet")

    assert problems(rows(tmp_path / "m.parquet"))[0] == (
        2,
        "image holds bytes that are no text (UTF-8). Rename the file.",
    )
    assert problems(rows(tmp_path / "n.parquet")) == [
        (2, "image holds bytes that are no text (UTF-8). Rename the file.")
    ]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "gz in two": lambda data: gzip.compress(data[:500_000]) + gzip.compress(data[500_000:]),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "zst in two": lambda data: (
        pa.compress(data[:9], "zstd", asbytes=True) + pa.compress(data[9:], "zstd", asbytes=True)
    ),
}


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("named", [True, False])
def test_packed_text_is_unpacked_whatever_it_is_called(tmp_path: Path, how: str, *, named: bool) -> None:
    """Object stores hand out files with a Content-Encoding as they were uploaded, under their plain names."""
    data = PACKED[how](b"image\n" + b"".join(b"%050d.jpg\n" % number for number in range(20_000)))

    found = rows(tmp_path / f"m.csv{f'.{how.split(maxsplit=1)[0].upper()}' * named}", data)

    assert [item.row for item in found] == list(range(1, 20_001))
    assert found[-1].image == f"{tmp_path}/{19_999:050}.jpg"


def test_an_archive_as_a_mac_makes_it_holds_one_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.csv.zip", "w") as archive:
        archive.mkdir("lists")
        archive.writestr("lists/m.csv", "image\na.jpg\n")
        archive.writestr("__MACOSX/lists/._m.csv", b"\0\0")
    with zipfile.ZipFile(tmp_path / "n.csv.zip", "w") as archive:
        archive.writestr("a.csv", "image\n")
        archive.writestr("b.csv", "image\n")

    assert [item.image_name for item in planned(tmp_path / "m.csv.zip")] == ["a.jpg"]
    with pytest.raises(OCRManifestError, match=r"n\.csv\.zip is not a whole zip file \(it holds 2 files"):
        rows(tmp_path / "n.csv.zip")


def test_a_line_that_looks_like_a_comment_is_a_name_and_said_to_be_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert [item.image_name for item in planned(tmp_path / "m.txt", "# my list\na.jpg\n")] == ["# my list", "a.jpg"]
    assert "1 row has a name that begins with #, such as '# my list'. A list has no comments" in caplog.text


def test_a_list_whose_first_name_begins_as_a_packed_file_does_is_a_list(tmp_path: Path) -> None:
    assert [item.image_name for item in planned(tmp_path / "m.txt", "BZh9.jpg\n")] == ["BZh9.jpg"]
