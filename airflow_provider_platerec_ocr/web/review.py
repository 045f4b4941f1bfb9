"""The view in which a person looks at doubtful reads, one by one, and decides: accept, correct, reject.

It works without a script; with it, keys do all of it, and a check digit is shown while a code is typed. A decision is
kept beside the table before the next read is shown. Who may edit the DAG that wrote the dataset may decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRError
from airflow_provider_platerec_ocr.core.page_urls import review_url, view_url
from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind
from airflow_provider_platerec_ocr.dataset.review.decide import (
    LONGEST,
    DecidedMeanwhileError,
    ReviewDecision,
    decision_on,
    keep,
)
from airflow_provider_platerec_ocr.dataset.review.doubts import CONFIDENT, SAID, Criteria
from airflow_provider_platerec_ocr.dataset.review.queue import candidates, one_read, waiting
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.page import FORM_TOKEN, Page, PageDep, check_form
from airflow_provider_platerec_ocr.web.frame.viewer import may_change_one

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.dataset.review.queue import QueuedRead
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown
    from airflow_provider_platerec_ocr.web.frame.page import Shop

router = APIRouter()
KEPT_S = 20.0
"""Seconds for which the candidates are kept: what a run publishes is shown that much later."""
MOST = 200
"""Reads that a queue holds at a time; more come up when these are done."""
MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for."""

    days: int = 30
    """Days of the table, today's included."""
    confidence_below: float = CONFIDENT
    check_digit: bool = True
    several: bool = True

    def __post_init__(self) -> None:
        """Refuse a confidence that is none."""
        _ = self.criteria

    @property
    def criteria(self) -> Criteria:
        """What needs eyes."""
        return Criteria(
            confidence_below=self.confidence_below or None, check_digit=self.check_digit, several=self.several
        )

    @property
    def query(self) -> dict[str, Any]:
        """As the address has it."""
        return {
            "days": self.days,
            "confidence_below": self.confidence_below,
            "check_digit": int(self.check_digit),
            "several": int(self.several),
        }

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Filters:
        """Return the filters of an address or of a form.

        :raises HTTPException: 422, one of them is none.
        """
        try:
            return cls(
                days=min(MOST_DAYS, max(1, int(given.get("days") or 30))),
                confidence_below=float(given.get("confidence_below") or 0),
                check_digit=str(given.get("check_digit") or "0") != "0",
                several=str(given.get("several") or "0") != "0",
            )
        except (ValueError, OCRConfigError) as error:
            raise HTTPException(422, f"This is no filter of the queue: {error}") from error


@router.get("/review")
def review(page: PageDep, request: Request, dataset: str = "", at: int = 0) -> Response:
    """Show the queue, with one read of it to be decided."""
    shown = page.chosen(dataset)
    asked = dict(request.query_params)
    filters = Filters.of(asked) if "days" in asked else Filters()
    return _queue(page, shown, filters, at)


@router.post("/review")
async def decide(page: PageDep, request: Request) -> Response:
    """Keep a decision, then show the next read."""
    given = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_decide, page, given)


def _decide(page: Page, given: Mapping[str, str]) -> Response:
    check_form(page, given.get(FORM_TOKEN, ""))
    shown, filters = page.editable(given.get("dataset", "")), Filters.of(given)
    at = int(given.get("at", "0")) if given.get("at", "0").isdecimal() else 0
    read = _read_meant(page, shown, filters, given)
    corrections = _corrections(page, shown)
    try:
        decisions = _decisions(read, given)
        keep(corrections, read, decisions, by=page.viewer.name, why="reviewed on the page", seen=_seen(given))
    except DecidedMeanwhileError as error:
        return _queue(page, shown, filters, at, trouble=error.message, status=409, also=read)
    except OCRError as error:
        return _queue(page, shown, filters, at, trouble=error.message, status=422, also=read)
    said = ", ".join(f"{each.kind.value.replace('_', ' ')} {each.code or ''}".strip() for each in decisions)
    page.viewer.note("review", shown.known.dag_id, f"{read.image}: {said}")
    return page.go(review_url(shown.known.dataset, at=at, done=_short(read), **filters.query))


