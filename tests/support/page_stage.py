"""The page without an Airflow: a viewer is a header, and datasets are folders of the test's own.

::

    stage = PageStage(tmp_path)
    stage.note(dag_id="nightly")
    assert "reads" in stage.get("account").text
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from starlette.testclient import TestClient

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRUnavailable
from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.kept.known_datasets import KnownDataset, note_dataset
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.web.app import ROUTERS, build_app
from airflow_provider_platerec_ocr.web.frame.account_facts import Accounts
from airflow_provider_platerec_ocr.web.frame.datasets import Datasets, Sources

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import APIRouter

    from airflow_provider_platerec_ocr.core.clock import Clock

AIRFLOW = "/air"
"""Airflow's own path, as behind a proxy."""


@dataclass
class StageViewer:
    """Who may read and edit what, by DAG id; ``*`` stands for all."""

    name: str
    reads: frozenset[str]
    edits: frozenset[str]
    notes: list[tuple[str, str, str]]

    def may_read(self, dag_id: str) -> bool:
        return bool(self.reads) if not dag_id else bool({"*", dag_id} & self.reads)

    def may_edit(self, dag_id: str) -> bool:
        return bool({"*", dag_id} & self.edits)

    def note(self, event: str, dag_id: str, text: str) -> None:
        self.notes.append((event, dag_id, text))


@dataclass
class PageStage:
    """One app and what it shows."""

    root: Path
    clock: Clock = field(default_factory=SystemClock)
    routers: tuple[APIRouter, ...] = ROUTERS
    datasets: tuple[str, ...] = ()
    """The option ``datasets``."""
    connections: dict[str, ClientSettings] = field(default_factory=lambda: {"yard": ClientSettings(token="sandbox")})
    """What the API server finds, by connection id."""
    statistics: Statistics | None = field(default_factory=lambda: Statistics(2_000, 10_000))
    """What the account says; ``None``: it does not answer."""
    asked: int = 0
    """How often it was asked."""
    takes_s: float = 0.0
    """Seconds that it takes to answer."""
    given_s: list[float] = field(default_factory=list)
    """Seconds that it was given, each time."""
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    """What was written down of changes: event, DAG, text."""

    def __post_init__(self) -> None:
        self.ledger = self.root / "ledger"
        self.ledger.mkdir(exist_ok=True)
        app = FastAPI(root_path=AIRFLOW)
        sources = Sources((str(self.ledger),), self.datasets, opener=open_place)
        listed = Datasets(sources, self.clock)
        self.accounts = Accounts(self._settings, self.clock, ask=self._statistics)
        page = build_app(
            self._guard, listed, self.accounts, clock=self.clock, secret=b"the stage's own", routers=self.routers
        )
        app.mount("/platerec-ocr", page)
        self.app = app
        self.client = TestClient(app, follow_redirects=False)

    def _settings(self, conn_id: str) -> ClientSettings:
        if conn_id in self.connections:
            return self.connections[conn_id]
        message = f"The conn_id `{conn_id}` isn't defined"
        raise LookupError(message)

    def _statistics(self, settings: ClientSettings, give_up_s: float) -> Statistics:
        del settings
        self.asked += 1
        self.given_s.append(give_up_s)
        if self.takes_s:
            self.clock.pause(min(self.takes_s, give_up_s))
        if self.statistics is None:
            message = "Nobody answers."
            raise OCRUnavailable(message)
        return self.statistics

    def _guard(self, request: Request) -> StageViewer:
        who = request.headers.get("x-user")
        if who is None:
            raise HTTPException(401, "Not authenticated")
        reads, edits = (request.headers.get(name, "").split() for name in ("x-reads", "x-edits"))
        return StageViewer(who, frozenset(reads), frozenset(edits), self.notes)

    def note(self, name: str = "reads", **known: Any) -> str:
        """Make a dataset known, as a plan does, and return its URI."""
        uri = known.pop("dataset", str(self.root / name))
        places = {kind: beside(uri, kind) for kind in ("dead_letters", "workspace", "reports", "corrections")}
        facts = {"dag_id": "nightly", "conn_id": "yard", "type": "vin"} | places | known
        assert note_dataset(open_place(str(self.ledger)), KnownDataset(uri, **facts))
        return str(uri)

    def get(self, url: str, user: str | None = "ann", reads: str = "*", edits: str = "", **headers: str) -> Any:
        """Load an address of :mod:`...core.page_urls`, or a view by its name."""
        return self.client.get(self._path(url), headers=self._headers(user, reads, edits) | headers)

    def post(self, url: str, form: dict[str, str], user: str | None = "ann", reads: str = "*", edits: str = "*") -> Any:
        """Send a form."""
        return self.client.post(self._path(url), data=form, headers=self._headers(user, reads, edits))

    def _path(self, url: str) -> str:
        return f"{AIRFLOW}/{url if url.startswith('platerec-ocr/') else f'platerec-ocr/{url}'}"

    def _headers(self, user: str | None, reads: str, edits: str) -> dict[str, str]:
        return {} if user is None else {"x-user": user, "x-reads": reads, "x-edits": edits}
