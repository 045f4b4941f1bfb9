"""The last nights of a dataset as rows and two small charts, each with its report and Airflow's own page of the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from airflow_provider_platerec_ocr.core.page_urls import report_url, running_url
from airflow_provider_platerec_ocr.dataset.report.nights import LAST, Night, last_nights, night_of
from airflow_provider_platerec_ocr.storage.files import read_start
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.charts import Column, columns
from airflow_provider_platerec_ocr.web.frame.page import PageDep
from airflow_provider_platerec_ocr.web.frame.viewer import may_see

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown
    from airflow_provider_platerec_ocr.web.frame.page import Page

router = APIRouter()
FRESH_S = 10.0
"""Seconds for which the nights of one dataset are kept."""
LARGEST_REPORT = 5_000_000
"""Bytes of a report that is still shown."""
REPORT_POLICY = (
    "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
"""A report is a file from a store: no script of it runs, it is nobody's origin, and it fetches nothing."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")


@dataclass(frozen=True, slots=True)
class Charts:
    """Two pictures of the nights, oldest at the left."""

    images: tuple[Column, ...]
    """What became of the images."""
    times: tuple[Column, ...]
    """How long each took, with its limit as a mark; empty where no night says."""


def charts_of(nights: list[Night]) -> Charts:
    """Return the pictures of nights that are newest first."""
    oldest = nights[::-1]
    images = columns(
        [
            (
                night.date or "",
                [
                    ("used", night.billed),
                    ("good", night.from_ledger),
                    ("reserve", night.in_doubt),
                    ("bad", night.dead_letters),
                ],
                None,
            )
            for night in oldest
        ]
    )
    timed = any(night.seconds is not None for night in oldest)
    times = columns([(night.date or "", [("held", night.seconds)], night.limit_s) for night in oldest]) if timed else []
    return Charts(tuple(images), tuple(times))


@router.get("/nights", response_class=HTMLResponse)
def nights(page: PageDep, dataset: str = "") -> HTMLResponse:
    """Show the last runs of a dataset."""
    chosen = page.chosen(dataset)
    found = _nights(page, chosen) if chosen else []
    return page.render(
        "nights.html",
        shown=page.visible(),
        chosen=chosen,
        nights=found,
        charts=charts_of(found),
        troubles=page.shop.datasets.all().troubles,
        most=LAST,
    )


def _nights(page: Page, shown: Shown) -> list[Night]:
    """Return the nights that the viewer may see: a folder of reports may be another DAG's as well."""
    cached = page.shop.keep("nights", lambda shop: Cached[list[Night]](FRESH_S, shop.clock))
    found = cached.get(shown.known.key, lambda: last_nights(page.open(shown.known.reports)))
    may = {dag_id for dag_id in {night.dag_id for night in found} if may_see(page.viewer, dag_id)}
    return [night for night in found if night.dag_id in may]


@router.get("/report")
def report(page: PageDep, dataset: str, run: str) -> Response:
    """Return the report of a run as it lies beside its JSON; it opens offline in the same way."""
    shown = page.dataset(dataset)
    if not _NAME.fullmatch(run):
        raise HTTPException(404, "No report has such a name.")
    folder = page.open(shown.known.reports)
    figures = _small(folder / f"{run}.json")
    night = night_of(run, figures)  # which DAG's it is: the folder may be another's as well
    if figures is None or night is None or not may_see(page.viewer, night.dag_id):
        raise HTTPException(404, "This run has no report (yet): its export writes it.")
    drawn = _small(folder / f"{run}.html")
    data, kind = (figures, "application/json") if drawn is None else (drawn, "text/html; charset=utf-8")
    return Response(data, media_type=kind, headers={"Content-Security-Policy": REPORT_POLICY})


def _small(place: StoragePath) -> bytes | None:
    """Return a file's content; ``None`` where there is none, or it is too large to be a report."""
    data = read_start(place, LARGEST_REPORT + 1)
    return None if data is None or len(data) > LARGEST_REPORT else data


@router.get("/run", response_class=HTMLResponse)
def run(page: PageDep, dag_id: str, run_id: str) -> Response:
    """Lead from Airflow's page of a run to its report, or to what runs now."""
    if not page.viewer.may_read(dag_id):
        raise HTTPException(403, "In Airflow you may not read this DAG.")
    ids = {run_id, run_id.replace(" ", "+")}  # older versions of Airflow do not quote the plus sign of a time zone
    mine = [shown for shown in page.shop.datasets.all().found if dag_id in shown.known.dags]
    pairs = [(shown, night) for shown in mine for night in _nights(page, shown) if night.run_id in ids]
    found = [(shown, night) for shown, night in pairs if night.dag_id == dag_id]
    if len(found) == 1:
        shown, night = found[0]
        return page.go(report_url(shown.known.key, night.run))
    return page.render("run.html", found=found, dag_id=dag_id, run_id=run_id, reads=bool(mine), running=running_url())
