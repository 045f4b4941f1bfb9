"""What is wrong with a manifest as a whole: which file, where in it, and whether another try can help."""

from __future__ import annotations

import errno
import gzip
import io
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.manifests import rows

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import Opener

HICCUPS = [
    OSError(errno.EIO, "InternalError: We encountered an internal error (500)"),
    TimeoutError("timed out"),
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    PermissionError(errno.EACCES, "Forbidden"),
    RuntimeError("EndpointConnectionError: whatever a store's own library raises"),
    ValueError("an error without a number"),
]


def store(fault: Exception, *, when: str, after: int = 0) -> Opener:
    """A disk that fails on ``info``, ``open``, ``find``, ``glob`` or on a ``read`` after so many."""

    class Failing(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        left = after

        def hiccup(self, what: str) -> None:
            if what == when:
                type(self).left -= 1
                if type(self).left < 0:
                    raise fault

        def info(self, path: str, **how: Any) -> Any:
            self.hiccup("info")
            return super().info(path, **how)

        def find(self, path: str, **how: Any) -> Any:
            self.hiccup("find")
            return super().find(path, **how)

        def glob(self, path: str, **how: Any) -> Any:
            self.hiccup("glob")
            return super().glob(path, **how)

        def open(self, *given: Any, **how: Any) -> Any:
            self.hiccup("open")
            file = super().open(*given, **how)
            real = file.read

            def read(size: int = -1) -> Any:
                self.hiccup("read")
                return real(size)

            file.read = read
            return file

    fs = Failing(skip_instance_cache=True)
    return lambda text: StoragePath(fs, text.rstrip("/"), "file")


@cache
def content(suffix: str) -> bytes:
    """Return a manifest that takes several reads."""
    if suffix == ".parquet":
        file = io.BytesIO()
        pq.write_table(pa.table({"image": [f"{n}.jpg" for n in range(50_000)]}), file, row_group_size=10_000)
        return file.getvalue()
    text = b"image\n" + b"".join(b"%d.jpg\n" % n for n in range(100_000 if suffix == ".csv" else 200_000))
    if suffix == ".zst":
        return bytes(pa.compress(text, "zstd", asbytes=True))
    return gzip.compress(text) if suffix == ".gz" else text


def write(path: Path) -> Path:
    path.write_bytes(content(path.suffix))
    return path


@pytest.mark.parametrize("fault", HICCUPS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize(("when", "after"), [("info", 0), ("open", 0), ("read", 0), ("read", 1)])
@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz", "m.csv.zst", "m.parquet"])
def test_a_store_that_hiccups_is_no_fault_of_the_manifest(
    tmp_path: Path, name: str, when: str, after: int, fault: Exception
) -> None:
    path = write(tmp_path / name)

    with pytest.raises(OCRManifestError, match=rf"{path} cannot be opened: .*Another try may find it") as caught:
        rows(path, opener=store(fault, when=when, after=after))

    assert not caught.value.permanent
    assert caught.value.__cause__ is fault


@pytest.mark.parametrize(("when", "name"), [("find", "m"), ("glob", "m/*.csv"), ("find", "m.csv")])
def test_a_listing_that_fails_is_none_either(tmp_path: Path, when: str, name: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m.csv").mkdir()

    with pytest.raises(OCRManifestError, match="Another try may find it") as caught:
        rows(tmp_path / name, opener=store(HICCUPS[0], when=when))

    assert not caught.value.permanent


@pytest.mark.parametrize("name", ["m.csv", "yard", "m/*.csv"])
def test_a_manifest_that_is_not_there_may_come(tmp_path: Path, name: str) -> None:
    with pytest.raises(OCRManifestError, match="There is no manifest at") as caught:
        rows(tmp_path / name)

    assert caught.value.missing
    assert not caught.value.permanent


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "none"])
def test_a_damaged_page_is_named_by_its_file_its_row_group_and_its_column(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "m.parquet"
    table = pa.table(
        {"image": [f"{n}-{n * 7919 % 10_007}.jpg" for n in range(30_000)], "camera_id": list(range(30_000))}
    )
    pq.write_table(table, path, row_group_size=10_000, compression=compression, write_page_checksum=True)
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    data = bytearray(path.read_bytes())
    middle = column.data_page_offset + 60
    data[middle : middle + 40] = bytes(each ^ 0xFF for each in data[middle : middle + 40])
    path.write_bytes(data)

    with pytest.raises(OCRManifestError, match=r"m\.parquet cannot be read as a Parquet manifest") as caught:
        rows(path)

    assert "(row group 2 of 3, column camera_id)" in str(caught.value)
    assert caught.value.permanent


@pytest.mark.parametrize("cut", [4, 100, 5_000])
def test_a_cut_or_damaged_footer_names_its_file(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "m.parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    with pytest.raises(OCRManifestError, match=r"m\.parquet cannot be read as a Parquet manifest"):
        rows(path)
    path.write_bytes(data[:-60] + b"\xff" * 40 + data[-20:])
    with pytest.raises(OCRManifestError, match=r"m\.parquet cannot be read as a Parquet manifest"):
        rows(path)


@pytest.mark.parametrize("name", ["m.csv.gz", "m.csv.zst", "m.csv.bz2", "m.csv.xz"])
@pytest.mark.parametrize("content", [b"", b"image\na.jpg\n", b"cut"])
def test_a_file_that_is_not_packed_as_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    if content == b"cut":
        whole = tmp_path / "whole.csv.gz"
        content = write(whole).read_bytes()[:-9] if name.endswith("gz") else b"\x28\xb5\x2f\xfd\x00"
    path = tmp_path / name
    path.write_bytes(content)
    if not content:
        assert rows(path) == []
        return

    with pytest.raises(OCRManifestError, match=r"is not a whole .* file") as caught:
        rows(path)

    assert caught.value.permanent


@pytest.mark.parametrize("content", ['image,"type\na.jpg,vin\n', '"image\nx",type\na.jpg,vin\n'])
def test_an_open_quote_in_a_header_is_an_error_of_its_type(tmp_path: Path, content: str) -> None:
    with pytest.raises(OCRManifestError, match=r"The header of .*m\.csv is not well-formed CSV"):
        rows(tmp_path / "m.csv", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"image": "a.jpg"}, {"image": ', "after value 1 of it"),
        ('[{"image": "a.jpg"}', "after value 1 of it: .*"),
        ('[{"image": "a.jpg"} {"image": nope}]', "after value 1 of it"),
        ('{"image": {"0": "a.jpg", "1": "b.jpg"}}', "is one object of columns, not one a row"),
        ('{"columns": ["image"], "data": [["a.jpg"]]}', "has neither a column image nor a column upload_url"),
        ('[{"img": "a.jpg"}]', "Did you mean image"),
        ('[{"image": "a.jpg"}]\n[{"image": "b.jpg"}]', "something follows after the end of its array"),
        ('[{"image": "a.jpg"}]' + " " * 600_000 + "x", "something follows after the end of its array"),
        ("nope", "is not well-formed JSON"),
        ('{\n "image": "a.jpg"\n', "is not well-formed JSON"),
        ('[{"image": "' + "x" * 2_000_000, "value 1 of it does not end"),
        ("[" * 100_000, "is not well-formed JSON"),
    ],
)
def test_json_that_is_no_manifest_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(OCRManifestError, match=message) as caught:
        rows(tmp_path / "m.json", content)

    assert "m.json" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["m.csv", "m.json", "m.txt", "m.jsonl"])
def test_another_encoding_is_named(tmp_path: Path, name: str, encoding: str) -> None:
    mark = b"\xfe\xff" if encoding.endswith("be") else b""

    with pytest.raises(OCRManifestError, match="is written in UTF-"):
        rows(tmp_path / name, mark + '[{"image": "a.jpg"}]'.encode(encoding))
