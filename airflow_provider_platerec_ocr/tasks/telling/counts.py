"""What an export says of its run in numbers: of one plan, of several as one, and whether it is news. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.money import Price, costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.dataset.plan.model import Plan
    from airflow_provider_platerec_ocr.dataset.report.spend import Spend
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult

_OF_THE_ACCOUNT = frozenset({"calls_left", "total_calls", "resets_on", "forecast", "account"})
"""What is the account's and not the run's: the last one of several counts."""


def is_news(counts: dict[str, Any]) -> bool:
    """Return whether there is something to tell the assets: an image is new in the table, or became a dead letter."""
    if counts.get("plan_only") or "files" not in counts:  # a dry run; one that nobody approved
        return False
    without = ("carried_over", "held_elsewhere", "missing", "already_published")
    return bool(counts["files"] or counts["planned"] > sum(counts[name] for name in without))


def counts_of(plan: Plan, result: ExportResult, spend: Spend, price: Price | None = None) -> dict[str, Any]:
    """Return counts alone: XCom and asset events carry no lists of files or images."""
    counts = {
        "planned": result.planned,
        "reads": result.reads,
        "rows": result.rows,
        "nothing_found": result.nothing_found,
        "already_published": result.already_published,
        "calls_billed": result.calls_billed,
        "from_ledger": result.from_ledger,
        "dead_letters": sum(result.dead_letters.values()),
        "dead_letters_by_reason": result.dead_letters,
        "in_doubt": result.in_doubt,
        "held_elsewhere": result.held_elsewhere,
        "carried_over": result.carried_over,
        "missing": result.missing,
        "already_done": plan.done,
        "left_over": plan.left_over,
        "files": len(result.files),
        "spend": spend.to_json(),
        "price": price.to_json() if price else None,
    }
    return counts | _cost(counts)


def summed(counts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of several plans as those of one: numbers added up, of the account the last that was seen."""
    if len(counts) == 1:
        return counts[0]
    total: dict[str, Any] = {}
    for each in counts:
        total = _added(total, each)
    lists = {f"{name}s": [each.get(name) for each in counts] for name in ("report", "report_page")}
    return total | _cost(total) | {"plans": len(counts), **lists}


def _cost(counts: dict[str, Any]) -> dict[str, Any]:
    """Return what the calls of counts cost, of several plans together: rounded once."""
    price = Price.from_json(counts["price"])
    return {"cost": costs(price, billed=counts["calls_billed"], saved=counts["from_ledger"])}


def _added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        before = found.get(key)
        if key in _OF_THE_ACCOUNT or before is None:
            found[key] = value
        elif isinstance(value, dict) and isinstance(before, dict):
            found[key] = _added(before, value)
        elif isinstance(value, int) and not isinstance(value, bool):
            found[key] = before + value
    return found
