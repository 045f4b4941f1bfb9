"""Lines out of bytes: bounded, and never ended by one that is bad."""

from __future__ import annotations

import codecs
import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
from airflow_provider_platerec_ocr.dataset.layout import lines
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, data: bytes) -> list[tuple[str | None, str]]:
    path.write_bytes(data)
    return list(lines.read_lines(local_place(path)))


@pytest.mark.parametrize("data", [b"a\nb\n", b"a\nb", "\ufeffa\nb\n".encode(), "\ufeffa\n\ufeffb\n".encode()])
def test_lines_come_without_their_end_and_without_a_byte_order_mark(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "x.txt", data) == [("a", ""), ("b", "")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False])
def test_a_line_ends_as_any_machine_ends_it(tmp_path: Path, end: bytes, *, last: bool) -> None:
    """Also where a file is larger than what is read at a time, and where its pieces part an end."""
    texts = ["x" * (number % 97) for number in range(20_000)] + ["z"]

    found = read(tmp_path / "x.txt", end.join(text.encode() for text in texts) + end * last)

    assert [text for text, _ in found] == texts


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read(tmp_path / "x.txt", b"") == []


def test_a_line_that_is_not_utf8_is_reported_and_the_next_one_is_read(tmp_path: Path) -> None:
    found = read(tmp_path / "x.txt", b"a\nM\xfcnchen\nc\xc3\xa9\n")

    assert found == [("a", ""), (None, "is not UTF-8 (byte 0xfc at position 2)"), ("cé", "")]


def test_a_line_with_a_nul_byte_is_reported(tmp_path: Path) -> None:
    assert read(tmp_path / "x.txt", b"a\nb\0c\nd\n") == [("a", ""), (None, "holds a NUL byte"), ("d", "")]


@pytest.mark.parametrize("length", [1_000_001, 1_250_000, 10_000_000])
@pytest.mark.parametrize("end", [b"\nz\n", b"\n", b""])
def test_a_line_over_a_megabyte_is_one_bad_line(tmp_path: Path, length: int, end: bytes) -> None:
    found = read(tmp_path / "x.txt", b"a\n" + b"x" * length + end)

    assert found == [("a", ""), (None, "is longer than 1,000,000 bytes"), *([("z", "")] if b"z" in end else [])]


def test_a_line_of_just_a_megabyte_is_fine(tmp_path: Path) -> None:
    found = read(tmp_path / "x.txt", b"x" * 1_000_000 + b"\ny\n")

    assert [len(text or "") for text, _ in found] == [1_000_000, 1]


def test_two_long_lines_in_a_row_are_two_bad_lines(tmp_path: Path) -> None:
    found = read(tmp_path / "x.txt", b"x" * 2_000_000 + b"\n" + b"y" * 2_000_000 + b"\nz")

    assert [text for text, _ in found] == [None, None, "z"]


def test_a_long_line_is_never_whole_in_memory(tmp_path: Path) -> None:
    class Endless:
        """Hands out one line of 3 GB in pieces."""

        def __init__(self) -> None:
            self.pieces = 12_000
            self.piece = b"x" * lines.PIECE_BYTES

        def read(self, size: int) -> bytes:
            assert size == lines.PIECE_BYTES
            self.pieces -= 1
            return self.piece if self.pieces > 0 else b""

    found = list(lines._lines(Endless(), local_place(tmp_path / "x.txt")))  # noqa: SLF001  # 3 GB on disk are no test

    assert found == [(None, "is longer than 1,000,000 bytes")]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE])
def test_utf16_and_utf32_are_refused_by_name(tmp_path: Path, mark: bytes) -> None:
    with pytest.raises(OCRManifestError, match=r"x\.txt is written in UTF-(16|32)\. Save it as UTF-8"):
        read(tmp_path / "x.txt", mark + b"a\0\n\0")


def test_gzip_is_unpacked_on_the_way(tmp_path: Path) -> None:
    assert read(tmp_path / "x.txt.gz", gzip.compress(b"a\nb\n")) == [("a", ""), ("b", "")]


@pytest.mark.parametrize(
    "data", [b"no gzip", gzip.compress(b"a\n" * 5000, mtime=0)[:-12], b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff"]
)
def test_a_broken_gzip_file_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(OCRManifestError, match=r"x\.txt\.gz is not a whole gzip file"):
        read(tmp_path / "x.txt.gz", data)


@given(pieces=st.lists(st.binary(max_size=6), max_size=8), size=st.integers(1, 5))
def test_any_bytes_give_as_many_lines_however_they_are_cut(pieces: list[bytes], size: int) -> None:
    data = b"\n".join(piece.replace(b"\n", b"\r") for piece in pieces)

    class File:
        at = 0

        def read(self, _: int) -> bytes:
            self.at += size
            return data[self.at - size : self.at]

    whole = data.removeprefix(codecs.BOM_UTF8)
    wanted = re.split(rb"\r\n|\r|\n", whole)
    if not wanted[-1]:
        wanted.pop()
    if any(data.startswith(mark) for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8[:size])):
        return
    assert len(list(lines._lines(File(), local_place("x")))) == len(wanted)  # noqa: SLF001  # cut anywhere


def test_values_come_back_from_their_line() -> None:
    image = PlannedImage(7, 'a "quoted" näme\n.jpg', "vin", None, "https://x/y", signed=True, camera_id="c")
    outcome = Outcome(7, "a", "vin", "read", answer='{"a": "b"}', calls_billed=2, from_ledger=True)

    assert PlannedImage.from_json(json.loads(lines.to_line(image))) == image
    assert Outcome.from_json(json.loads(lines.to_line(outcome))) == outcome
    assert lines.to_line(image).count("\n") == 1


def test_numbers_and_other_values_have_their_json_form() -> None:
    class Odd:
        __slots__ = ("flag", "list", "nothing", "number", "share")

    odd = Odd()
    odd.flag, odd.list, odd.nothing, odd.number, odd.share = False, [1], None, 3, 0.5  # type: ignore[attr-defined]

    assert json.loads(lines.to_line(odd)) == {"flag": False, "list": [1], "number": 3, "share": 0.5}
