"""Few files of many: the files of each partition become one, in today's schema, beside readers and runs.

The rows stay as they are. A compacted file belongs to no run, so that a run that is exported again leaves it alone;
that its rows are there already, the export sees by their keys.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.identifiers import check_code
from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, OTHERS_CALLS, READS, upkeep_slug
from airflow_provider_platerec_ocr.dataset.layout.schema import SCHEMA_VERSION, VERSION_KEY, schema_of
from airflow_provider_platerec_ocr.dataset.layout.superseded import write_note
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError, opened, table_files
from airflow_provider_platerec_ocr.dataset.table.publish import turn_to_publish
from airflow_provider_platerec_ocr.dataset.table.writer import FILE_ROWS, TableWriter
from airflow_provider_platerec_ocr.storage.files import remove, remove_folder
from airflow_provider_platerec_ocr.storage.swap import (
    below,
    can_exchange,
    recover,
    seen,
    staging_of,
    swap_files,
    swap_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.storage.turn import Turn

log = logging.getLogger(__name__)
_ROWS = {READS: ("image", "image_version", "fingerprint", "identifier_index", "dag_id", "run_id")}
"""Columns by which a row of a run is known, by table; the rows of the others are known by all they say."""
_CHECKED = ("code_normalized", "code_system", "check_digit_ok", "repaired")


@dataclass(slots=True)
class Compacted:
    """What a compaction did, or would do."""

    files_before: int = 0
    """Files of the table."""
    files_after: int = 0
    partitions: int = 0
    """Partitions whose files became fewer, or of today's schema."""
    older: int = 0
    """Files of an older schema version, or rewritten by other programs, that are of today's now."""
    twice: int = 0
    """Rows that were there twice, the same row of the same run, since a compaction before was cut short."""
    left: list[str] = field(default_factory=list)
    """Partitions that somebody wrote to meanwhile, and that were left as they were."""


def compact(  # noqa: PLR0913  # two places, and choices by name
    folder: StoragePath,
    workspace: StoragePath,
    *,
    table: str = READS,
    dataset: StoragePath | None = None,
    until: date | None = None,
    dry_run: bool = False,
    clock: Clock | None = None,
) -> Compacted:
    """Make one file of those of each partition (several beyond a million rows), and return what was done.

    :param folder: the table.
    :param workspace: folder beside it in which the new files are made, on the same disk.
    :param table: ``reads``, ``repeats`` or ``dead_letters``.
    :param dataset: folder of the reads, where the table is another one beside it.
    :param until: only partitions up to this day, itself included.
    :param dry_run: count only.
    :raises OCRDatasetError: a file is of a newer version, none of ours, or cannot be read. :raises OSError: as usual.
    """
    clock = clock or SystemClock()
    if not dry_run:
        recover(workspace, clock)
    done = Compacted()
    files = table_files(folder)
    done.files_before = done.files_after = len(files)
    for path, group in groupby(files, key=lambda file: file.place.parent.path):
        some = list(group)
        if until is not None and some[0].day is not None and some[0].day > until:
            continue
        rows, older = _looked_at(some, table)
        after = _files_after(some, rows)
        if after >= len(some) and not older:
            continue
        partition = _Partition(folder, below(some[0].place.parent, folder), workspace, table)
        if dry_run or partition.in_turn(some, done, dataset or folder, clock):
            done.partitions += 1
            done.older += older
            done.files_after += after - len(some)
        else:
            done.left.append(partition.name or path)
    return done


