"""The whole table again from what the ledger keeps: no photograph is opened and no call is made.

A million answers come in the order of their fingerprints, which is none, and go to the days of the runs that paid. They
wait on the local disk, a few days to a file, so that memory holds a part of them only.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys, KeyList
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.table.outcome_table import outcome_schema
from airflow_provider_platerec_ocr.dataset.table.rows import reads_table
from airflow_provider_platerec_ocr.storage.local_folder import remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter

BUCKETS = 64
"""Files in which rows wait for their day."""
AT_ONCE = 4_000
"""Reads that become rows together."""
IN_MEMORY = 50_000
"""Rows that wait in memory before they wait on the disk."""
SORTED_UP_TO_BYTES = 300_000_000
"""Rows of a bucket are sorted where they take no more memory than this."""
_RUN_TIME = re.compile(r"__(\d{4}-\d\d-\d\dT[0-9:.]+(?:[+-]\d\d:\d\d|Z)?)")
_EPOCH = RunRef("", "", "1970-01-01")
_ORDER = ("read_type", "run_date", "dag_id", "run_id", "manifest_row")


@dataclass(frozen=True, slots=True)
class PaidRead:
    """One answer, with what is known of who paid for it."""

    type: str
    fingerprint: str
    dag_id: str
    run_id: str
    facts: Mapping[str, Any]
    """Of the request, as the ledger keeps them."""
    answer: str
    """The API's, as JSON text."""
    read_at: str | None
    """UTC."""
    calls_billed: int


@dataclass(slots=True)
class Rebuilt:
    """What a table was made of."""

    reads: int = 0
    """Answers that became rows."""
    rows: int = 0
    days: Counter[str] = field(default_factory=Counter)
    """Reads by what said their day: ``run``, ``run id`` or ``answer``."""
    without_version: int = 0
    """Reads of which nobody wrote down the image's version: a plan that knows one looks at them again, for nothing."""


def gone_keys(keys: Iterable[bytes]) -> DoneKeys:
    """Return the keys of images whose rows were deleted, to be looked up; several may stand in one text."""
    gone = KeyList()
    gone.add(keys)
    return DoneKeys(gone)


def day_of(facts: Mapping[str, Any], run_id: str, read_at: str | None) -> tuple[date, str]:
    """Return the day of the run that paid, and what said so: the run itself, its id, or when the answer came."""
    with contextlib.suppress(ValueError):
        return date.fromisoformat(str(facts.get("run_date") or "")), "run"
    found = _RUN_TIME.search(run_id)
    for text, source in ((found[1] if found else "", "run id"), (read_at or "", "answer")):
        with contextlib.suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text)
            return (moment.astimezone(UTC) if moment.tzinfo else moment).date(), source
    return date(1970, 1, 1), "nothing"


