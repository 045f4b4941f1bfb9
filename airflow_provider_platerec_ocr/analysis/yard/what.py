"""What is it: what a code says of the vehicle or the container that carries it, as columns of a table.

Offline. VINs need the extra ``vin``; containers need nothing. A column is null where a code does not say it, or where
no table knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.yard.containers import Container, container
from airflow_provider_platerec_ocr.analysis.yard.decode import NOTHING, vehicles
from airflow_provider_platerec_ocr.analysis.yard.signs import signs
from airflow_provider_platerec_ocr.core.errors import OCRInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_provider_platerec_ocr.analysis.yard.decode import Vehicle

VIN_COLUMNS = ("vin_make", "vin_model", "vin_year", "vin_body", "vin_error")
CONTAINER_COLUMNS = (
    *("container_owner", "container_category", "container_size_type", "container_size", "container_type"),
    "container_error",
)
COLUMNS = (*VIN_COLUMNS, *CONTAINER_COLUMNS)
_NO_CONTAINER = Container()


def column_types() -> list[tuple[str, Any]]:
    """Return :data:`COLUMNS` with their Arrow types."""
    import pyarrow as pa

    return [(name, pa.int32() if name == "vin_year" else pa.string()) for name in COLUMNS]


def decode_code(code: str, *, owners: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what a VIN or a container's number says of what carries it, by column.

    >>> decode_code("MSKU 907032 3 45G1")["container_size"]
    '40 ft, 9 ft 6 in high'

    :param code: as it was read; a container's may have its size and type behind.
    :param owners: names of owners by their three letters (``{"MSK": "Maersk"}``), instead of the table that comes
        along, which has well-known lines and lessors only.

    Returns ``vin_make``, ``vin_model``, ``vin_year`` (a number), ``vin_body`` and ``vin_error``, which need the extra
    ``vin``; ``container_owner``, ``container_category``, ``container_size_type``, ``container_size``,
    ``container_type`` and ``container_error``. ``None`` where the code does not say it, or no table knows.

    .. versionadded:: 0.2
    """
    return Told(owners=owners).rows([code])[0]


def decode_reads(reads: Any, *, owners: Mapping[str, str] | None = None) -> Any:
    """Return reads with what their codes say, as columns at the end: those of :func:`decode_code`.

    :param reads: a pandas frame, such as ``read_dataset`` and ``find_reads`` return, or an Arrow table. Of its columns
        ``code``, and where they are there ``code_normalized``, ``code_as_read`` and ``image`` are looked at: a size and
        type that was read on the same image, by itself, counts where there is one container on it.
    :param owners: as for :func:`decode_code`.

    :raises OCRInputError: it has no column ``code``.

    .. versionadded:: 0.2
    """
    import pyarrow as pa

    is_arrow = isinstance(reads, pa.Table)
    there = reads.column_names if is_arrow else list(reads.columns)
    if "code" not in there:
        message = "These reads have no column code: there is nothing to decode."
        raise OCRInputError(message)

    def column(name: str) -> list[Any]:
        if name not in there:
            return [None] * len(reads)
        found = reads.column(name) if is_arrow else pa.array(reads[name], pa.string(), from_pandas=True)
        return list(found.to_pylist())

    codes = [normal or code for normal, code in zip(column("code_normalized"), column("code"), strict=True)]
    as_read = [read or code for read, code in zip(column("code_as_read"), column("code"), strict=True)]
    added = Told(owners=owners).columns(codes, signs(column("image"), as_read, codes))
    if is_arrow:
        return with_columns(reads, added)
    from pandas import ArrowDtype, Series

    kept = [name for name in there if name not in COLUMNS]
    kinds = {name: ArrowDtype(kind) for name, kind in column_types()}
    return reads[kept].assign(**{name: Series(added[name], reads.index, kinds[name]) for name in COLUMNS})


class Told:
    """What codes say of the vehicles and containers; what was looked up once is remembered.

    :param signs_of: sizes and types by the code that they were read with.
    :param owners: as for :func:`decode_code`.
    """

    def __init__(self, signs_of: Mapping[str, str] | None = None, owners: Mapping[str, str] | None = None) -> None:
        self._signs, self._owners = signs_of or {}, owners
        self._said: dict[tuple[str | None, str | None], tuple[Any, ...]] = {}

    def columns(self, codes: Sequence[str | None], sizes: Sequence[str | None] | None = None) -> dict[str, list[Any]]:
        """Return what codes say, by column: :data:`COLUMNS`.

        :param sizes: the size and type that was read with each; default: as ``signs_of`` has it.
        """
        given = [self._signs.get(code or "") for code in codes] if sizes is None else sizes
        pairs = list(zip(codes, given, strict=True))
        self._look_up({pair for pair in pairs if pair not in self._said})
        rows = [self._said[pair] for pair in pairs]
        return {name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)}

    def rows(self, codes: Sequence[str | None], sizes: Sequence[str | None] | None = None) -> list[dict[str, Any]]:
        """Return the same, by code."""
        columns = self.columns(codes, sizes)
        return [{name: columns[name][at] for name in COLUMNS} for at in range(len(codes))]

    def _look_up(self, pairs: Collection[tuple[str | None, str | None]]) -> None:
        known = vehicles({code for code, _ in pairs if code})
        for code, sign in pairs:
            found = container(code, sign, owners=self._owners) if code else None
            self._said[code, sign] = _row(known.get(code or "", NOTHING), found or _NO_CONTAINER)


def _row(vehicle: Vehicle, found: Container) -> tuple[Any, ...]:
    of_vin = (vehicle.make, vehicle.model, vehicle.year, vehicle.body, vehicle.error)
    return (*of_vin, found.owner, found.category, found.size_type, found.size, found.type, found.error)


def with_what(table: Any, told: Told) -> Any:
    """Return an Arrow table with the column ``code`` with what its codes say, as columns at the end."""
    return with_columns(table, told.columns(table.column("code").to_pylist()))


def with_columns(table: Any, added: Mapping[str, Sequence[Any]]) -> Any:
    """Return an Arrow table with the columns of :meth:`Told.columns` at its end, in place of any of these names."""
    import pyarrow as pa

    kept = [name for name in table.column_names if name not in COLUMNS]
    new = [pa.array(added[name], kind) for name, kind in column_types()]
    return pa.table([*table.select(kept).columns, *new], names=[*kept, *COLUMNS])
