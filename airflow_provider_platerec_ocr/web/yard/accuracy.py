"""How sure the codes are, by what persons looked at: by kind, what was confused, and where to draw the line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from airflow_provider_platerec_ocr.analysis.results.reviewed import Reviewed, accuracy_of, reviewed
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.page import PageDep

router = APIRouter()
SPANS = (30, 90, 400)
"""Days that can be asked for."""
TARGETS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Percent of wrong codes that can be asked for."""
SECONDS = 8.0
"""For which one search may go on."""
FRESH_S = 60.0
"""Seconds for which what was found is kept."""


@router.get("/accuracy", response_class=HTMLResponse)
def accuracy(page: PageDep) -> HTMLResponse:
    """Show it for one dataset."""
    params = page.request.query_params
    shown = page.chosen(params.get("dataset", ""))
    days = next((each for each in SPANS if str(each) == params.get("days")), SPANS[1])
    percent = next((each for each in TARGETS if f"{each:g}" == params.get("target")), 1.0)
    facts: dict[str, Any] = {
        "shown": page.visible(),
        "chosen": shown,
        "days": days,
        "spans": SPANS,
        "target": percent,
        "targets": TARGETS,
    }
    if shown is None:
        return page.render("accuracy.html", found=None, **facts)
    table = page.open(shown.known.dataset)
    corrections = page.open(shown.known.corrections or beside(shown.known.dataset, "corrections"))
    since = page.now.date() - timedelta(days=days - 1)
    cached = page.shop.keep("accuracy", lambda shop: Cached[Reviewed](FRESH_S, shop.clock, most=8))
    seen = cached.get(
        (shown.known.key, days),
        lambda: reviewed(table, corrections, since=since, seconds=SECONDS, clock=page.shop.clock),
    )
    return page.render("accuracy.html", found=accuracy_of(seen, percent / 100), **facts)
