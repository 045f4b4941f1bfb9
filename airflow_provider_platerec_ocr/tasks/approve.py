"""Asking a person before a plan is paid for, as a task does it: the question, and what follows from the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import AirflowFailException, AirflowNotFoundException
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRError
from airflow_provider_platerec_ocr.core.money import Price, costs
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.approval import SpendFigures, Threshold
from airflow_provider_platerec_ocr.core.spending.purse import Grant
from airflow_provider_platerec_ocr.dataset.plan.approval import Approval, load_approval, save_approval
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.budget import release_budget, release_old
from airflow_provider_platerec_ocr.runtime.places import open_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)


def question(operator: Any, context: Context) -> tuple[str, str] | None:
    """Return what a person is asked, in one line and in full; ``None`` where nobody has to be."""
    return task.given(ApproveTask, operator).question(context)


def unasked(operator: Any, context: Context) -> list[dict[str, Any]]:
    """Return the shards of a plan that nobody was asked about."""
    return task.given(ApproveTask, operator).unasked(context)


def answered(operator: Any, context: Context, answer: Mapping[str, Any], *, approved: bool) -> list[dict[str, Any]]:
    """Return the shards that may be read after a person's answer, or after none in time.

    :param answer: as Airflow's operator returns it.
    """
    return task.given(ApproveTask, operator).answered(context, approved=approved, by=task.answered_by(answer))


@dataclass(frozen=True, slots=True)
class ApproveTask:
    """One question; the fields are the operator's arguments, rendered."""

    shards: Any
    plan: Any
    approve_above_calls: int | str | None
    approve_above_cost: float | str | None
    approve_within: timedelta | None
    conn_id: str
    ledger: str | None

    def question(self, context: Context) -> tuple[str, str] | None:
        """Return what a person is asked; the plan remembers that they were."""
        threshold = Threshold.of(self.approve_above_calls, self.approve_above_cost)
        figures, price, now = self._figures(), self._price(), SystemClock().now()
        if not figures.calls:
            log.info("This plan makes no call, so nobody is asked.")
            return None
        reason = threshold.reason(figures.calls, price)
        if not reason:
            log.info("%s: few enough that nobody is asked.", figures.subject(price).removesuffix("?"))
            return None
        for place, shard in self._plans():
            save_approval(place, Approval(Grant.from_json(shard["grant"]).calls, task.now()))
        until = "" if self.approve_within is None else f"{now + self.approve_within:%Y-%m-%d %H:%M} UTC"
        subject, body = figures.subject(price), figures.body(price, reason, until)
        log.info("A person is asked: %s It is %s. %s", subject, reason, f"Until {until}." if until else "")
        context["ti"].xcom_push(key="approval", value=self._said(approved=None))
        return subject, body

    def unasked(self, context: Context) -> list[dict[str, Any]]:
        """Return the shards; their plan's calls are a bound for good, so that clearing them needs nobody either."""
        context["ti"].xcom_push(key="approval", value=None)
        return self._bound()

    def answered(self, context: Context, *, approved: bool, by: str) -> list[dict[str, Any]]:
        """Return the shards that may be read.

        :raises AirflowFailException: the plan was made again after the question.
        """
        plans = list(self._plans())
        if approved:
            self._as_of_today(context)
        for place, shard in plans:
            asked = load_approval(place)
            if asked is None or asked.calls != Grant.from_json(shard["grant"]).calls:
                message = (
                    "The plan was made again after a person was asked about it, so the answer is not about this one: "
                    "nothing is read. Clear this task to ask about the plan that is there now."
                )
                raise AirflowFailException(message)
            save_approval(place, replace(asked, approved=approved, by=by, answered_at=task.now()))
        context["ti"].xcom_push(key="approval", value=self._said(approved=approved, by=by))
        if not approved:
            log.warning("Not approved%s: nothing is read.", f" by {by}" if by else ", since nobody answered in time")
            self._release(context)
            return []
        log.info("Approved by %s: up to %s.", by or "a person", count_of(self._figures().calls, "call"))
        return self._bound()

    def _said(self, *, approved: bool | None, by: str = "") -> dict[str, Any]:
        calls = self._figures().calls
        return {"approved": approved, "by": by, "calls": calls, "cost": costs(self._price(), at_most=calls)}

    def _all_shards(self) -> list[dict[str, Any]]:
        """Return the shards of the plan; of a mapped one, those of all of its instances."""
        found: list[dict[str, Any]] = []
        for each in self.shards or ():
            found += [each] if isinstance(each, dict) else each
        return found

    def _plans(self) -> Iterator[tuple[StoragePath, dict[str, Any]]]:
        """Yield the workspace of each plan that has something to read, with one of its shards."""
        firsts = {shard["workspace"]: shard for shard in reversed(self._all_shards())}
        for folder, shard in reversed(firsts.items()):
            yield open_place(folder), shard

    def _figures(self) -> SpendFigures:
        """Return what the plans would spend: their grants, which are what the read tasks can draw at most."""
        folders = {shard["workspace"] for shard in self._all_shards()}
        counts = [plan for plan in self._counts() if plan["workspace"] in folders]
        calls = sum(Grant.from_json(shard["grant"]).calls for _, shard in self._plans())
        return replace(SpendFigures.of(counts), calls=calls)

    def _price(self) -> Price | None:
        return next((Price.from_json(plan.get("price")) for plan in self._counts()), None)

    def _counts(self) -> list[dict[str, Any]]:
        counts = [self.plan] if isinstance(self.plan, dict) else list(self.plan or ())
        if not all(isinstance(each, dict) and "to_pay" in each for each in counts):
            message = 'plan must be the counts of the plan, plan.output["plan"], and shards what it returned.'
            raise OCRConfigError(message)
        return counts

    def _bound(self) -> list[dict[str, Any]]:
        return [shard | {"grant": shard["grant"] | {"bound": True}} for shard in self._all_shards()]

    def _release(self, context: Context) -> None:
        """Give the calls back at once: the export would do so too, but others may be waiting for them."""
        for _, shard in self._plans():
            try:
                release_budget(PlateRecOCRHook(self.conn_id), self.ledger, task.owner_of(context, shard.get("batch")))
            except (OCRError, AirflowNotFoundException) as error:
                log.warning("The run's reservation of calls stays until its export: %s", error)

    def _as_of_today(self, context: Context) -> None:
        """End the reservation of a plan whose figures are not of today: the reads ask for their calls anew then.

        Plans of today have not counted it, and may have been granted the same calls. What a read asks for is within
        the limits as they are now, counts for today, and is part of what was approved.

        :raises OCRError: a plan has limits, and nobody can say whether they hold.
        """
        for _, shard in self._plans():
            grant = Grant.from_json(shard["grant"])
            try:
                owner = task.owner_of(context, shard.get("batch"))
                old = release_old(PlateRecOCRHook(self.conn_id), self.ledger, owner, grant)
            except (OCRError, AirflowNotFoundException) as error:
                if grant.limits.any:
                    raise
                log.warning("A daily limit of other runs may not count the calls of this one: %s", error)
                continue
            if old:
                log.warning(
                    "The plan's figures are not of today, so its calls are reserved anew as they are made: within the "
                    "limits and the quota as they are now, and up to %s. Images that find none are carried over.",
                    count_of(grant.calls, "call"),
                )
