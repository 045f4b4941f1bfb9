"""The view *Reads*: a search over a dataset's table, as a list or a gallery, and the same as a file.

Who may not read the dataset's DAG gets nothing of it. Whatever stands in the address, there is an answer: what is not
understood is said and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.page_urls import reads_url, view_url
from airflow_provider_platerec_ocr.dataset.search.query import FILTERS, query_of
from airflow_provider_platerec_ocr.dataset.search.search import DEEPEST, search
from airflow_provider_platerec_ocr.dataset.search.spreadsheet import FILE_COLUMNS, MOST_ROWS, csv_of, file_rows, xlsx_of
from airflow_provider_platerec_ocr.web.frame import texts
from airflow_provider_platerec_ocr.web.frame.page import PageDep
from airflow_provider_platerec_ocr.web.reads_shown import pager, shown_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery
    from airflow_provider_platerec_ocr.dataset.search.search import FoundReads
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown
    from airflow_provider_platerec_ocr.web.frame.page import Page

PAGE_ROWS = 50
LAST_PAGE = DEEPEST // PAGE_ROWS
SECONDS = 8.0
"""For which one search may go on: then the page says how far it came."""
_FIELDS = tuple(name for name in FILTERS if name != "fingerprint")
"""What the form asks for."""
router = APIRouter()


@router.get("/reads", response_model=None)
def reads(page: PageDep) -> Response:
    """Show a page of the reads that are looked for."""
    params = page.request.query_params
    shown = page.chosen(params.get("dataset", ""))
    view = "gallery" if params.get("view") == "gallery" else "list"
    if shown is None:
        return page.render("reads.html", shown=None, all_shown=[], view=view)
    query, said = asked(params)
    number = page_number(params.get("page", ""))
    found = look(page, shown, query, limit=PAGE_ROWS, offset=(number - 1) * PAGE_ROWS)
    images = shown_images(shown.known.key, found.rows())
    if number > 1 and not images:
        said.append(f"There is no page {number:,}." if number < LAST_PAGE else _too_far())
    return page.render(
        "reads.html",
        shown=shown,
        all_shown=page.visible(),
        view=view,
        query=query,
        params=dict.fromkeys(_FIELDS, "") | query.to_params(),
        asked=bool(query.to_params()),
        said=said,
        images=images,
        found=found,
        pager=pager(shown.known.key, found, view=view, size=PAGE_ROWS, most=LAST_PAGE),
        views=_views(shown, query, view),
        files=_files(shown, query),
        most_rows=MOST_ROWS,
    )


def asked(params: Mapping[str, str]) -> tuple[ReadQuery, list[str]]:
    """Return what an address asks for, ``day`` standing for that day alone, and what of it was not understood."""
    given = dict(params)
    day = given.pop("day", "")
    return query_of({"since": day, "until": day, **given} if day else given)


def page_number(text: str) -> int:
    """Return a page's number from an address: from 1 to the last that can be shown, whatever stands there."""
    return texts.page_number(text, LAST_PAGE)


def look(page: Page, shown: Shown, query: ReadQuery, **more: Any) -> FoundReads:
    """Search a dataset that the viewer may see."""
    folder = page.open(shown.known.corrections) if shown.known.corrections else None
    return search(
        page.open(shown.known.dataset), query, corrections=folder, seconds=SECONDS, clock=page.shop.clock, **more
    )


def _too_far() -> str:
    return f"This list is shown up to row {DEEPEST:,}. Look for something narrower, such as a day or a camera."


def _views(shown: Shown, query: ReadQuery, view: str) -> list[tuple[str, str, bool]]:
    """Return label, address and whether it is this one, of each way to show the same."""
    params = query.to_params()
    return [
        ("List", reads_url(shown.known.key, **params), view == "list"),
        ("Gallery", reads_url(shown.known.key, **params, view="gallery"), view == "gallery"),
    ]


def _files(shown: Shown, query: ReadQuery) -> list[tuple[str, str]]:
    params = query.to_params()
    return [
        ("CSV", view_url("reads.csv", dataset=shown.known.key, **params)),
        ("Excel", view_url("reads.xlsx", dataset=shown.known.key, **params)),
    ]


@router.get("/reads.csv", response_model=None)
def as_csv(page: PageDep) -> Response:
    """Send what is looked for as a CSV."""
    shown, found = _all(page)
    text = csv_of(FILE_COLUMNS, file_rows(found.rows()))
    return StreamingResponse(text, media_type="text/csv; charset=utf-8", headers=_attached(shown, "csv", found))


@router.get("/reads.xlsx", response_model=None)
def as_xlsx(page: PageDep) -> Response:
    """Send what is looked for as an Excel file, or say what is to be installed for it."""
    shown, found = _all(page)
    try:
        data = xlsx_of(FILE_COLUMNS, file_rows(found.rows()))
    except OCRConfigError as error:
        return page.render("reads_file.html", 501, shown=shown, said=str(error), back=reads_url(shown.known.key))
    return Response(data, media_type=texts.XLSX, headers=_attached(shown, "xlsx", found))


def _all(page: Page) -> tuple[Shown, FoundReads]:
    params = page.request.query_params
    shown = page.dataset(params.get("dataset", ""))
    query, _ = asked(params)
    return shown, look(page, shown, query, limit=MOST_ROWS)


def _attached(shown: Shown, ending: str, found: FoundReads) -> dict[str, str]:
    """Return the headers of a file: its name has letters that no browser misunderstands."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in shown.name)
    said = {"X-Rows-Left-Out": "yes"} if found.late or not found.exact or found.total > MOST_ROWS else {}
    return {"Content-Disposition": f'attachment; filename="{plain[:80] or "reads"}.{ending}"', **said}
