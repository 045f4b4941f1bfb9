"""The page as an ASGI app: views behind one guard, static files, and errors in words. It knows nothing of Airflow.

What Airflow gives (who asks, what the configuration names, what a connection says) is handed in by :mod:`.mounted`, so
that the tests run every view without an Airflow.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.staticfiles import StaticFiles

from airflow_provider_platerec_ocr.core import page_urls
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.web import account, nights, problems, reads, reads_image, review, running
from airflow_provider_platerec_ocr.web.frame.page import Shop, base_of
from airflow_provider_platerec_ocr.web.frame.templates import templates
from airflow_provider_platerec_ocr.web.frame.turnstile import Turnstile
from airflow_provider_platerec_ocr.web.yard import accuracy
from airflow_provider_platerec_ocr.web.yard import view as yard

if TYPE_CHECKING:
    from fastapi import APIRouter, Response

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.web.frame.account_facts import Accounts
    from airflow_provider_platerec_ocr.web.frame.datasets import Datasets
    from airflow_provider_platerec_ocr.web.frame.viewer import Guard

NAV = (
    ("Account", page_urls.account_url()),
    ("Running now", page_urls.running_url()),
    ("Nights", page_urls.nights_url()),
    ("Reads", page_urls.reads_url()),
    ("Yard", page_urls.yard_url()),
    ("Review", page_urls.review_url()),
    ("Open problems", page_urls.problems_url()),
)
"""Label and address of each view in the navigation; a view's template says its label in the block ``view``."""
ROUTERS = (
    account.router,
    running.router,
    nights.router,
    reads.router,
    reads_image.router,
    yard.router,
    accuracy.router,
    review.router,
    problems.router,
)
"""One for each view."""
_STATIC = Path(__file__).parent / "static"
_HEADINGS = {
    401: "You are not signed in",
    403: "You may not see this",
    404: "There is nothing here",
    405: "There is nothing here",
    422: "This address is not complete",
    503: "This cannot be shown just now",
}
_log = logging.getLogger(__name__)


def build_app(  # noqa: PLR0913  # what is handed in, by name
    guard: Guard,
    datasets: Datasets,
    accounts: Accounts,
    *,
    clock: Clock,
    secret: bytes,
    routers: tuple[APIRouter, ...] = ROUTERS,
) -> FastAPI:
    """Return the app, to be mounted at ``/platerec-ocr``.

    :param guard: says who asks, or refuses; every view is behind it. It may have dependencies of its own.
    :param datasets: the datasets that the page knows.
    :param accounts: looks at accounts.
    :param secret: signs forms; the same in all processes that serve the page.
    """

    def signed_in(request: Request, viewer: Any = Depends(guard)) -> None:  # noqa: B008  # the guard is handed in
        request.state.viewer = viewer

    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(signed_in)],
    )
    app.state.shop = Shop(datasets, accounts, templates(NAV), clock, secret)
    for router in routers:
        app.include_router(router)
    app.add_api_route("/", _home, methods=["GET"], response_model=None)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _incomplete)
    app.add_exception_handler(OCRError, _store_fault)
    app.add_exception_handler(OSError, _store_fault)
    app.add_middleware(Turnstile)
    return app


def _home(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{request.scope.get('root_path', '').rstrip('/')}/account")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # for mypy: it is registered for these
    said = str(error.detail)
    if error.status_code == 401:  # noqa: PLR2004  # HTTP's own
        said = "Sign in to Airflow, then load this page again."
    return _said(request, error.status_code, said)


def _incomplete(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as above
    names = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
    return _said(request, 422, f"A part of the address is missing, or is not what it should be: {names}.")


def _store_fault(request: Request, error: Exception) -> Response:
    """Say what a store or a table said; which place it was stands in its own words."""
    _log.warning("%s cannot be shown: %s", request.url.path, redact(str(error)))
    return _said(request, 503, redact(str(error)))


def _said(request: Request, status: int, said: str) -> Response:
    wanted = request.headers.get("accept", "*/*")
    if "text/html" not in wanted and "*/*" not in wanted:
        return JSONResponse({"detail": said}, status)
    shop: Shop = request.app.state.shop
    heading = _HEADINGS.get(status, "This did not work")
    around = {"base": base_of(request), "here": request.url.path, "signed_in": hasattr(request.state, "viewer")}
    text = shop.templates.get_template("error.html").render(status=status, heading=heading, said=said, **around)
    return HTMLResponse(text, status)
