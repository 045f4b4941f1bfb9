"""One request as a view sees it: who asks, the datasets, and how its template becomes an answer.

A view is a plain ``def`` that takes a :data:`PageDep` and its parameters, so FastAPI runs it in a thread; it may block,
within what :mod:`.turnstile` lets through.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from airflow_provider_platerec_ocr.core.page_urls import PREFIX
from airflow_provider_platerec_ocr.web.frame.datasets import in_order
from airflow_provider_platerec_ocr.web.frame.viewer import form_token, is_form_token, may_change_one, may_see_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from jinja2 import Environment

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.web.frame.account_facts import Accounts
    from airflow_provider_platerec_ocr.web.frame.datasets import Datasets, Shown
    from airflow_provider_platerec_ocr.web.frame.viewer import Viewer

FORM_TOKEN = "form_token"  # noqa: S105  # the field's name
"""Hidden field of every form that changes anything; in a template: ``{{ form_token_field }}``."""
T = TypeVar("T")
_FORBIDDEN = "You may not see this dataset: in Airflow you may not read the DAG that wrote it."
_UNKNOWN = (
    "No dataset of this name is known here. A plan makes it known when it runs; one whose ledger is not the one of "
    "[platerec_ocr] ledger can be named in the option [platerec_ocr] datasets."
)


@dataclass(frozen=True)
class Shop:
    """What the app keeps for all of its requests."""

    datasets: Datasets
    accounts: Accounts
    templates: Environment
    clock: Clock
    secret: bytes = field(repr=False)
    """Signs forms."""
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def keep(self, name: str, make: Callable[[Shop], T]) -> T:
        """Return what a view keeps between requests, such as a cache; made for the first that asks.

        :param name: the view's own.
        """
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make(self)
            kept: T = self._kept[name]
            return kept


@dataclass(frozen=True, slots=True)
class Page:
    """One request."""

    request: Request
    viewer: Viewer
    shop: Shop

    @property
    def now(self) -> datetime:
        """The present, in UTC."""
        return self.shop.clock.now()

    @property
    def base(self) -> str:
        """Airflow's own path, with a slash at its end: the page's addresses are relative to it."""
        return base_of(self.request)

    def visible(self) -> list[Shown]:
        """Return the datasets that the viewer may see, as a chooser lists them.

        :raises HTTPException: 403 where there are some, and none for this viewer.
        """
        shown = self.shop.datasets.visible(self.viewer)
        if not shown and (self.shop.datasets.all().found or not self.viewer.may_read("")):
            raise HTTPException(403, "In Airflow you may not read any DAG that wrote a dataset.")
        return list(in_order(shown))

    def dataset(self, uri: str) -> Shown:
        """Return the dataset of an address, if the viewer may see it. Call this before anything of it is opened.

        :raises HTTPException: 403 the viewer may not read its DAG, 404 there is none.
        """
        found = self.shop.datasets.one(uri)
        if found is None:
            self.visible()  # who may see nothing is not told what there is
            raise HTTPException(404, _UNKNOWN)
        if not may_see_one(self.viewer, found.known.dags):
            raise HTTPException(403, _FORBIDDEN)
        return found

    def chosen(self, uri: str) -> Shown | None:
        """Return the dataset of an address, else the first that the viewer may see; ``None`` where there is none."""
        if uri:
            return self.dataset(uri)
        shown = self.visible()
        return shown[0] if shown else None

    def editable(self, uri: str) -> Shown:
        """Return the dataset of an address, if the viewer may change it: who may edit a DAG that writes it may.

        :raises HTTPException: 403 or 404.
        """
        found = self.dataset(uri)
        if not may_change_one(self.viewer, found.known.dags):
            dags = ", ".join(self.dags(found)) or "that writes this dataset"
            raise HTTPException(403, f"In Airflow you may not edit the DAG {dags}, so nothing was changed.")
        return found

    def dags(self, shown: Shown | None) -> list[str]:
        """Return the DAGs that write a dataset, as far as the viewer may know of them."""
        return [dag_id for dag_id in (shown.known.dags if shown else ()) if self.viewer.may_read(dag_id)]

    def open(self, uri: str) -> StoragePath:
        """Open a place of a known dataset; never one that a request names."""
        return self.shop.datasets.opener(uri)

    def form_token(self) -> str:
        """Return what each form that changes something carries."""
        return form_token(self.shop.secret, self.viewer.name, self.now)

    def render(self, template: str, /, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page.

        :param template: file in ``web/templates``; every value in it is escaped.
        """
        text = self.shop.templates.get_template(template).render(
            page=self, base=self.base, here=here_of(self.request), **values
        )
        return HTMLResponse(text, status)

    def go(self, url: str) -> RedirectResponse:
        """Return an answer that leads to another view, after a form was taken.

        :param url: of :mod:`~...core.page_urls`.
        """
        return RedirectResponse(f"{self.base}{url}", 303)


def base_of(request: Request) -> str:
    """Return the path of Airflow itself, with a slash at its end."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    return f"{root.removesuffix(PREFIX).rstrip('/')}/"


def here_of(request: Request) -> str:
    """Return the path and query of a request: a link within a page needs them, since the base is another."""
    return f"{request.url.path}{f'?{request.url.query}' if request.url.query else ''}"


def page_of(request: Request) -> Page:
    """Return the request as a view sees it; the guard has run before."""
    return Page(request, request.state.viewer, request.app.state.shop)


PageDep = Annotated[Page, Depends(page_of)]
"""What a view takes."""


def check_form(page: Page, given: str) -> None:
    """Refuse a form that did not come from a page of this user, of today or yesterday.

    :raises HTTPException: 403.
    """
    if not is_form_token(given, page.shop.secret, page.viewer.name, page.now, page.now - timedelta(days=1)):
        message = "This form is too old, or did not come from this page. Load the page again, and try again."
        raise HTTPException(403, message)
