"""The view *Yard*: which expected units were seen, which are missing, what else was there, and since when.

It reads what reconciliations have left beside a table, and reconciles nothing itself. Who may not read the DAG that
wrote one gets nothing of it. Whatever stands in the address, there is an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response, StreamingResponse

from airflow_provider_platerec_ocr.analysis.results.nights import (
    Kept,
    Query,
    decoded,
    kept,
    look,
    sightings_of,
    without_row,
)
from airflow_provider_platerec_ocr.analysis.results.stays import Stays, stays
from airflow_provider_platerec_ocr.analysis.rules.presence import Change
from airflow_provider_platerec_ocr.analysis.yard.files import column_names, flat_rows
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.identity import safe_name
from airflow_provider_platerec_ocr.core.page_urls import view_url, yard_url
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.dataset.search.query import LONGEST
from airflow_provider_platerec_ocr.dataset.search.spreadsheet import MOST_ROWS, csv_of, xlsx_of
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.page import PageDep
from airflow_provider_platerec_ocr.web.frame.texts import XLSX, page_number
from airflow_provider_platerec_ocr.web.frame.viewer import may_see
from airflow_provider_platerec_ocr.web.yard.shown import CHANGES, STATUSES, chart_of, shown_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_platerec_ocr.analysis.results.nights import ResultRows
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown
    from airflow_provider_platerec_ocr.web.frame.page import Page, Shop

router = APIRouter()
PAGE_ROWS = 50
LAST_PAGE = 100_000
FRESH_S = 10.0
"""Seconds for which the list of a dataset's reconciliations is kept."""
STAYS_S = 600.0
"""Seconds for which it is kept what came and left: files of nights that are over do not change."""
KEPT_STAYS = 2
"""Of so many datasets: it holds every code of thirty nights."""
LOOKED_INTO = 20
"""Datasets that are looked into for one with a reconciliation."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for."""

    night: str = ""
    status: str = ""
    change: str = ""
    code: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Asked:
        """Return it, without what makes no sense."""
        status, change = given.get("status", ""), given.get("change", "")
        return cls(
            night=given.get("night", "")[:LONGEST],
            status=status if status in STATUSES else "",
            change=change if change in CHANGES else "",
            code=given.get("code", "").strip()[:LONGEST],
            page=page_number(given.get("page", ""), LAST_PAGE),
        )

    @property
    def filters(self) -> dict[str, str]:
        """As the address has them, without the page."""
        return {"night": self.night, "status": self.status, "change": self.change, "code": self.code}


@router.get("/yard", response_model=None)
def yard(page: PageDep) -> Response:
    """Show one reconciliation, and the counts of the nights before it."""
    asked = Asked.of(page.request.query_params)
    shown = _chosen(page)
    every = _kept(page, shown) if shown else []
    one = next((each for each in every if each.name == asked.night), every[0] if every else None)
    facts: dict[str, Any] = {"shown": page.visible(), "chosen": shown, "one": one, "asked": asked}
    if shown is None or one is None:
        return page.render("yard.html", **facts)
    nights = [each for each in every if each.series == one.series]
    until = [each for each in nights if each.day <= one.day]
    what = _stays(page, shown, until)
    found, gone = _look(one, asked, what, limit=PAGE_ROWS, offset=(asked.page - 1) * PAGE_ROWS)
    return page.render(
        "yard.html",
        **facts,
        every=every,
        nights=nights,
        chart=chart_of(nights),
        units=_units(page, shown, one, found, what),
        gone=gone if asked.page == 1 else [],
        total=found.total,
        changes=what.counts() if len(what.nights) > 1 else {},
        stays=what,
        labels=STATUSES,
        words=CHANGES,
        pages=_pages(shown, asked, found.total),
        files=_files(shown, asked),
        most_rows=MOST_ROWS,
    )


