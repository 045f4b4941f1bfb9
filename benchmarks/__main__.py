"""The benchmarks' table: ``python -m benchmarks [--short] [SECTION …]``.

Short: under five minutes, latency and sizes scaled down. Full: the figures of the documentation, forty minutes, at the
API's own latency. Sections are ``parse plan export upkeep page reconcile memory run long unknown others``; all of them
if none is named, but for ``long``, which is left out of the short form. The exit code is 1 where the books are wrong
(an image billed twice, or not at all) or a section fails, and never because something was slow.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import airflow_run, export, memory, others, page, parse, plan, reconcile, upkeep
from benchmarks.figures import table
from benchmarks.measure import machine
from benchmarks.read import Load
from benchmarks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.figures import Figure
    from benchmarks.stage import Stage

API = airflow_run.API_LATENCY


@dataclass
class Sections:
    """What can be measured; those that need an Airflow share one."""

    short: bool
    _stack: ExitStack = field(default_factory=ExitStack)
    _stage: Stage | None = None

    def parse(self) -> Iterable[Figure]:
        """Import the example DAGs."""
        return parse.figures()

    def plan(self) -> Iterable[Figure]:
        """Plan a manifest against a dataset."""
        return plan.figures(100_000 if self.short else plan.FULL)

    def export(self) -> Iterable[Figure]:
        """Publish reads."""
        return export.figures(100_000 if self.short else export.FULL)

    def upkeep(self) -> Iterable[Figure]:
        """Make a table again from its ledger, and few files of many."""
        return upkeep.figures(20_000, 2_600) if self.short else upkeep.figures(upkeep.FULL, upkeep.FILES)

    def page(self) -> Iterable[Figure]:
        """Find a page of reads in a table of a year."""
        return page.figures(100_000 if self.short else page.FULL)

    def reconcile(self) -> Iterable[Figure]:
        """Hold reads against a list of units."""
        return reconcile.figures(100_000, 20_000) if self.short else reconcile.figures()

    def memory(self) -> Iterable[Figure]:
        """Read shards of several sizes."""
        return memory.figures(memory.SHORT if self.short else memory.FULL)

    def run(self) -> Iterable[Figure]:
        """Run the main job at a rate that is given."""
        loads = [airflow_run.SHORT] if self.short else [Load(2_000, 8, API), Load(2_000, 20, API)]
        for load in loads:
            yield from airflow_run.run(self.airflow(), load).figures()

    def long(self) -> Iterable[Figure]:
        """Run the main job over 10,000 images."""
        return airflow_run.run(self.airflow(), Load(10_000, 20, API)).figures()

    def unknown(self) -> Iterable[Figure]:
        """Run the main job at a rate that has to be found, and at one that was found the night before."""
        for load in () if self.short else (Load(2_000, 8, API), Load(2_000, 20, API)):
            yield from airflow_run.run(self.airflow(), load, given=False).figures()
        yield from airflow_run.run(self.airflow(), Load(800, 20, "2-3"), given=False, second=True).figures()

    def others(self) -> Iterable[Figure]:
        """Read as people would without the provider."""
        return others.figures(self.airflow(), others.SHORT if self.short else others.FULL)

    def airflow(self) -> Stage:
        """Return the Airflow that the sections share."""
        if self._stage is None:
            self._stage = self._stack.enter_context(stage())
            airflow_run.warm(self._stage)
        return self._stage

    def close(self) -> None:
        """End the Airflow, if there is one."""
        self._stack.close()


ORDER = ("parse", "plan", "export", "upkeep", "page", "reconcile", "memory", "run", "long", "unknown", "others")


def measure(name: str, section: Callable[[], Iterable[Figure]]) -> list[Figure] | None:
    """Return a section's lines, or ``None`` where it failed; its error is printed."""
    began = time.monotonic()
    try:
        found = list(section())
    except Exception:  # noqa: BLE001  # the others are measured all the same
        traceback.print_exc()
        found = None
    print(f"{name}: {time.monotonic() - began:.0f} s; {machine()}\n{table(found or ())}", file=sys.stderr, flush=True)
    return found


def main(arguments: list[str]) -> int:
    """Measure, print the table, and return 1 where the books are wrong or something failed."""
    line = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n\n")[2])
    line.add_argument("--short", action="store_true", help="under five minutes, latency and sizes scaled down")
    line.add_argument("sections", nargs="*", metavar="SECTION", help=" ".join(ORDER))
    given = line.parse_args(arguments)
    if unknown := set(given.sections) - set(ORDER):
        line.error(f"no such section: {' '.join(sorted(unknown))}")
    names = given.sections or [name for name in ORDER if not (given.short and name == "long")]
    sections = Sections(given.short)
    before, began = machine(), time.monotonic()
    try:
        found = {name: measure(name, getattr(sections, name)) for name in names}
    finally:
        sections.close()
    figures = [figure for part in found.values() for figure in part or ()]
    versions = f"Airflow {importlib.metadata.version('apache-airflow')}, LocalExecutor, PostgreSQL"
    print(f"{'short' if given.short else 'full'} form, {time.monotonic() - began:.0f} s, {versions}")
    print(f"before: {before}\nafter:  {machine()}\n")
    print(table(figures))
    return int(None in found.values() or any(figure.wrong for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