def _files_after(files: list[TableFile], rows: list[int]) -> int:
    """Return how many files there will be: those of other people's calls stay apart."""
    sums = [0, 0]
    for file, number in zip(files, rows, strict=True):
        sums[_is_of_others(file)] += number
    kinds = {_is_of_others(file) for file in files}
    return sum(max(1, -(-sums[kind] // FILE_ROWS)) for kind in kinds)


def _is_of_others(file: TableFile) -> bool:
    return OTHERS_CALLS.search(file.place.name) is not None


def _looked_at(files: list[TableFile], table: str) -> tuple[list[int], int]:
    """Return how many rows each file has, and how many files are not as this version writes them."""
    rows, older = [], 0
    for file in files:
        try:
            with opened(file.place, table) as parquet:
                rows.append(parquet.metadata.num_rows)
                metadata = parquet.schema_arrow.metadata or {}
                older += metadata.get(VERSION_KEY) != str(SCHEMA_VERSION).encode()
        except FileGoneError:
            rows.append(0)
    return rows, older


@dataclass(frozen=True, slots=True)
class _Partition:
    """One folder of files that become one."""

    folder: StoragePath
    name: str
    workspace: StoragePath
    table: str

    def in_turn(self, files: list[TableFile], done: Compacted, dataset: StoragePath, clock: Clock) -> bool:
        """Write the new files when no run publishes, and return whether they took the place of the old ones."""
        letters = self.folder if self.table == DEAD_LETTERS else None
        with turn_to_publish(dataset, "a compaction", clock, dead_letters=letters) as turn:
            return self._compact(files, done, turn)

    def _compact(self, files: list[TableFile], done: Compacted, turn: Turn) -> bool:
        target = self.folder / self.name if self.name else self.folder
        staging = staging_of(self.workspace)
        in_one_step = can_exchange(target, staging)
        inputs = seen(file.place for file in files)
        where = staging / "new" if in_one_step else target
        outputs, note = [], None
        try:
            with ExitStack() as stack:
                writers = []
                for of_others in (False, True):
                    some = [file for file in files if _is_of_others(file) is of_others]
                    slug = upkeep_slug("compact", staging.name, of_others=of_others)
                    writer = TableWriter(where, self.table, schema_of(self.table), slug, staging=staging / "files")
                    writers.append(stack.enter_context(writer))
                    for rows in self._rows(some, done):
                        writer.add(rows)
                turn.check()
                if not in_one_step:
                    names = self._outputs(writers)
                    note = write_note(self.folder, self.name, staging.name, [each.name for each in inputs], names)
                outputs = [place for writer in writers for place in writer.reveal()]
            if in_one_step:
                return swap_folder(target, where, inputs)
            is_in_place = swap_files(target, inputs, outputs)
            if note is not None:
                remove(note)
            return is_in_place  # noqa: TRY300  # what comes before it may raise
        except FileGoneError as gone:
            log.info("%s went while it was read: the partition is left as it is.", gone)
            return False
        finally:
            remove_folder(staging)

    @staticmethod
    def _outputs(writers: Sequence[TableWriter]) -> list[str]:
        """Return the names of the files that are about to appear."""
        for writer in writers:
            writer.close()
        return [place.name for writer in writers for place in writer.targets]

    def _rows(self, files: list[TableFile], done: Compacted) -> Iterator[Any]:
        """Yield the rows of all files in today's schema, each once."""
        schema = schema_of(self.table)
        known: set[bytes] = set()
        for file in files:
            with opened(file.place, self.table) as parquet:
                metadata = parquet.schema_arrow.metadata or {}
            is_older = metadata.get(VERSION_KEY) != str(SCHEMA_VERSION).encode()
            for rows in batches(file, schema.names, self.table):
                kept = _once(rows, _ROWS.get(self.table, schema.names), known, done)
                yield (_of_today(kept) if is_older else kept).cast(schema)


def _once(rows: Any, names: Sequence[str], known: set[bytes], done: Compacted) -> Any:
    """Return the rows that were not there before: the same row of the same run."""
    import pyarrow as pa

    facts = zip(*(rows.column(name).to_pylist() for name in names), strict=True)
    marks = [blake2b(repr(each).encode("utf-8", "surrogatepass"), digest_size=16).digest() for each in facts]
    new = []
    for mark in marks:
        new.append(mark not in known)
        known.add(mark)
    if all(new):
        return rows
    done.twice += new.count(False)
    return rows.filter(pa.array(new))


def _of_today(rows: Any) -> Any:
    """Return rows of an older version with what the rules of today say of their codes."""
    import pyarrow as pa

    version = pa.repeat(pa.scalar(SCHEMA_VERSION, pa.int32()), rows.num_rows)
    rows = rows.set_column(rows.schema.get_field_index("schema_version"), "schema_version", version)
    if "code" not in rows.column_names:  # only reads have codes
        return rows
    pairs = zip(rows.column("code").to_pylist(), rows.column("read_type").to_pylist(), strict=True)
    checks = [None if code is None else check_code(code, type_ or "") for code, type_ in pairs]
    for name in _CHECKED:
        place = rows.schema.get_field_index(name)
        values = [None if check is None else getattr(check, name) for check in checks]
        rows = rows.set_column(place, name, pa.array(values, rows.schema.field(place).type))
    return rows
