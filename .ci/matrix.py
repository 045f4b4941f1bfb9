"""Runs the product on every Airflow that it says it runs on, each in an environment of its own; prints one table.

python3 .ci/matrix.py                         all cells, everything (three quarters of an hour on two cores)
python3 .ci/matrix.py --cells 3.0.6,newest    some cells
python3 .ci/matrix.py --quick                 without the quick tests, which hardly touch Airflow
python3 .ci/matrix.py --smoke                 without the provider tests as well: imports, commands and a night

A released Airflow gets its packages as they were on the day of its release, the way its own constraints did; then our
package is installed on top, and may change nothing that is there. Environments are made by uv, which is installed by
pip for this script alone; all of it is below `.cache/matrix`, with a log of every step. Needs git and an index that
knows when a file was uploaded. The exit code is 1 where a cell fails that has to pass.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matrix_cells import CELLS, HOME, ROOT, StepError, copy_tree
from matrix_environments import environment, get_uv
from matrix_steps import changes, commands, imports, nightly, provider_tests, quick_tests

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix_cells import Cell

STEPS: dict[str, Callable[[Cell], str]] = {
    "Airflow on Python": environment,
    "installing us changes": changes,
    "imports": imports,
    "commands": commands,
    "nightly DAG": nightly,
    "provider tests": provider_tests,
    "quick tests": quick_tests,
}


@dataclass
class Row:
    """What became of a cell."""

    cell: Cell
    steps: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """One word."""
        if not self.failed:
            return "pass"
        return "reported" if self.cell.may_fail else "FAIL"


def try_cell(cell: Cell, steps: dict[str, Callable[[Cell], str]]) -> Row:
    """Take every step of a cell; only a missing environment ends it early."""
    row, begin = Row(cell), time.monotonic()
    cell.folder.mkdir(parents=True, exist_ok=True)
    for old in cell.folder.glob("*.log"):
        old.unlink()
    copy_tree(cell)
    for name, step in steps.items():
        since = time.monotonic()
        try:
            row.steps[name] = step(cell)
        except StepError as error:
            row.steps[name] = f"FAILED: {error}"
            row.failed.append(name)
        print(f"{cell.name:13} {name:18} {row.steps[name]} ({time.monotonic() - since:.0f} s)", flush=True)
        if step is environment and row.failed:
            break
    row.seconds = time.monotonic() - begin
    return row


def table(rows: list[Row], steps: list[str]) -> str:
    """Return one line a cell."""
    lines = [["cell", *steps, "minutes", "verdict"]]
    lines += [
        [row.cell.name, *(row.steps.get(s, "") for s in steps), f"{row.seconds / 60:.1f}", row.verdict] for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def main() -> int:
    """Try the cells that were asked for."""
    names = [cell.name for cell in CELLS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", default=",".join(names), help=f"which of {', '.join(names)}; divided by commas")
    parser.add_argument("--quick", action="store_true", help="leave out the quick tests, which hardly touch Airflow")
    parser.add_argument("--smoke", action="store_true", help="leave out all tests: imports, commands, and a night")
    asked = parser.parse_args()
    wanted = asked.cells.split(",")
    if unknown := set(wanted) - set(names):
        parser.error(f"no cell is called {', '.join(sorted(unknown))}")
    get_uv()
    left_out = (provider_tests, quick_tests) if asked.smoke else (quick_tests,) if asked.quick else ()
    steps = {name: step for name, step in STEPS.items() if step not in left_out}
    rows = [try_cell(cell, steps) for cell in CELLS if cell.name in wanted]
    print(f"\n{table(rows, list(steps))}\n\nThe logs are in {HOME.relative_to(ROOT)}/<cell>/.")
    return int(any(row.failed and not row.cell.may_fail for row in rows))


if __name__ == "__main__":
    sys.exit(main())
