"""What OpenLineage is told of a task, where its provider is installed: what it read, what it wrote, and the counts.

Without that provider nothing of it is imported. Names follow OpenLineage's naming of data sets, so that other jobs'
lineage meets ours in the same place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SAME_STORE = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "local": "file"}
"""Schemes that several readers have for one store."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One place that a task read or wrote."""

    uri: str
    """A path or URI; a connection and a query in it are left out."""
    rows: int | None = None
    """Rows that were read or written."""
    files: int | None = None
    """Files that were read or written."""
    schema: Any = None
    """``pyarrow.Schema``, where it is ours."""


@dataclass(slots=True)
class Lineage:
    """What a task has learned so far; OpenLineage asks when it has ended, however it did."""

    inputs: list[DataSet] = field(default_factory=list)
    outputs: list[DataSet] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)


def begin(operator: Any) -> Lineage:
    """Return the lineage that the operator is asked for after ``execute``, still empty."""
    operator.lineage = Lineage()
    found: Lineage = operator.lineage
    return found


def name_of(uri: str) -> tuple[str, str]:
    """Return namespace and name of a place as OpenLineage has them.

    ====================================  ===================  ================
    place                                 namespace            name
    ====================================  ===================  ================
    ``/data/reads``                       ``file``             ``/data/reads``
    ``s3://conn_id@bucket/ocr/reads``     ``s3://bucket``      ``ocr/reads``
    ``gs://bucket``                       ``gs://bucket``      ``/``
    ``https://host/list.csv?sig=…``       ``https://host``     ``list.csv``
    ====================================  ===================  ================
    """
    scheme, found, _ = uri.partition("://")
    scheme = SAME_STORE.get(scheme.lower(), scheme.lower())
    if not found or scheme == "file":
        path = uri.partition("://")[2].removeprefix("localhost") if found else uri
        return "file", path.rstrip("/") or "/"
    parts = urlsplit(uri)
    path = parts.path if scheme in {"http", "https"} else uri.partition("://")[2].partition("/")[2]
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}", path.strip("/") or "/"


def facets(lineage: Lineage | None) -> Any:
    """Return what OpenLineage records, as its provider's ``OperatorLineage``; ``None`` where that is nothing."""
    if lineage is None or not (lineage.inputs or lineage.outputs or lineage.counts):
        return None
    try:
        from airflow_provider_platerec_ocr.tasks.telling import lineage_facets  # it needs the provider
    except ImportError:
        return None
    return lineage_facets.operator_lineage(lineage)
