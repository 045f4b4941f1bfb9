"""The tables of the explorer: what the product was put through, and what breaks without each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = {
    "explorer-kept": "the ledger's rules, explored: no law is broken",
    "explorer-without": "the ledger's rules, one taken out at a time",
}


@pytest.fixture
def line(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Put one line into a table that is printed at the end."""

    def put(table: str, **cells: object) -> None:
        record_property(table, {name: str(cell) for name, cell in cells.items()})

    return put


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether the searches go through everything, as `make explore` has them, or a fixed part of it."""
    return bool(request.config.getoption("whole"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    properties = [
        each for report in reports if getattr(report, "when", "") == "call" for each in report.user_properties
    ]
    for table, title in TABLES.items():
        lines = [cells for name, cells in properties if name == table]
        if lines:
            terminalreporter.section(title)
            rows = [dict(zip(lines[0], lines[0], strict=True)), *lines, *_sums(lines)]
            widths = {head: max(len(row[head]) for row in rows) for head in lines[0]}
            for row in rows:
                terminalreporter.write_line(" | ".join(row[head].ljust(width) for head, width in widths.items()))


def _sums(lines: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the last row of the first table: what the documentation says of all of them together."""
    if "scenario" not in lines[0]:
        return []
    last = dict.fromkeys(lines[0], "")
    for head in ("executions", "steps", "states"):
        last[head] = f"{sum(int(row[head].replace(',', '') or 0) for row in lines):,}"
    return [last | {"scenario": f"all {len(lines)} of them"}]
