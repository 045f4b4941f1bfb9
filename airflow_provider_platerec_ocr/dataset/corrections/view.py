"""The overlay as SQL: a view that DuckDB and Spark take as it is, over the files where they lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.corrections.overlay import FROM_PERSON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VIEW_NAME = "It has letters, digits and _ (no digit first), and may have a schema before a dot: yard.corrected_reads."
_IDENTIFIER = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\.){0,2}[A-Za-z_][A-Za-z0-9_]*")
_CORRECTED = """\
create or replace {kind} {name} as
with latest as (
  select * from (
    select c.*, row_number() over (
      partition by c.read_type, c.read_key, c.identifier_index order by c.corrected_at desc
    ) as place
    from {corrections} c
  ) ranked where place = 1
),
whole_read as (select * from latest where identifier_index is null),
one_code as (
  select l.* from latest l
  left join whole_read w on w.read_type = l.read_type and w.read_key = l.read_key
  where l.identifier_index is not null and (w.read_key is null or l.corrected_at > w.corrected_at)
),
added as (select * from one_code where kind = 'add'),
read_with_added as (select distinct read_type, read_key from added),
keyed as (
  select r.*, coalesce(r.fingerprint, r.image || '#' || coalesce(r.image_version, '')) as read_key
  from {reads} r
),
laid as (
select {changed}, r.read_key,
  case when c.read_key is null and w.read_key is null then null else r.code end as code_as_read,
  coalesce(c.corrected_by, w.corrected_by) as corrected_by, coalesce(c.corrected_at, w.corrected_at) as corrected_at
from keyed r
left join one_code c
  on c.read_type = r.read_type and c.read_key = r.read_key and c.identifier_index = r.identifier_index
left join whole_read w on w.read_type = r.read_type and w.read_key = r.read_key
left join read_with_added n on n.read_type = r.read_type and n.read_key = r.read_key and r.identifier_index is null
where n.read_key is null
  and coalesce(c.kind, '') <> 'take_back'
  and (w.read_key is null or w.kind = 'accept' or c.read_key is not null)
union all
select {new}, r.read_key,
  null as code_as_read, a.corrected_by, a.corrected_at
from added a
join keyed r on r.read_type = a.read_type and r.read_key = a.read_key
where r.identifier_index is null or (r.identifier_index = 0 and a.identifier_index > 0)
),
recounted as (
  select l.read_type, l.read_key, l.image, l.image_version, l.run_id, count(l.identifier_index) as number
  from laid l
  join (select distinct read_type, read_key from latest where kind <> 'correct') k
  on k.read_type = l.read_type and k.read_key = l.read_key
  group by l.read_type, l.read_key, l.image, l.image_version, l.run_id
)
select {columns}, l.code_as_read, l.corrected_by, l.corrected_at
from laid l
left join recounted n on n.read_type = l.read_type and n.read_key = l.read_key and n.image = l.image
  and coalesce(n.image_version, '') = coalesce(l.image_version, '') and coalesce(n.run_id, '') = coalesce(l.run_id, '')
"""
_COUNT = "case when n.number > 0 then cast(n.number as int) else l.identifier_count end as identifier_count"
_NOT_SEEN = {"orientation": "cast(null as {text})", "confidence": "cast(null as double)"}


def corrected_view(dialect: str, columns: Sequence[str], reads: str, corrections: str, name: str) -> str:
    """Return the statement that creates the view of the corrected reads.

    :param dialect: ``duckdb`` or ``spark``.
    :param columns: of the reads, see :func:`~...layout.schema.reads_schema`.
    :param reads: path or URI of the dataset's folder.
    :param corrections: path or URI of the corrections' folder, which must have at least one.
    :param name: of the view.
    :raises OCRConfigError: an unknown dialect, or a name that is no identifier of SQL.
    """
    if not is_view_name(name):
        message = f"{name!r} is no name of a view. {VIEW_NAME}"
        raise OCRConfigError(message)
    if dialect not in DIALECTS:
        message = f"The view is made for {' and '.join(sorted(DIALECTS))}, not for {dialect!r}."
        raise OCRConfigError(message)
    kind, text, source = DIALECTS[dialect]
    not_seen = {column: sql.format(text=text) for column, sql in _NOT_SEEN.items()}
    return _CORRECTED.format(
        kind=kind,
        name=name,
        reads=source(reads, "/type=*/date=*/*.parquet"),
        corrections=source(corrections, "/*.parquet"),
        changed=", ".join(map(_changed, columns)),
        columns=", ".join(_COUNT if name == "identifier_count" else f"l.{name}" for name in columns),
        new=", ".join(_new(column, not_seen) for column in columns),
    )


def is_view_name(name: str) -> bool:
    """Return whether a name can stand in SQL as it is: it goes into a statement that somebody runs."""
    return _IDENTIFIER.fullmatch(name) is not None


def _changed(column: str) -> str:
    if column in FROM_PERSON:
        return f"case when c.read_key is null then r.{column} else c.{column} end as {column}"
    return f"r.{column}"


def _new(column: str, not_seen: dict[str, str]) -> str:
    if column in not_seen:
        return f"{not_seen[column]} as {column}"
    if column in FROM_PERSON or column == "identifier_index":
        return f"a.{column}"
    if column == "calls_billed":
        stays = "r.identifier_index is null and a.identifier_index = 0"
        return f"case when {stays} then r.calls_billed else 0 end as calls_billed"
    return f"r.{column}"


def _duckdb(folder: str, files: str) -> str:
    quoted = (folder.rstrip("/") + files).replace("'", "''")
    return f"read_parquet('{quoted}', hive_partitioning = false, union_by_name = true)"


def _spark(folder: str, _files: str) -> str:
    return f"parquet.`{folder.rstrip('/').replace('`', '``')}`"


DIALECTS: dict[str, tuple[str, str, Callable[[str, str], str]]] = {
    "duckdb": ("view", "varchar", _duckdb),
    "spark": ("temporary view", "string", _spark),
}
"""Of each: what kind of view, its word for text, and how files are named."""