def _queue(  # noqa: PLR0913  # which queue, where in it, and what went wrong
    page: Page,
    shown: Shown | None,
    filters: Filters,
    at: int,
    *,
    trouble: str = "",
    status: int = 200,
    also: QueuedRead | None = None,
) -> Response:
    if shown is None:
        return page.render("review.html", chosen=None, troubles=page.shop.datasets.all().troubles)
    queue, failed = None, ""
    try:
        queue = waiting(_candidates(page, shown, filters), _corrections(page, shown), filters.criteria, limit=MOST)
    except (OCRError, OSError) as error:
        failed = str(error)
    reads = queue.reads if queue else ()
    place = max(0, min(at, len(reads) - 1))
    read = also or (reads[place] if reads else None)
    return page.render(
        "review.html",
        status,
        chosen=shown,
        shown=page.visible(),
        filters=filters,
        queue=queue,
        at=place,
        read=read,
        name=_short(read) if read else "",
        picture=_picture(shown, read) if read else "",
        trouble=trouble or failed,
        said=SAID,
        longest=LONGEST,
        may_decide=may_change_one(page.viewer, shown.known.dags),
        done=str(page.request.query_params.get("done", ""))[:200],
    )


def _candidates(page: Page, shown: Shown, filters: Filters) -> list[dict[str, Any]]:
    """Return the rows that may need eyes, kept for some seconds."""
    since = page.now.date() - timedelta(days=filters.days - 1)
    kept: Cached[list[dict[str, Any]]] = page.shop.keep("review", _cache)
    table = page.open(shown.known.dataset)
    return kept.get((shown.known.key, filters), lambda: candidates(table, filters.criteria, since=since))


def _cache(shop: Shop) -> Cached[list[dict[str, Any]]]:
    return Cached(KEPT_S, shop.clock, most=16)


def _corrections(page: Page, shown: Shown) -> StoragePath:
    return page.open(shown.known.corrections or beside(shown.known.dataset, "corrections"))


def _read_meant(page: Page, shown: Shown, filters: Filters, given: Mapping[str, str]) -> QueuedRead:
    """Return the read that a form is about, as it is now.

    :raises HTTPException: 404, the table does not have it (any more).
    """
    try:
        day = date.fromisoformat(given.get("day", ""))
    except ValueError as error:
        raise HTTPException(422, "The form does not say which read it is about.") from error
    table, corrections = page.open(shown.known.dataset), _corrections(page, shown)
    read = one_read(table, corrections, filters.criteria, day, given.get("type", ""), given.get("key", ""))
    if read is None:
        raise HTTPException(404, "The table does not have this read any more: it was deleted, or read again.")
    return read


def _decisions(read: QueuedRead, given: Mapping[str, str]) -> list[ReviewDecision]:
    """Return what a form says: all of it is rejected, or each code is what its field holds."""
    if given.get("action") == "reject":
        return [ReviewDecision(None, CorrectionKind.TAKE_BACK)]
    found = []
    for code in read.codes:
        name = "code_none" if code.index is None else f"code_{code.index}"
        found.append(decision_on(code, given.get(name, code.code or "").strip()))
    return found


def _picture(shown: Shown, read: QueuedRead) -> str:
    """Return the address of the photograph, made small."""
    facts = {"fingerprint": read.fingerprint, "type": read.type, "day": read.day.isoformat()}
    return view_url("thumbnail", dataset=shown.known.dataset, **facts, size="large")


def _seen(given: Mapping[str, str]) -> datetime | None:
    try:
        return datetime.fromisoformat(given.get("seen", ""))
    except ValueError:
        return None


def _short(read: QueuedRead) -> str:
    return (read.image_name or read.image).rstrip("/").rpartition("/")[2]
