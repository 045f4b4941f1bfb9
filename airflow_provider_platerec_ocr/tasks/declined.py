"""A plan that a person did not approve, as its export sees it: nothing was read, and nothing is wrong."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.money import costs
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.names import FINISHED
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.storage.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.dataset.plan.approval import Approval
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Declined:
    """One plan of a run that a person did not approve."""

    plan: Plan
    approval: Approval
    price: Price | None = None


def decline(workspace: StoragePath, plan: Plan, approval: Approval, *, price: Price | None) -> Declined:
    """Say that the plan is not read, and let its workspace go once it is old."""
    who = f"by {approval.by}" if approval.by else "since nobody answered in time"
    log.info("Not approved, %s: nothing read. %s stay new.", who, count_of(plan.planned, "image"))
    write_whole(workspace / FINISHED, json.dumps({"finished_at": task.now(), "not_approved": True}).encode())
    return Declined(plan, approval, price)


def declined_counts(declined: Sequence[Declined]) -> dict[str, Any]:
    """Return what an export says of a run of which nothing was approved: no counts of reads, since there are none."""
    calls = sum(each.approval.calls for each in declined)
    price = declined[0].price
    return {
        "not_approved": len(declined),
        "planned": sum(each.plan.planned for each in declined),
        "to_pay": calls,
        "by": ", ".join(dict.fromkeys(each.approval.by for each in declined if each.approval.by)),
        "price": price.to_json() if price else None,
        "cost": costs(price, at_most=calls),
    }