class Rebuilding:
    """Takes reads in any order and hands them on by day; a context manager, which removes what waited.

    ::

        with Rebuilding() as rebuilding:
            for some in answers:
                rebuilding.add(some)
            rebuilding.write(writer)
    """

    def __init__(self) -> None:
        self.done = Rebuilt()
        self._folder = tempfile.TemporaryDirectory(prefix="platerec-rebuild-")
        self._files: dict[int, tuple[Any, Any]] = {}
        self._fingerprints: list[Any] = []
        self._published: list[Any] = []
        self._deleted: Sequence[str] = ()
        self._reads: list[PaidRead] = []
        self._tables: list[Any] = []
        self._waiting = 0

    def add(self, reads: Sequence[PaidRead]) -> None:
        """Take reads."""
        self._reads += reads
        if len(self._reads) >= AT_ONCE:
            self._make_rows()

    def _make_rows(self) -> None:
        """Make rows of the reads that wait: each time costs as much as some hundred reads."""
        import pyarrow as pa

        if not self._reads:
            return
        table = self._table(self._reads)
        self.done.reads += len(self._reads)
        self.done.rows += table.num_rows
        self._fingerprints.append(pa.array([read.fingerprint for read in self._reads]))
        self._reads = []
        self._tables.append(table)
        self._waiting += table.num_rows
        if self._waiting >= IN_MEMORY:
            self._put_away()

    def _put_away(self) -> None:
        """Write the rows that wait to the files of their days."""
        import numpy as np
        import pyarrow as pa

        if not self._tables:
            return
        table = pa.concat_tables(self._tables)
        self._tables, self._waiting = [], 0
        days = table.column("run_date").to_numpy().astype("datetime64[D]").astype("int64")
        buckets = days % BUCKETS
        for bucket in np.unique(buckets).tolist():
            self._waits(bucket, table.filter(pa.array(buckets == bucket)))

    def finish(self) -> Rebuilt:
        """Return what was taken; nothing more is."""
        self._make_rows()
        return self.done

    def leave_out(self, fingerprints: Iterable[str]) -> None:
        """Carry no row of these contents: somebody had them deleted."""
        self._deleted = sorted(fingerprints)

    def carry(self, before: Sequence[TableFile], writer: TableWriter) -> tuple[int, int]:
        """Hand on the rows of a table of before that come from none of the reads.

        Return how many there are, and how many were left out since their content was deleted. The others, which come
        from a read, say when it was published.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        schema, carried, left_out = reads_schema(), 0, 0
        deleted = pa.array(self._deleted, pa.string())
        known = pa.concat_arrays([pa.array([], pa.string()), *self._fingerprints])
        for file in before:
            for rows in batches(file, schema.names):
                is_known = pc.is_in(rows.column("fingerprint"), value_set=known)
                self._published.append(rows.filter(is_known).select(["fingerprint", "published_at"]))
                others = rows.filter(pc.invert(is_known))
                mine = others.filter(pc.invert(pc.is_in(others.column("fingerprint"), value_set=deleted)))
                left_out += others.num_rows - mine.num_rows
                if mine.num_rows:
                    carried += mine.num_rows
                    writer.add(mine.cast(schema), f"type={file.type}/date={file.day}")
        return carried, left_out

    def write(self, writer: TableWriter, now: datetime) -> None:
        """Hand all rows to a writer, each to the partition of its type and day.

        :param now: when rows are published that the table of before, if there was one, did not have.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self._put_away()
        published = self._first_published()
        for bucket, (sink, stream) in sorted(self._files.items()):
            stream.close()
            sink.close()
            with pa.memory_map(str(self._path(bucket))) as file:
                table = self._dated(pa.ipc.open_file(file).read_all(), published, now)
                if table.nbytes <= SORTED_UP_TO_BYTES:
                    table = table.sort_by([(name, "ascending") for name in _ORDER])
                pairs = pa.table([table.column("read_type"), table.column("run_date")], ["type", "day"])
                for pair in pairs.group_by(["type", "day"]).aggregate([]).to_pylist():
                    mine = pc.and_(
                        pc.equal(table.column("read_type"), pair["type"]),
                        pc.equal(table.column("run_date"), pair["day"]),
                    )
                    writer.add(table.filter(mine), f"type={pair['type']}/date={pair['day']}")
            remove(self._path(bucket))
        self._files = {}

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what waited."""
        for sink, _ in self._files.values():
            sink.close()
        self._folder.cleanup()

    def _first_published(self) -> Any:
        """Return when the table of before published each content first; ``None`` where there was none."""
        import pyarrow as pa

        if not self._published:
            return None
        return pa.concat_tables(self._published).group_by("fingerprint").aggregate([("published_at", "min")])

    @staticmethod
    def _dated(rows: Any, published: Any, now: datetime) -> Any:
        """Return rows with the times of before: who loads what is new gets none twice, and misses none that is."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if published is None:
            return rows
        place = rows.schema.get_field_index("published_at")
        kind = rows.schema.field(place)
        known = published.column("fingerprint").combine_chunks()
        found = published.column("published_at_min").combine_chunks()
        moments = found.take(pc.index_in(rows.column("fingerprint").combine_chunks(), value_set=known))
        return rows.set_column(place, kind, pc.fill_null(moments, pa.scalar(now, kind.type)).cast(kind.type))

    def _path(self, bucket: int) -> Path:
        return Path(self._folder.name) / f"{bucket:03d}.arrow"

    def _waits(self, bucket: int, table: Any) -> None:
        import pyarrow as pa

        if bucket not in self._files:
            sink = pa.OSFile(str(self._path(bucket)), "wb")
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._files[bucket] = sink, pa.ipc.new_file(sink, reads_schema(), options=options)
        self._files[bucket][1].write_table(table)

    def _table(self, reads: Sequence[PaidRead]) -> Any:
        """Return the rows of reads; their runs, which differ, are put in after the rows are made."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = [_outcome(number, read) for number, read in enumerate(reads)]
        outcomes = pa.Table.from_pylist(columns, schema=_schema())
        rows = reads_table(outcomes, _EPOCH, manifest="-")
        source = rows.column("manifest_row")
        days = [day_of(read.facts, read.run_id, read.read_at) for read in reads]
        self.done.days.update(said for _, said in days)
        self.done.without_version += sum("image_version" not in read.facts for read in reads)
        facts = [read.facts for read in reads]
        given = {
            "run_date": pa.array([day for day, _ in days], pa.date32()),
            "manifest": pa.array([_text(each.get("manifest")) for each in facts], pa.string()),
            "manifest_row": pa.array([_number(each.get("row")) for each in facts], pa.int64()),
            "dag_id": pa.array([read.dag_id for read in reads], pa.string()),
            "run_id": pa.array([read.run_id for read in reads], pa.string()),
        }
        for name, values in given.items():
            rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values.take(source))
        start = pc.cast(rows.column("run_date"), rows.schema.field("published_at").type)
        read_at = pc.coalesce(rows.column("read_at"), start)
        published = pc.if_else(pc.greater(read_at, start), read_at, start)
        return rows.set_column(
            rows.schema.get_field_index("published_at"), rows.schema.field("published_at"), published
        )


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([*outcome_schema(), ("image_name", pa.string()), ("manifest_columns", pa.string())])


def _outcome(number: int, read: PaidRead) -> dict[str, Any]:
    facts = read.facts
    return {
        "row": number,
        "image": _text(facts.get("image")) or read.fingerprint,
        "type": read.type,
        "status": "read",
        "image_version": _text(facts.get("image_version")),
        "camera_id": _text(facts.get("camera_id")),
        "timestamp": _text(facts.get("timestamp")),
        "fingerprint": read.fingerprint,
        "answer": read.answer,
        "read_at": read.read_at,
        "calls_billed": read.calls_billed,
        "image_name": _text(facts.get("image_name")),
        "manifest_columns": _text(facts.get("manifest_columns")),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
