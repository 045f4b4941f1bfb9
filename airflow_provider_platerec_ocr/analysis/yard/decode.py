"""What a code says of the unit that carries it: a vehicle's make and model, a container's owner. Offline, from tables.

American VINs by ``ultravin`` (the whole of NHTSA's vPIC), makers elsewhere by ``vininfo`` (WMI); both come with the
extra ``vin``, and no other module knows them. Without them, or for a code that is no VIN, there is nothing to say, and
that is no error.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.core.identifiers import VIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HINT = "VINs are not decoded: install airflow-provider-platerec-ocr[vin]."
_NO_RECORD = frozenset({5, 6, 7, 8, 11, 14, 400})
"""vPIC's codes that speak of what its records lack, not of the VIN: a maker, a model, a year that it does not know."""
_CHECK_DIGIT = 1
_NORTH_AMERICA = "12345"
_BATCH = 20_000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What a VIN says; ``None`` where it does not, or no table knows."""

    make: str | None = None
    model: str | None = None
    year: int | None = None
    body: str | None = None
    error: str | None = None
    """Why it cannot be a VIN of its maker; ``None`` for want of a record, and for a check digit that need not fit."""


NOTHING = Vehicle()


def vehicles(codes: Iterable[str]) -> dict[str, Vehicle]:
    """Return what each VIN among the codes says; codes that are no VIN are left out.

    Without the extra ``vin`` all are left out, and the log says so once.
    """
    keys = {code: code_of(code) for code in codes}
    vins = {code: each.key for code, each in keys.items() if each.system == VIN}
    records = _records(sorted(set(vins.values())))
    return {code: records[vin] for code, vin in vins.items() if vin in records}


def _records(vins: list[str]) -> dict[str, Vehicle]:
    batch = _american()
    if batch is None:
        if vins:
            _tell()
        return {}
    found: dict[str, Vehicle] = {}
    for start in range(0, len(vins), _BATCH):
        for record in batch(vins[start : start + _BATCH]):
            found[record["vin"]] = _vehicle(record)
    return found


def _vehicle(record: dict[str, Any]) -> Vehicle:
    """Return what a record of vPIC says, with the maker by WMI where it has none.

    Elsewhere than in North America positions 4 to 10 are the maker's own, and a check digit need not fit: unless vPIC
    knows the model, no more than the maker is said, and no error.
    """
    said = record.get("attributes") or {}
    vin = record["vin"]
    make = said.get("Make") or _maker(vin)
    model = said.get("Model")
    errors = [code for code in record.get("error_codes") or () if code]
    is_american = vin[:1] in _NORTH_AMERICA
    if not is_american and (not model or any(code != _CHECK_DIGIT for code in errors)):
        return Vehicle(make)
    year = record.get("model_year")
    wrong = is_american and any(code not in _NO_RECORD for code in errors)
    error = str(said.get("Error Text") or "") if wrong else ""
    return Vehicle(make, model, int(year) if year else None, said.get("Body Class"), error or None)


@functools.cache
def _american() -> Callable[[list[str]], list[dict[str, Any]]] | None:
    try:
        import ultravin
    except ImportError:
        return None
    found: Callable[[list[str]], list[dict[str, Any]]] = ultravin.decode_batch
    return found


def _maker(vin: str) -> str | None:
    try:
        from vininfo import Vin
    except ImportError:
        return None
    try:
        name = str(Vin(vin).manufacturer or "")
    except Exception:  # noqa: BLE001  # it raises its own kinds for codes that it does not take
        return None
    return None if name in {"", "UnsupportedBrand"} else name


@functools.cache
def _tell() -> None:
    log.info(HINT)


def source() -> str | None:
    """Return which table decodes, with its version, for the report; ``None`` where none is installed."""
    try:
        return f"ultravin {importlib.metadata.version('ultravin')}"
    except importlib.metadata.PackageNotFoundError:
        return None
