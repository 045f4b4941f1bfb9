"""The table of the fault suite, and the Airflow that its cases share."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.fault_books import Books
from support.fault_plays import performing
from support.fault_stage import staged
from support.fleet import fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fault_plays import Found, Play
    from support.fleet import Fleet

DAGS = Path(__file__).parent / "dags"
RESOLVER = Path(__file__).parent / "resolver"
TABLES = ("faults under a real scheduler and executor, on PostgreSQL", "faults of the API and of the disk")


@pytest.fixture(scope="session")
def airflow() -> Iterator[Fleet]:
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    resolver = {"PYTHONPATH": str(RESOLVER), "FAULTS_HOSTS": str(home / "hosts")}
    with fleet(home, DAGS, resolver) as running:
        yield running
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def undisturbed(airflow: Fleet, tmp_path_factory: pytest.TempPathFactory) -> list[dict[Any, Any]]:
    """The table of a run that nothing disturbs."""
    with staged(airflow, tmp_path_factory.mktemp("calm") / "calm", latency="0.2", rate_per_s=60) as stage:
        run_id = stage.trigger()
        assert stage.wait(run_id) == "success"
        stage.books().hold()
        return stage.table()


@pytest.fixture(scope="session")
def played(
    airflow: Fleet, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Play], Found]]:
    """Play all cases that were selected, at the same time."""
    calls = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    plays = [params["play"] for params in calls if "play" in params]
    with performing(plays, airflow, tmp_path_factory.mktemp("plays")) as wait_for:
        yield wait_for


@pytest.fixture
def line(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Put one line into the table that is printed at the end."""

    def put(table: int, case: str, *parts: Any, **more: Any) -> None:
        cells: dict[str, Any] = {"case": case}
        for part in parts:
            cells |= part.cells() if isinstance(part, Books) else dict(part)
        record_property(f"faults-{table}", cells | more)

    return put


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for number, title in enumerate(TABLES):
        lines = [
            value
            for report in reports
            if getattr(report, "when", "") == "call"
            for name, value in report.user_properties
            if name == f"faults-{number}"
        ]
        if lines:
            terminalreporter.section(title)
            for text in formatted(lines):
                terminalreporter.write_line(text)


def formatted(lines: list[dict[str, Any]]) -> list[str]:
    """Return lines of a table with aligned columns."""
    heads = list(dict.fromkeys(name for line in lines for name in line))
    rows = [
        [re.sub("_", " ", head) for head in heads],
        *([str(line.get(head, "")) for head in heads] for line in lines),
    ]
    widths = [max(len(row[index]) for row in rows) for index in range(len(heads))]
    return [
        " | ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
