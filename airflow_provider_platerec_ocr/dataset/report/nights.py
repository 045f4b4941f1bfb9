"""The last nights of a dataset, one row a run, from the reports that lie beside it: what a person compares.

Cheap enough for a page: one listing, and one small file a night. Reports of every version so far are understood; what
an older one did not write down is ``None``, which is not 0. What is no report is left aside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.storage.files import ordered_map, threads_for
from airflow_provider_platerec_ocr.storage.store import Store, StoreErrors

if TYPE_CHECKING:
    from decimal import Decimal

    from airflow_provider_platerec_ocr.storage.path import StoragePath

LAST = 30
"""Nights that are shown where nobody asks for another number."""
MARGIN = 10
"""Files that are read beyond those asked for: one may be broken, and a deletion gives an old one a new time."""
LARGEST = 5_000_000
"""Bytes of a file that is no report any more."""
MOST = 10**15
"""Images or calls that no run has."""
LONGEST_S = 1e9
"""Seconds that no run takes."""
ENDING = ".json"
_ERRORS = StoreErrors("folder of the reports", OCRDatasetError, OCRDatasetError)


@dataclass(frozen=True, slots=True)
class Night:
    """One run, as its report has it; ``None`` where the report does not say."""

    run: str
    """Name of its report, without ending, and of its workspace."""
    dag_id: str
    run_id: str
    """Airflow's."""
    date: str | None = None
    """``YYYY-MM-DD``: the partition that its rows went to."""
    written_at: str | None = None
    """When the report was written; UTC, ISO 8601."""
    whole: bool | None = None
    """Whether every planned image has an outcome and none was carried over."""
    images: int | None = None
    """Images that were planned."""
    reads: int | None = None
    """Images that were read."""
    billed: int | None = None
    """Calls of this run that were answered or are in doubt."""
    from_ledger: int | None = None
    """Reads that the ledger answered."""
    in_doubt: int | None = None
    """Images whose call may have been billed without an answer."""
    dead_letters: int | None = None
    """Images and rows that could not be read."""
    carried_over: int | None = None
    """Images that found no call."""
    seconds: float | None = None
    """From the plan to the last image that ended."""
    limit_s: float | None = None
    """What it takes at least: calls divided by the rate, and the slowest call; where the rate is known."""
    checked: int | None = None
    """Codes that have a check digit."""
    failed_checks: int | None = None
    """Of these, codes whose check digit is wrong."""
    price: Price | None = None
    """What calls cost then, where somebody said."""

    @property
    def cost(self) -> Decimal | None:
        """What its calls cost, in the currency of its price."""
        return None if self.price is None or self.billed is None else self.price.cost(self.billed)

    @property
    def saved(self) -> Decimal | None:
        """What the calls would have cost that the ledger saved."""
        return None if self.price is None or self.from_ledger is None else self.price.cost(self.from_ledger)

    @property
    def failed_share(self) -> float | None:
        """Share of the check digits that are wrong, 0 to 1; ``None`` where there are none."""
        return None if self.failed_checks is None or not self.checked else self.failed_checks / self.checked


def last_nights(reports: StoragePath, number: int = LAST) -> list[Night]:
    """Return the newest runs of a dataset, newest first.

    :param reports: folder of the reports, ``<dataset>_reports`` by default; it need not be there.
    :param number: most of them.
    :raises OCRDatasetError: the folder, or a file in it, cannot be read.
    """
    store = Store(reports, _ERRORS)
    files = [(at_s or 0.0, name) for name, size, at_s in store.entries("") if _is_report(name, size)]
    names = [name for _, name in sorted(files, reverse=True)[: number + MARGIN]]
    contents = ordered_map(store.read, names, threads=threads_for(reports))
    pairs = zip(names, contents, strict=True)
    found = [night for name, data in pairs if (night := night_of(name.removesuffix(ENDING), data)) is not None]
    return sorted(found, key=lambda night: night.written_at or "", reverse=True)[:number]


def night_of(run: str, data: bytes | None) -> Night | None:
    """Return what a report says of its run; ``None`` where it is gone, broken, or somebody else's."""
    try:
        return night_from(run, json.loads(data or b""))
    except (ValueError, RecursionError):
        return None


def night_from(run: str, report: Any) -> Night | None:
    """Return what a report's content says; ``None`` where it is somebody else's."""
    if not isinstance(report, Mapping) or not all(isinstance(report.get(key), str) for key in ("dag_id", "run_id")):
        return None
    plan, result, took = (_part(report, key) for key in ("plan", "result", "took"))
    checks = _part(_part(report, "figures"), "check_digits")
    letters = result.get("dead_letters")
    return Night(
        run=run,
        dag_id=report["dag_id"],
        run_id=report["run_id"],
        date=_text(report.get("date")),
        written_at=_text(report.get("written_at")),
        whole=report["whole"] if isinstance(report.get("whole"), bool) else None,
        images=_count(plan.get("planned")),
        reads=_count(result.get("reads")),
        billed=_count(result.get("calls_billed")),
        from_ledger=_count(result.get("from_ledger")),
        in_doubt=_count(result.get("in_doubt")),
        dead_letters=sum(_count(each) or 0 for each in letters.values()) if isinstance(letters, dict) else None,
        carried_over=_count(result.get("carried_over")),
        seconds=_seconds(took.get("seconds")),
        limit_s=_seconds(took.get("limit_s")),
        checked=_count(checks.get("checked")),
        failed_checks=_count(checks.get("failed")),
        price=_price(report.get("price")),
    )


def _is_report(name: str, size: int) -> bool:
    return name.endswith(ENDING) and name[0] not in "._" and size <= LARGEST


def _part(report: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = report.get(key)
    return found if isinstance(found, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST else None


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= LONGEST_S else None  # which no NaN is


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _price(value: Any) -> Price | None:
    try:
        return Price.from_json(value if isinstance(value, dict) else None)
    except OCRConfigError:  # somebody else wrote it
        return None