@router.get("/yard.csv", response_model=None)
def as_csv(page: PageDep) -> Response:
    """Send what is looked for as a CSV, with the columns that the operator's own file has."""
    found, headers = _file(page, "csv")
    text = csv_of(column_names(found.table), _plain_rows(found.table))
    return StreamingResponse(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/yard.xlsx", response_model=None)
def as_xlsx(page: PageDep) -> Response:
    """Send the same as an Excel file, or say what is to be installed for it."""
    found, headers = _file(page, "xlsx")
    try:
        data = xlsx_of(column_names(found.table), _plain_rows(found.table))
    except OCRConfigError as error:
        shown = page.dataset(page.request.query_params.get("dataset", ""))
        back = yard_url(shown.known.key)
        return page.render("reads_file.html", 501, shown=shown, said=str(error), back=back, at="Yard")
    return Response(data, media_type=XLSX, headers=headers)


def _file(page: Page, ending: str) -> tuple[ResultRows, dict[str, str]]:
    """Return the rows of a file, and its headers.

    :raises HTTPException: 404, there is no reconciliation that the viewer may see.
    """
    params = page.request.query_params
    shown, asked = page.dataset(params.get("dataset", "")), Asked.of(params)
    every = _kept(page, shown)
    one = next((each for each in every if each.name == asked.night), every[0] if every else None)
    if one is None:
        raise HTTPException(404, "No list was held against the reads of this dataset.")
    until = [each for each in every if each.series == one.series and each.day <= one.day]
    found, _ = _look(one, asked, _stays(page, shown, until), limit=MOST_ROWS, offset=0)
    left = {"X-Rows-Left-Out": "yes"} if found.total > MOST_ROWS else {}
    return found, {"Content-Disposition": f'attachment; filename="yard-{one.day}.{ending}"', **left}


def _plain_rows(table: Any) -> Iterable[dict[str, Any]]:
    """Yield rows without what signs a URL; tables of old versions may have such names of images."""
    images = table.schema.get_field_index("images")
    safe = [[safe_name(name) for name in names or ()] for names in table.column(images).to_pylist()]
    for row in flat_rows(table.set_column(images, table.schema.field(images), [safe])):
        yield {name: _safe(value) if name != "images" else value for name, value in row.items()}


def _safe(value: Any) -> Any:
    return redact(value) if isinstance(value, str) and "://" in value else value


def _chosen(page: Page) -> Shown | None:
    """Return the dataset of the address, else the first that was held against a list, else the first."""
    given = page.request.query_params.get("dataset", "")
    if given:
        return page.dataset(given)
    visible = page.visible()
    return next((each for each in visible[:LOOKED_INTO] if _kept(page, each)), visible[0] if visible else None)


def _kept(page: Page, shown: Shown) -> list[Kept]:
    """Return the reconciliations that the viewer may see, newest first: a list may be another DAG's."""
    cached = page.shop.keep("yard", _lists)
    folder = beside(shown.known.dataset, "reconciliations")
    found = cached.get(shown.known.key, lambda: kept(page.open(folder)))
    owners = {each.summary.dag_id or shown.known.dag_id for each in found}
    may = {dag_id for dag_id in owners if may_see(page.viewer, dag_id)}
    return [each for each in found if (each.summary.dag_id or shown.known.dag_id) in may]


def _lists(shop: Shop) -> Cached[list[Kept]]:
    return Cached(FRESH_S, shop.clock)


def _stays(page: Page, shown: Shown, nights: list[Kept]) -> Stays:
    cached = page.shop.keep("yard_stays", lambda shop: Cached[Stays](STAYS_S, shop.clock, most=KEPT_STAYS))
    key = (shown.known.key, *((each.name, each.summary.written_at) for each in nights))
    return cached.get(key, lambda: stays(nights))


def _look(one: Kept, asked: Asked, what: Stays, *, limit: int, offset: int) -> tuple[ResultRows, list[str]]:
    """Return the rows that are asked for, and the codes of which this became that have no row any more."""
    codes = what.with_change(Change(asked.change)) if asked.change else None
    found = look(one, Query(asked.status, asked.code, codes), limit=limit, offset=offset)
    if codes is None or asked.status or asked.code or asked.change not in {Change.LEFT, Change.AWAY}:
        return found, []
    return found, without_row(one, codes)


def _units(page: Page, shown: Shown, one: Kept, found: ResultRows, what: Stays) -> list[Any]:
    rows = found.table.to_pylist()
    codes = {code for row in rows for code in (row["code"], *(row["read_codes"] or ())) if code}
    sightings = sightings_of(one, page.open(beside(shown.known.dataset, "sightings")))
    stay = what.of(sorted(codes)) if len(what.nights) > 1 else {}
    return shown_units(shown.known.key, one, rows, decoded(sightings, codes) if codes else {}, stay)


def _pages(shown: Shown, asked: Asked, total: int) -> tuple[str, str]:
    """Return the addresses of the page before and of the next; empty where there is none."""
    before, after = asked.page - 1, asked.page + 1

    def url(number: int) -> str:
        return yard_url(shown.known.key, **asked.filters, page=None if number == 1 else number)

    return url(before) if before else "", url(after) if total > asked.page * PAGE_ROWS else ""


def _files(shown: Shown, asked: Asked) -> list[tuple[str, str]]:
    facts = {"dataset": shown.known.key, **asked.filters}
    return [("CSV", view_url("yard.csv", **facts)), ("Excel", view_url("yard.xlsx", **facts))]
