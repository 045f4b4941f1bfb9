"""What a VIN says of its vehicle: make, model, year, body. Offline, from tables.

American VINs by ``ultravin`` (the whole of NHTSA's vPIC), makers elsewhere by their first three characters (WMI): the
table beside this module, which calls the big makers and trailers by their names, then ``vininfo``. Both packages come
with the extra ``vin``, and no other module knows them. Without them, or for a code that is no VIN, there is nothing to
say, and that is no error.
"""

from __future__ import annotations

import csv
import functools
import importlib.metadata
import logging
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.identifiers import VIN, vin_check_digit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HINT = "VINs are not decoded: install airflow-provider-platerec-ocr[vin]."
_NO_RECORD = frozenset({5, 6, 7, 8, 11, 14, 400})
"""vPIC's codes that speak of what its records lack, not of the VIN: a maker, a model, a year that it does not know."""
_CHECK_DIGIT, _CHECK_AT = 1, 8
_ERRORS = re.compile(r"; (?=\d+ - )")
"""What divides vPIC's errors, each of which begins with its code."""
_NORTH_AMERICA = re.compile(r"[1-5]|7[F-Z0-9]")
"""How a VIN begins whose check digit has to fit; 7A to 7E are New Zealand's (ISO 3780)."""
_FEW = "9"
"""Third character of makers of few vehicles, who share the first three (ISO 3780)."""
MAKERS = "makers.csv"
_LETTERS_COME_AGAIN = 30
"""Years after which a model year has the same letter."""
_BATCH = 2_000
"""VINs that are decoded together: what is known of each is some 5 KB."""
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
    is_known: bool = field(default=False, compare=False)
    """Whether the tables have vehicles with such a VIN."""
    is_refused: bool = field(default=False, compare=False)
    """Whether the tables have it that there can be none, also for a reason that is not shown."""


NOTHING = Vehicle()


def vehicles(codes: Iterable[str], *, year: int | None = None) -> dict[str, Vehicle]:
    """Return what each VIN among the codes says; codes that are no VIN are left out.

    Without the extra ``vin`` all are left out, and the log says so once.

    :param year: what year it is; default: by the clock.
    """
    keys = {code: code_of(code) for code in codes}
    vins = {code: each.key for code, each in keys.items() if each.system == VIN}
    records = _records(sorted(set(vins.values())), year or SystemClock().now().year)
    return {code: records[vin] for code, vin in vins.items() if vin in records}


def _records(vins: list[str], this_year: int) -> dict[str, Vehicle]:
    batch = _american()
    if batch is None:
        if vins:
            _tell()
        return {}
    found: dict[str, Vehicle] = {}
    for start in range(0, len(vins), _BATCH):
        records = {record["vin"]: record for record in batch(vins[start : start + _BATCH])}
        ahead = {vin: each["model_year"] for vin, each in records.items() if (each["model_year"] or 0) > this_year + 1}
        if ahead:  # of what is heavy, a letter is two years; the later one is not yet
            again = batch(list(ahead), years=[year - _LETTERS_COME_AGAIN for year in ahead.values()])
            records |= {record["vin"]: record for record in again}
        found |= {vin: _vehicle(record) for vin, record in records.items()}
    return found


def _vehicle(record: dict[str, Any]) -> Vehicle:
    """Return what a record of vPIC says, with the maker by WMI where it has none.

    Elsewhere than in North America positions 4 to 10 are the maker's own, and a check digit need not fit: unless vPIC
    knows the model, no more than the maker is said, and no error. Of trailers it often calls the maker their model.
    """
    said = record.get("attributes") or {}
    vin = record["vin"]
    make = said.get("Make") or _maker(vin)
    model = said.get("Model")
    errors = [code for code in record.get("error_codes") or () if code]
    is_american = _NORTH_AMERICA.match(vin) is not None
    if not is_american and (not model or any(code != _CHECK_DIGIT for code in errors)):
        return Vehicle(make)
    is_known = bool(make and model)
    if model and make and model.casefold() == make.casefold():
        model = None
    year = record.get("model_year")
    is_refused = is_american and any(code not in _NO_RECORD for code in errors)
    error = _error(vin, str(said.get("Error Text") or "")) if is_refused else None
    body = said.get("Body Class")
    return Vehicle(make, model, int(year) if year else None, body, error, is_known, is_refused)


def _error(vin: str, text: str) -> str | None:
    """Return what is wrong with the VIN itself, of all that vPIC says.

    Where another sign than a digit stands at position 13, which carmakers may not have and others may (49 CFR 565.15),
    it says that the check digit does not fit, whether it does or not.
    """
    untrue = _NO_RECORD | ({_CHECK_DIGIT} if vin_check_digit(vin) == vin[_CHECK_AT] else frozenset())
    numbered = [(each.partition(" - ")[0], each) for each in _ERRORS.split(text)]
    return "; ".join(each for number, each in numbered if not number.isdigit() or int(number) not in untrue) or None


def is_there() -> bool:
    """Return whether VINs can be decoded here: the extra ``vin`` is installed."""
    return _american() is not None


def _american() -> Callable[..., list[dict[str, Any]]] | None:
    try:
        import ultravin
    except ImportError:
        return None
    found: Callable[..., list[dict[str, Any]]] = ultravin.decode_batch
    return found


def _maker(vin: str) -> str | None:
    """Return the maker by the first three characters; of makers of few vehicles (a 9) those do not say it."""
    wmi = vin[:3]
    if wmi.endswith(_FEW):
        return None
    found = makers().get(wmi) or _maker_of_vininfo(vin)
    return found.upper() if found else None  # as vPIC writes them


@functools.cache
def makers() -> dict[str, str]:
    """Return the table of makers that comes along, by their three characters."""
    text = (files(__package__) / MAKERS).read_text(encoding="utf-8")
    return {row["wmi"]: row["maker"] for row in csv.DictReader(text.splitlines())}


def _maker_of_vininfo(vin: str) -> str | None:
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
