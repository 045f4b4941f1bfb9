"""What waits for a person: open dead letters by reason, and calls in doubt, each with what to do and its command."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS
from airflow_provider_platerec_ocr.dataset.layout.table_files import all_files, opened
from airflow_provider_platerec_ocr.dataset.table.letters import LetterBook
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.page import PageDep
from airflow_provider_platerec_ocr.web.frame.remedies import DOUBTS, commands, remedy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown
    from airflow_provider_platerec_ocr.web.frame.page import Page
    from airflow_provider_platerec_ocr.web.frame.remedies import Remedy

router = APIRouter()
FRESH_S = 20.0
"""Seconds for which the letters of one dataset are kept."""
MOST_EXACT = 50_000
"""Dead letters of a folder that are looked at together, some 70 MB of memory for a moment."""
EXAMPLES = 50
"""Images of one reason that are listed; the table has them all."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_COLUMNS = (
    "image",
    "row",
    "type",
    "message",
    "fingerprint",
    "first_seen",
    "last_seen",
    "times",
    "permanent",
    "manifest",
)


@dataclass(slots=True)
class Problem:
    """All open letters of one reason."""

    reason: str
    count: int = 0
    permanent: int = 0
    """Of these, letters of images that no run plans again by itself."""
    since: Any = None
    last: Any = None
    examples: list[dict[str, Any]] = field(default_factory=list)
    """The newest of them, as rows."""

    @property
    def is_doubt(self) -> bool:
        """Whether calls may have been billed without an answer."""
        return self.reason in DOUBTS

    @property
    def remedy(self) -> Remedy:
        """What to do."""
        return remedy(self.reason)


@dataclass(frozen=True, slots=True)
class OpenProblems:
    """What is open in one folder of dead letters."""

    by_dag: dict[str, list[Problem]]
    """By DAG and by reason; the DAG is empty where a letter names none."""
    exact: bool = True
    """Whether each problem is counted once."""


def open_problems(folder: StoragePath, most: int = MOST_EXACT) -> OpenProblems:
    """Return the open dead letters of a folder, without ever holding more than so many of them.

    Beyond that, files are gone through batch by batch, and a problem that version 1 wrote down each night, or that a
    crash has left twice, counts as often as it is there.

    :param most: letters that are looked at together.
    :raises OCRDatasetError: a file of it cannot be read.
    """
    if sum(all_files(folder, _letters_in)) <= most:
        return OpenProblems(_by_dag(LetterBook(folder).table()))
    of_files = all_files(folder, _gone_through)
    dags = {dag_id for each in of_files for dag_id in each}
    return OpenProblems(
        {dag_id: together(problem for each in of_files for problem in each.get(dag_id, ())) for dag_id in dags},
        exact=False,
    )


def _letters_in(file: TableFile) -> int:
    with opened(file.place, DEAD_LETTERS) as parquet:
        return int(parquet.metadata.num_rows)


def _gone_through(file: TableFile) -> dict[str, list[Problem]]:
    """Return what is open in one file, of which one batch is in memory at a time."""
    found: dict[str, list[Problem]] = {}
    for table in batches(file, (*_COLUMNS, "reason", "dag_id", "closed_at"), DEAD_LETTERS):
        for dag_id, problems in _by_dag(table).items():
            found[dag_id] = together([*found.get(dag_id, ()), *problems])
    return found


def _by_dag(table: Any) -> dict[str, list[Problem]]:
    table = table.filter(pc.is_null(table.column("closed_at"))).sort_by([("last_seen", "descending")])
    dags = pc.fill_null(table.column("dag_id"), "")
    return {dag_id: _by_reason(table.filter(pc.equal(dags, dag_id))) for dag_id in pc.unique(dags).to_pylist()}


def together(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with one of each reason: doubts first, then by how many there are."""
    found: dict[str, list[Problem]] = {}
    for each in problems:
        found.setdefault(each.reason, []).append(each)
    merged = [_merged(alike) if len(alike) > 1 else alike[0] for alike in found.values()]
    return sorted(merged, key=lambda problem: (not problem.is_doubt, -problem.count, problem.reason))


def _merged(alike: list[Problem]) -> Problem:
    seen = [row for each in alike for row in each.examples]
    seen.sort(key=lambda row: row["last_seen"] or _NEVER, reverse=True)
    return Problem(
        reason=alike[0].reason,
        count=sum(each.count for each in alike),
        permanent=sum(each.permanent for each in alike),
        since=min((each.since for each in alike if each.since), default=None),
        last=max((each.last for each in alike if each.last), default=None),
        examples=seen[:EXAMPLES],
    )


def _by_reason(table: Any) -> list[Problem]:
    found: dict[str, Problem] = {}
    for reason in pc.unique(table.column("reason")).to_pylist():
        rows = table.filter(pc.equal(table.column("reason"), reason)) if reason is not None else table.slice(0, 0)
        if not rows.num_rows:
            continue
        found[reason] = Problem(
            reason=reason,
            count=rows.num_rows,
            permanent=pc.sum(pc.fill_null(rows.column("permanent"), False)).as_py() or 0,  # noqa: FBT003  # pyarrow's
            since=pc.min(rows.column("first_seen")).as_py(),
            last=pc.max(rows.column("last_seen")).as_py(),
            examples=rows.slice(0, EXAMPLES).select(_COLUMNS).to_pylist(),
        )
    return list(found.values())


@router.get("/problems", response_class=HTMLResponse)
def problems(page: PageDep, dataset: str = "") -> HTMLResponse:
    """Show the open problems of a dataset."""
    chosen = page.chosen(dataset)
    found = _found(page, chosen) if chosen else OpenProblems({})
    may = [dag_id for dag_id in found.by_dag if not dag_id or page.viewer.may_read(dag_id)]
    return page.render(
        "problems.html",
        shown=page.visible(),
        chosen=chosen,
        problems=together(problem for dag_id in may for problem in found.by_dag[dag_id]),
        exact=found.exact,
        commands=commands,
        troubles=page.shop.datasets.all().troubles,
    )


def _found(page: Page, shown: Shown) -> OpenProblems:
    """Return what is open in the dataset's folder of dead letters, which may be another DAG's as well."""
    cached = page.shop.keep("problems", lambda shop: Cached[OpenProblems](FRESH_S, shop.clock, most=16))
    return cached.get(shown.known.key, lambda: open_problems(page.open(shown.known.dead_letters)))
