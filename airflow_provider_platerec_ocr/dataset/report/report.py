"""The report of a run: one JSON file beside the dataset, for people and for monitoring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.money import costs
from airflow_provider_platerec_ocr.dataset.layout.schema import SCHEMA_VERSION
from airflow_provider_platerec_ocr.storage.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan, RunRef
    from airflow_provider_platerec_ocr.dataset.report.spend import Spend
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath

PLAN_FIELDS = (
    "rows",
    "bad_rows",
    "duplicates",
    "done",
    "planned",
    "from_ledger",
    "to_pay",
    "left_over",
    "limit_reason",
    "left_aside",
    "endings_left_aside",
)


def write_report(  # noqa: PLR0913  # what was asked, planned and found, and where it goes
    folder: StoragePath,
    run: RunRef,
    plan: Plan,
    result: ExportResult,
    *,
    spend: Spend | None = None,
    price: Price | None = None,
    extra: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> StoragePath:
    """Write the run's report, replacing an earlier one of the same planning, and return where.

    :param folder: folder of the reports, outside of the dataset's.
    :param spend: what the run spent.
    :param price: what calls cost, where somebody said.
    :param extra: what only the caller knows; JSON-ready.
    """
    report = {
        "schema_version": SCHEMA_VERSION,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "date": run.date,
        "written_at": format_timestamp((clock or SystemClock()).now()),
        "whole": result.whole,
        "manifest": plan.manifest,
        "plan": {name: getattr(plan, name) for name in PLAN_FIELDS} | {"shards": len(plan.shards)},
        "result": result.to_json(),
        "spend": spend.to_json() if spend else None,
        "price": price.to_json() if price else None,
        "cost": costs(price, billed=result.calls_billed, saved=result.from_ledger, at_most=plan.to_pay),
        "summary": describe(plan, result, spend, price),
        **(extra or {}),
    }
    place = folder / f"{run.workspace}.json"
    write_whole(place, json.dumps(report, indent=1, ensure_ascii=False).encode())
    return place


def describe(plan: Plan, result: ExportResult, spend: Spend | None = None, price: Price | None = None) -> list[str]:
    """Return the run in sentences, for the log; they speak of money where there is a price."""
    said = [*plan.describe(price), *result.describe(price), *(spend.describe() if spend else ())]
    left = result.carried_over or result.held_elsewhere or sum(result.dead_letters.values())
    return [*said, plan.no_later_run()] if plan.own_manifest and left and plan.no_later_run() not in said else said
