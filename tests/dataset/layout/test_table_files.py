"""A file of the table that cannot be opened: what is the store's fault, and what the file's."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout import table_files
from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "fault", [TimeoutError("timed out"), ConnectionResetError("reset"), OSError(errno.EIO, "InternalError (500)")]
)
def test_a_store_that_hiccups_leaves_the_file_as_it_is(tmp_path: Path, fault: OSError) -> None:
    """Not to be moved away, and tried again."""

    class Failing(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        def open(self, *given: Any, **how: Any) -> Any:
            file = super().open(*given, **how)

            def read(_: int = -1) -> bytes:
                raise fault

            file.read = read
            return file

    (tmp_path / "a.parquet").write_bytes(b"PAR1" * 100)
    place = StoragePath(Failing(skip_instance_cache=True), str(tmp_path / "a.parquet"), "file")

    with pytest.raises(type(fault)), table_files.opened(place):
        pass


def test_content_that_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 20 + b"\xff\x00\x00\x00PAR1")
    place = StoragePath(LocalFileSystem(), str(tmp_path / "a.parquet"), "file")

    with pytest.raises(OCRDatasetError, match=r"a\.parquet cannot be read as Parquet"), table_files.opened(place):
        pass
