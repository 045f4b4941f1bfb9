"""When rows were published: kept while a run publishes again, so that the same rows give the same bytes.

A row's time is that of the first publication of its run that had it. The times so far stand in the run's own files;
what ended after the last of them is new, and gets the time of this publication. So loaders may go by
``published_at``: what was filled in later is never dated back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.columns import current
from airflow_provider_platerec_ocr.dataset.layout.table_files import opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile


class Publications:
    """The publications of one run, oldest first, the present one included.

    :param earlier: when the run was published before.
    :param now: when it is published now; UTC.
    """

    def __init__(self, earlier: Iterable[datetime], now: datetime) -> None:
        self._earlier = sorted(set(earlier))
        self._now = now

    def moments(self, ended: Any) -> Any:
        """Return for each of an array of times at which a read ended when it was published first.

        One that ended later than now, by another machine's clock, gets the minute after; one without a time counts as
        there from the beginning.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        now = pa.scalar(self._now, ended.type)
        late = pc.greater(ended, now)
        found = pc.if_else(late, pc.ceil_temporal(ended, unit="minute"), now)
        for moment in reversed(self._earlier):
            before = pa.scalar(moment, ended.type)
            found = pc.if_else(pc.less_equal(ended, before), before, found)
        first = pa.scalar(self._earlier[0], ended.type) if self._earlier else now
        return pc.fill_null(found, first)


def earlier_publications(files: Iterable[tuple[TableFile, str]]) -> set[datetime]:
    """Return when the rows of a run's own files, each of a table, were published; one of version 1 tells one time."""
    found: set[datetime | None] = set()
    for file, table in files:
        with opened(file.place, table) as parquet:
            known = "published_at" in parquet.schema_arrow.names
            stored = parquet.read(columns=["published_at" if known else "read_at"])
        moments = current(stored, ["published_at"], file, table).column(0).unique().to_pylist()
        found.update(moments if known else [max(filter(None, moments), default=None)])
    return {moment for moment in found if moment is not None}
