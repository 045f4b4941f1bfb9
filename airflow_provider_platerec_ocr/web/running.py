"""What runs now: each shard of each run with how far it is, renewed without reloading.

The workers write that into small files every few seconds; nothing asks a worker, and a worker that is gone is told by
its silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.dataset.report.live import LiveFolder, ShardProgress
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.page import PageDep, Shop
from airflow_provider_platerec_ocr.web.frame.templates import as_time

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_platerec_ocr.web.frame.datasets import Shown

router = APIRouter()
FRESH_S = 2.0
"""Seconds for which the files of one workspace are kept: many may look on."""
SILENT = timedelta(seconds=60)
"""A shard that has not ended and says nothing for this long is stuck, or its process is gone."""
GONE = timedelta(hours=12)
"""After this, a run that was never published is no longer shown."""
MOST_SHARDS = 200
"""Shards of one run that are listed one by one."""


@dataclass(frozen=True, slots=True)
class RunNow:
    """One run that goes on, or waits for its export."""

    shown: Shown
    shards: tuple[ShardProgress, ...]
    """Those that have begun."""
    now: datetime

    @property
    def first(self) -> ShardProgress:
        """One of them: what they have in common."""
        return self.shards[0]

    @property
    def done(self) -> int:
        """Images that have ended."""
        return sum(each.done for each in self.shards)

    @property
    def total(self) -> int:
        """Images of the shards that have begun."""
        return sum(each.total for each in self.shards)

    @property
    def live(self) -> tuple[ShardProgress, ...]:
        """Shards that are being read."""
        return tuple(each for each in self.shards if not each.ended and not self.is_silent(each))

    @property
    def images_per_s(self) -> float:
        """Images a second of all of them."""
        return sum(each.images_per_s for each in self.live)

    @property
    def in_flight(self) -> int:
        """Calls that are open."""
        return sum(each.in_flight for each in self.live)

    @property
    def refused(self) -> int:
        """Calls that were refused or not sent."""
        return sum(sum(each.refused.values()) for each in self.shards)

    @property
    def eta_s(self) -> float | None:
        """Seconds until the slowest of them is done, where all can tell."""
        times = [each.eta_s for each in self.live]
        return None if not times or None in times else max(each for each in times if each is not None)

    def is_silent(self, shard: ShardProgress) -> bool:
        """Return whether a shard should have said something by now."""
        at = as_time(shard.at)
        return not shard.ended and (at is None or self.now - at > SILENT)


@router.get("/running", response_class=HTMLResponse)
def running(page: PageDep) -> HTMLResponse:
    """Show the runs of all datasets that the viewer may see."""
    troubles: list[str] = []
    runs: list[RunNow] = []
    seen: dict[str, list[ShardProgress]] = {}
    for shown in page.visible():
        try:
            root = shown.known.workspace
            found = seen[root] if root in seen else seen.setdefault(root, _live(page.shop, root))
        except (OCRError, OSError, ValueError, ImportError) as error:
            troubles.append(f"{shown.name}: {error}")
            continue
        runs += _runs(shown, [each for each in found if page.viewer.may_read(each.dag_id)], page.now)
    runs.sort(key=lambda run: (not run.live, run.shown.name, run.first.run))
    return page.render("running.html", runs=runs, troubles=troubles, known=bool(seen) or bool(troubles))


def _live(shop: Shop, root: str) -> list[ShardProgress]:
    """Return what is written below the folder of all workspaces."""
    cached = shop.keep("running", lambda shop: Cached[list[ShardProgress]](FRESH_S, shop.clock))
    return cached.get(root, lambda: LiveFolder(shop.datasets.opener(root)).read())


def _runs(shown: Shown, found: list[ShardProgress], now: datetime) -> list[RunNow]:
    """Return the runs of one dataset: datasets may share a workspace, and its DAGs tell whose run it is."""
    by_run: dict[str, list[ShardProgress]] = {}
    for each in found:
        at = as_time(each.at)
        if each.dag_id in shown.known.dags and at is not None and now - at < GONE:
            by_run.setdefault(each.run, []).append(each)
    return [RunNow(shown, tuple(shards), now) for shards in by_run.values()]
