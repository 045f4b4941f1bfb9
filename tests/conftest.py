"""Settings for the whole suite: no test ever touches the Airflow of whoever runs it."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from support import airflow_home
from support.warm_children import warm_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stores import S3Stand

airflow_home.claim()

pytest_plugins = ("support.cpu_of_tests",)

PART_EXAMPLES, WHOLE_EXAMPLES = 40, 400
"""Examples of a property: in `make test`, and in `make explore`."""
COLLECT_EVERY = 20_000
"""New objects after which the garbage collector looks among them for circles."""
LONGEST_ID = 40
"""Characters of a text in the name of a case."""

# Started as a script's `make test &` or `nohup make test`, the suite would start processes that are deaf to both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `make explore`; its own conftest is not read early enough."""
    parser.addoption(
        "--whole",
        action="store_true",
        help="search all that tests/explorer can, and draw more examples of each property, not a fixed part",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have properties tried with the same examples each time, unless more are asked for; never by the clock."""
    settings.register_profile("part", max_examples=PART_EXAMPLES, derandomize=True, database=None, deadline=None)
    settings.register_profile("whole", max_examples=WHOLE_EXAMPLES, deadline=None)
    settings.load_profile("whole" if config.getoption("whole") else "part")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Stand]:
    """A real S3 protocol on loopback; each test has a bucket of its own."""
    from support.stores import s3_stand  # takes a second, and most runs of a few tests need none

    with s3_stand() as stand:
        yield stand


@pytest.fixture(scope="session")
def warm_python() -> Iterator[str]:
    """Return an interpreter that starts the processes that make calls in a tenth of the time."""
    with warm_children() as python:
        yield python


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups afterwards
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes minutes out unless it is asked for, and share the rest out so that no worker waits long."""
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    for item in items:
        asked = {*getattr(item, "fixturenames", ()), *_texts_of(item)}
        if "airflow_home" in asked:
            # One database and one import of Airflow for each of two halves: as one, the others wait for it in the end.
            half = "airflow" if item.path.parent.name == "runs" else "airflow_parts"
            item.add_marker(pytest.mark.xdist_group(half))
        elif "s3" in asked:
            item.add_marker(pytest.mark.slow)  # each request takes milliseconds, on both sides
            if not item.get_closest_marker("xdist_group"):
                item.add_marker(pytest.mark.xdist_group("s3"))  # one server, and one import of all that it takes
    if hasattr(config, "workerinput"):
        items.sort(key=_comes)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare what is loaded the garbage collector, which would walk Airflow again and again.

    Refuse a pytest under which pytest-xdist does not see the groups: each worker would start a whole Airflow.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 20)
    if hasattr(session.config, "workerinput") and session.config.getoption("loadgroup", default=False):
        grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
        if any("@" not in item.nodeid for item in grouped):
            message = "pytest-xdist does not see xdist_group under this pytest; install the ones of constraints.txt."
            raise pytest.UsageError(message)


def pytest_unconfigure() -> None:
    """Let what was spared be collected in the end: DuckDB counts what is left, and says so on the screen."""
    gc.unfreeze()
    gc.collect()


def _texts_of(item: pytest.Item) -> list[str]:
    """Return the texts among a test's parameters: some ask for a fixture by its name."""
    case = getattr(item, "callspec", None)
    return [value for value in case.params.values() if isinstance(value, str)] if case else []


LONGEST_FIRST = ("one_airflow", "demo", "airflow", "airflow_parts", "s3")
"""Groups that keep one worker busy for minutes, longest first: begun late, they would be what everybody waits for."""


def _comes(item: pytest.Item) -> int:
    """Return when a test is handed to a worker: groups first, since each stays with one, and quick ones last."""
    group = item.get_closest_marker("xdist_group")
    if group is not None:
        return LONGEST_FIRST.index(group.args[0]) - len(LONGEST_FIRST) if group.args[0] in LONGEST_FIRST else 0
    return 1 if item.get_closest_marker("slow") else 2


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by the beginning of a long text: what is said of a test that failed should fit on a screen."""
    if isinstance(val, (str, bytes)) and len(val) > LONGEST_ID:
        return f"{argname} of {len(val)}: {val[:LONGEST_ID]!a}"
    return None
