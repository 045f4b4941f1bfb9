"""Parquet files that a publication stages, reveals together, and leaves behind byte for byte the same each time.

Rows are written as they come; all files of a publication stay hidden until the last row is in, so a crash in between
leaves the published table as it was. What the rows mean is not known here.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.names import file_name
from airflow_provider_platerec_ocr.storage.files import named_errors
from airflow_provider_platerec_ocr.storage.staged_file import StagedFile

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from airflow_provider_platerec_ocr.storage.path import StoragePath

GROUP_ROWS = 50_000
"""Rows of a row group, which wait as Arrow memory."""
FILE_ROWS = 1_000_000
"""Rows after which a run's partition gets another file."""
UNIQUE = frozenset(
    {"image", "image_version", "fingerprint", "code", "code_normalized", "filename", "raw", "message"}
    | {"manifest_row", "image_name", "manifest_columns"}
)
"""Columns in which a dictionary would only cost time."""


@dataclass(slots=True)
class _Partition:
    """The file of one partition that is being written."""

    folder: StoragePath
    """Where the file is going to appear."""
    part: int
    """Number in its name."""
    file: _ParquetFile | None = None
    """Open between its first row and its last."""
    tables: list[Any] = field(default_factory=list)
    """Not yet in the file."""
    waiting: int = 0
    """Rows in ``tables``."""
    written: int = 0
    """Rows in ``file``."""


class TableWriter:
    """Writes one run's files of one table; use it as a context manager, which discards what was not revealed.

    :param folder: the table's folder.
    :param table: start of the files' names.
    :param slug: the run's part of the names.
    :param first_part: number of the first file in each partition.
    :param staging: where files are written before they appear, see :class:`~.StagedFile`.
    """

    def __init__(  # noqa: PLR0913  # what the names are made of, and two sizes by name
        self,
        folder: StoragePath,
        table: str,
        schema: Any,
        slug: str,
        *,
        first_part: int = 0,
        staging: StoragePath | None = None,
        group_rows: int = GROUP_ROWS,
        file_rows: int = FILE_ROWS,
    ) -> None:
        self._folder = folder
        self._table = table
        self._schema = schema
        self._slug = slug
        self._first_part = first_part
        self._staging = staging
        self._group_rows = group_rows
        self._file_rows = file_rows
        self._partitions: dict[str, _Partition] = {}
        self._staged: list[_ParquetFile] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ocr-parquet")
        self._writing: Future[None] | None = None

    def add(self, table: Any, partition: str = "") -> None:
        """Take an Arrow table of rows of one partition, such as ``type=vin/date=2026-03-01``."""
        if not table.num_rows:
            return
        state = self._partitions.get(partition)
        if state is None:
            folder = self._folder / partition if partition else self._folder
            state = self._partitions[partition] = _Partition(folder, self._first_part)
        state.tables.append(table)
        state.waiting += table.num_rows
        if state.waiting >= self._group_rows:
            self._to_file(state)
            if state.written >= self._file_rows:
                self._close(state)

    def close(self) -> None:
        """Write what waits, and see to it that the disk has it all; nothing appears yet."""
        for state in self._partitions.values():
            self._close(state)

    @property
    def targets(self) -> list[StoragePath]:
        """Where the files that are closed will appear."""
        return [file.target for file in self._staged]

    def reveal(self) -> list[StoragePath]:
        """Close the files, let them appear one right after the other, and return where."""
        self.close()
        places = [file.reveal() for file in self._staged]
        self._staged = []
        return places

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Discard the files that were not revealed."""
        self._pool.shutdown()
        for state in self._partitions.values():
            if state.file is not None:
                state.file.discard()
        for file in self._staged:
            file.discard()

    def _to_file(self, state: _Partition) -> None:
        if not state.waiting:
            return
        if state.file is None:
            target = state.folder / file_name(self._table, self._slug, state.part)
            state.file = _ParquetFile(target, self._schema, self._staging)
        self._wait()
        self._writing = self._pool.submit(state.file.write, state.tables)  # Arrow encodes beside the Python that fills
        state.written += state.waiting
        state.tables, state.waiting = [], 0

    def _wait(self) -> None:
        """Let the row group that is being written end, since only one may wait in memory, and hear how it went."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _close(self, state: _Partition) -> None:
        self._to_file(state)
        self._wait()
        if state.file is not None:
            state.file.close()
            self._staged.append(state.file)
            state.file, state.written = None, 0
            state.part += 1


class _ParquetFile:
    """One Parquet file that is being written, row group by row group."""

    def __init__(self, target: StoragePath, schema: Any, staging: StoragePath | None) -> None:
        import pyarrow.parquet as pq

        self._staged = StagedFile(target, staging)
        dictionaries = [name for name in schema.names if name not in UNIQUE]
        self._writer = pq.ParquetWriter(self._staged.handle, schema, compression="zstd", use_dictionary=dictionaries)

    @property
    def target(self) -> StoragePath:
        """Where it will appear."""
        return self._staged.target

    def write(self, tables: list[Any]) -> None:
        """Write the tables as one row group."""
        import pyarrow as pa

        table = pa.concat_tables(tables)
        with named_errors(self._staged.target):
            self._writer.write_table(table, row_group_size=table.num_rows)

    def close(self) -> None:
        """Write the footer, and see to it that the disk has it all."""
        with named_errors(self._staged.target):
            self._writer.close()
            self._staged.close()

    def reveal(self) -> StoragePath:
        """Let the file appear under its name, whole."""
        return self._staged.reveal()

    def discard(self) -> None:
        """Remove what was staged."""
        with contextlib.suppress(OSError):  # a full disk takes no footer, and none is needed any more
            self._writer.close()
        self._staged.discard()


def replace_file(place: StoragePath, table: Any, schema: Any, staging: StoragePath) -> None:
    """Put an Arrow table in the place of a file: who reads it meanwhile sees the old one or the new one, whole."""
    file = _ParquetFile(place, schema, staging)
    try:
        file.write([table])
        file.close()
        file.reveal()
    except BaseException:
        file.discard()
        raise
