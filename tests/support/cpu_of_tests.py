"""How much of a processor each test, file and fixture takes: `pytest --cpu`, with or without workers.

Wall time tells mostly of what else a machine does, and a test that waits costs nobody anything; what makes the suite
long on two cores is its processor time. Counted are this process, with all of its threads, the processes that were
started and waited for, and, on Linux, those that still live. What is missed: a process whose parent has not waited for
it, and a daemon that gave up its parents (PostgreSQL's, which takes little). A fixture's time is that of its setup,
without the fixtures it asks for; its end counts for the last test that had it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

LINES = 40
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KINDS = {
    "workers": "workers (collection is a part of it)",
    "rooms": "folders",
    "files": "files",
    "tests": "tests",
    "fixtures": "fixtures",
}
"""What is counted by, and how it is called."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--cpu",
        type=int,
        nargs="?",
        const=LINES,
        metavar="LINES",
        help=f"print the CPU seconds of the heaviest folders, files, tests and fixtures ({LINES} lines each)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Count where it was asked for."""
    if config.getoption("cpu"):
        config.pluginmanager.register(Meter(config), "cpu_of_tests")


class Meter:
    """Counts in one process; the one that started the workers adds up what they counted."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._root = config.rootpath
        self._counts: dict[str, dict[str, float]] = {kind: defaultdict(float) for kind in KINDS}
        self._nested_s = [0.0]
        """What the fixtures within each unfinished one took."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Count the collection, imports included."""
        before = spent_s()
        result = yield
        self._counts["workers"][f"{self._name()}: collection"] += spent_s() - before
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Count one test, with its fixtures."""
        before = spent_s()
        result = yield
        took_s = spent_s() - before
        file = item.path.relative_to(self._root)
        self._counts["tests"][item.nodeid] += took_s
        self._counts["files"][str(file)] += took_s
        self._counts["rooms"][str(Path(*file.parts[:2]) if len(file.parts) > 2 else file)] += took_s
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Count one fixture's setup."""
        before = spent_s()
        self._nested_s.append(0.0)
        try:
            return (yield)
        finally:
            took_s = spent_s() - before
            within_s = self._nested_s.pop()
            self._nested_s[-1] += took_s
            self._counts["fixtures"][f"{fixturedef.baseid or 'pytest'}: {fixturedef.argname}"] += took_s - within_s

    def pytest_sessionfinish(self) -> None:
        """Hand a worker's counts over."""
        self._counts["workers"][f"{self._name()}: all"] = spent_s()
        if hasattr(self._config, "workerinput"):
            self._config.workeroutput["cpu"] = {kind: dict(count) for kind, count in self._counts.items()}  # type: ignore[attr-defined]  # pytest-xdist's

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker counted."""
        for kind, count in getattr(node, "workeroutput", {}).get("cpu", {}).items():
            for name, took_s in count.items():
                self._counts[kind][name] += took_s

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the tables."""
        lines = self._config.getoption("cpu")
        for kind, title in KINDS.items():
            count = self._counts[kind]
            terminalreporter.section(f"CPU seconds by {title}")
            for name, took_s in sorted(count.items(), key=itemgetter(1), reverse=True)[:lines]:
                terminalreporter.write_line(f"{took_s:9.2f}  {name}")
            if kind != "workers":
                terminalreporter.write_line(f"{sum(count.values()):9.2f}  all {len(count)}")

    def _name(self) -> str:
        worker = getattr(self._config, "workerinput", None)
        return worker["workerid"] if worker else "this process"


def spent_s() -> float:
    """Return the CPU seconds of this process, of all it has waited for, and of what it started and still lives."""
    return sum(os.times()[:4]) + _living(Path("/proc/self"))


def _living(process: Path) -> float:
    """Return what the living descendants of a process took, with what they waited for."""
    total = 0.0
    try:
        children = [child for task in (process / "task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:  # it has just ended, or this is no Linux
        return 0.0
    for child in children:
        found = Path("/proc", child)
        try:
            fields = (found / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended, and waited for meanwhile
            continue
        total += sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S + _living(found)
    return total
