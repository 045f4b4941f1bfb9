"""The account's view: what is left of the quota, what runs hold of it, how long it lasts, and which rate is in use.

A hold is lifted here, by who may edit a DAG that calls the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from airflow_provider_platerec_ocr.core.page_urls import account_url
from airflow_provider_platerec_ocr.web.frame.charts import Piece, gauge
from airflow_provider_platerec_ocr.web.frame.page import FORM_TOKEN, Page, PageDep, check_form
from airflow_provider_platerec_ocr.web.frame.viewer import may_see

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.web.frame.account_facts import AccountFacts
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown

router = APIRouter()
MOST = 20
"""Accounts on one page; each is asked by itself."""
ALL_S = 8.0
"""Seconds for all of them together: APIs that are silent must not keep the page's turns."""


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """One account, for the template."""

    facts: AccountFacts
    datasets: tuple[Shown, ...]
    """Those that call it, of those that the viewer may see."""
    may_lift: Shown | None
    """One of them that the viewer may change."""

    @property
    def reserve(self) -> int:
        """Calls that are to be left; the largest wish of its datasets."""
        return max((each.known.reserve or 0 for each in self.datasets), default=0)

    @property
    def held(self) -> int:
        """Calls that runs have reserved and not drawn."""
        return self.facts.books.held_calls if self.facts.books else 0

    @property
    def free(self) -> int | None:
        """Calls that a new run may spend."""
        statistics = self.facts.statistics
        return None if statistics is None else max(0, statistics.remaining - self.held - self.reserve)

    def money(self, calls: int) -> str:
        """Return what calls cost, or nothing where nobody set a price."""
        price = self.facts.price
        return "" if price is None else price.say(calls)

    def gauge(self) -> list[Piece]:
        """Return the quota as a bar: used, held by runs, free, reserve."""
        statistics = self.facts.statistics
        if statistics is None:
            return []
        reserve = min(self.reserve, max(0, statistics.remaining - self.held))
        parts = [("used", statistics.calls), ("held", self.held), ("free", self.free or 0), ("reserve", reserve)]
        return gauge(max(statistics.total_calls, statistics.calls), parts)


@router.get("/account", response_class=HTMLResponse)
def account(page: PageDep) -> HTMLResponse:
    """Show the accounts of the datasets whose last planning DAG the viewer may read: the connection is that DAG's."""
    until_s = page.shop.clock.monotonic() + ALL_S
    by_account: dict[tuple[str, str], list[Shown]] = {}
    mine = [each for each in page.visible() if may_see(page.viewer, each.known.dag_id)]
    for each in mine:
        by_account.setdefault((each.known.conn_id, each.ledger.uri), []).append(each)
    shown = [
        ShownAccount(
            facts=page.shop.accounts.look(conn_id, datasets[0].ledger, until_s=until_s),
            datasets=tuple(datasets),
            may_lift=next((each for each in datasets if page.viewer.may_edit(each.known.dag_id)), None),
        )
        for (conn_id, _), datasets in sorted(by_account.items())[:MOST]
        if conn_id
    ]
    return page.render("account.html", shown=shown, troubles=page.shop.datasets.all().troubles)


@router.post("/account/lift")
async def lift(page: PageDep, request: Request) -> RedirectResponse:
    """Lift the hold of the account that a dataset calls; the form is read once it is known who asks."""
    given = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_lift, page, given)


def _lift(page: Page, given: dict[str, str]) -> RedirectResponse:
    if not given.get("dataset"):
        raise HTTPException(422, "The form does not say which dataset it is about.")
    found = page.editable(given["dataset"])
    if not page.viewer.may_edit(found.known.dag_id):
        raise HTTPException(403, "In Airflow you may not edit the DAG whose account this is: nothing was changed.")
    check_form(page, given.get(FORM_TOKEN, ""))
    lifted = page.shop.accounts.lift(found.known.conn_id, found.ledger)
    said = f"the hold of account {lifted} ({found.known.conn_id}) was lifted on the page"
    page.viewer.note("platerec_ocr.lift_hold", found.known.dag_id, said)
    return page.go(account_url())
