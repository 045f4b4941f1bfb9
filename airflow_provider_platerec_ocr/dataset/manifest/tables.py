"""The tables that a manifest is made of: one file, the parts of a folder, or all files that a pattern matches.

Spark, DuckDB and Hive write folders, with values in the folders' names; who has a manifest a day gives a pattern. Their
rows are one manifest, in the order of the files' paths.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.images.patterns import cut_glob
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.dataset.layout.opened import store_faults
from airflow_provider_platerec_ocr.dataset.layout.packed import plain_name
from airflow_provider_platerec_ocr.dataset.manifest.json_rows import read_json
from airflow_provider_platerec_ocr.dataset.manifest.parquet import read_parquet
from airflow_provider_platerec_ocr.dataset.manifest.text import read_csv, read_list
from airflow_provider_platerec_ocr.storage.files import files_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.dataset.manifest.columns import Columns, Folders
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
FORMATS = (
    "CSV (.csv, .tsv), JSON (.jsonl, .ndjson, .json), a list (.txt, .list), Parquet (.parquet), a folder of images or "
    "of such tables, or a glob"
)
_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".psv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".txt": "list",
    ".list": "list",
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
}
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_LAKE = re.compile(r"_delta_log/|\.hoodie/|metadata/[^/]*\.metadata\.json")
"""What lies in the folder of a Delta, Hudi or Iceberg table, whose files are not all part of it."""
_NAMED_FILES = 50


@dataclass(frozen=True, slots=True)
class Table:
    """One file of rows."""

    place: StoragePath
    kind: str
    """``csv``, ``tsv``, ``jsonl``, ``json``, ``list`` or ``parquet``."""
    folders: Folders = ()
    """Columns that it has from its folders."""


def table_kind(name: str) -> str | None:
    """Return what kind of table a file is by its name, whatever its case; ``None`` for none."""
    plain = plain_name(name)
    kind = _KINDS.get(f".{plain.rpartition('.')[2]}") if "." in plain else None
    return None if kind == "parquet" and plain != name.lower() else kind  # it is packed within


def read_table(table: Table, columns: Columns | None = None) -> Iterator[RawRow]:
    """Return the rows of one file."""
    place, folders = table.place, table.folders
    if table.kind in {"csv", "tsv"}:
        return read_csv(place, columns, tabs=table.kind == "tsv", folders=folders)
    if table.kind in {"jsonl", "json"}:
        return read_json(place, columns, lines_only=table.kind == "jsonl", folders=folders)
    return read_list(place, columns) if table.kind == "list" else read_parquet(place, columns, folders=folders)


def read_tables(tables: list[Table], columns: Columns | None = None) -> Iterator[RawRow]:
    """Yield the rows of several files as those of one; the log says which stand where."""
    before = 0
    for number, table in enumerate(tables):
        last = 0
        for last, values, problem in read_table(table, columns):
            yield before + last, values, problem
        if number < _NAMED_FILES and last:
            log.info("%s: rows %s to %s.", table.place, f"{before + 1:,}", f"{before + last:,}")
        before += last


def tables_below(folder: StoragePath, *, recursive: bool) -> list[Table]:
    """Return the tables of a folder, sorted; parts of paths that begin with ``_`` or ``.`` are not looked at.

    A folder that is itself called like a file, as Spark's ``m.parquet``, holds parts of that kind, whatever they are
    called; any other holds tables by their endings, lists not among them: a ``notes.txt`` is no manifest.

    :raises OCRManifestError: it is the folder of a Delta, Hudi or Iceberg table.
    """
    folder.fs.invalidate_cache(folder.path)
    with store_faults(folder, OCRManifestError):
        found = sorted(files_below(folder, deep=recursive))
    names = [path.removeprefix(folder.path).lstrip("/") for path in found]
    if any(map(_LAKE.match, names)):
        raise _lake(folder)
    return _tables(folder, names, table_kind(folder.name))


def _lake(folder: StoragePath) -> OCRManifestError:
    return OCRManifestError(
        f"{redact(folder.uri)} is a table of Delta, Hudi or Iceberg: some of its files are no part of it any more. "
        "Write the rows that are to be read as plain Parquet."
    )


def tables_matching(pattern: StoragePath) -> list[Table]:
    """Return the tables that a glob matches, and those in folders that it matches, sorted and each once."""
    base = fixed_part(pattern)
    with store_faults(pattern, OCRManifestError):
        if any(pattern.fs.isdir((base / mark).path) for mark in ("_delta_log", ".hoodie")):
            raise _lake(base)
    wanted = table_kind(pattern.name)
    pattern.fs.invalidate_cache()
    with store_faults(pattern, OCRManifestError):
        try:
            found = pattern.fs.glob(pattern.path, detail=True)
        except ValueError:  # no pattern at all, as whoever looks for images in it says
            found = {}
    tables: dict[str, Table] = {}
    for path in sorted(found):
        name = path.removeprefix(base.path).lstrip("/")
        if found[path].get("type") != "directory":
            some = _tables(base, [name], None, lists=wanted == "list")
        elif any(part[:1] in {"_", "."} for part in name.split("/")):
            continue
        else:
            some = [
                Table(each.place, each.kind, _folders(name.split("/")) + each.folders)
                for each in tables_below(base / name, recursive=True)
            ]
        tables |= {each.place.path: tables.get(each.place.path, each) for each in some}
    return list(tables.values())


def fixed_part(pattern: StoragePath) -> StoragePath:
    """Return the folder that everything that a glob matches lies in."""
    path = cut_glob(pattern.path)[0].rstrip("/")
    return type(pattern)(pattern.fs, path or "/" * pattern.is_local, pattern.protocol, pattern.conn_id)


def _tables(folder: StoragePath, names: Iterable[str], kind: str | None, *, lists: bool = False) -> list[Table]:
    """Return those of the files below ``folder`` that are tables.

    :param kind: of files whose names do not say it, and the only one that counts; ``None``: each name says it.
    :param lists: whether plain lists count as well.
    """
    tables = []
    for name in names:
        *parents, last = name.split("/")
        if any(part[:1] in {"_", "."} for part in (*parents, last)):
            continue
        found = table_kind(last)
        if kind is not None and (found == kind or "." not in last or {found, kind} == {"json", "jsonl"}):
            found = kind if found is None else found
        elif kind is not None or (found == "list" and not lists):
            continue
        if found is not None:
            tables.append(Table(folder / name, found, _folders(parents)))
    return tables


def _folders(parents: Iterable[str]) -> Folders:
    """Return the values that folders such as ``gate=7`` stand for."""
    pairs = (part.partition("=") for part in parents)
    return tuple(
        (unquote(name), None if value == _NO_VALUE else unquote(value))
        for name, equals, value in pairs
        if equals and name
    )
