"""The overlay as SQL: a view that DuckDB and Spark take as it is, over the files where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.corrections.overlay import FROM_PERSON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
)
select {changed},
  case when c.read_key is null then null else r.code end as code_as_read,
  c.corrected_by, c.corrected_at
from keyed r
left join one_code c
  on c.read_type = r.read_type and c.read_key = r.read_key and c.identifier_index = r.identifier_index
left join whole_read w on w.read_type = r.read_type and w.read_key = r.read_key
left join read_with_added n on n.read_type = r.read_type and n.read_key = r.read_key and r.identifier_index is null
where n.read_key is null
  and coalesce(c.kind, '') <> 'take_back'
  and (w.read_key is null or c.read_key is not null)
union all
select {new},
  null as code_as_read, a.corrected_by, a.corrected_at
from added a
join keyed r on r.read_type = a.read_type and r.read_key = a.read_key
where r.identifier_index is null or (r.identifier_index = 0 and a.identifier_index > 0)
"""
_NOT_SEEN = {"orientation": "cast(null as {text})", "confidence": "cast(null as double)"}


def corrected_view(dialect: str, columns: Sequence[str], reads: str, corrections: str, name: str) -> str:
    """Return the statement that creates the view of the corrected reads.

    :param dialect: ``duckdb`` or ``spark``.
    :param columns: of the reads, see :func:`~...layout.schema.reads_schema`.
    :param reads: path or URI of the dataset's folder.
    :param corrections: path or URI of the corrections' folder, which must have at least one.
    :param name: of the view.
    :raises OCRConfigError: an unknown dialect.
    """
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
        new=", ".join(_new(column, not_seen) for column in columns),
    )


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
