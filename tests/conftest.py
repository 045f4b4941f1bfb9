"""Settings for the whole suite: no test ever touches the Airflow of whoever runs it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from support import airflow_home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stores import S3Stand

airflow_home.claim()

LONGEST_ID = 40
"""Characters of a text in the name of a case."""

# Started as a script's `make test &` or `nohup make test`, the suite would start processes that are deaf to both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Stand]:
    """A real S3 protocol on loopback; each test has a bucket of its own."""
    from support.stores import s3_stand  # noqa: PLC0415  # takes a second, and most runs of a few tests need none

    with s3_stand() as stand:
        yield stand


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups afterwards
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes minutes out unless it is asked for, and share the rest out so that no worker waits long."""
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    if hasattr(config, "workerinput"):
        for item in items:
            if "airflow_home" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("airflow"))  # one database, and one import of Airflow
        items.sort(key=_comes)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a pytest under which pytest-xdist does not see the groups: each worker would start a whole Airflow."""
    if hasattr(session.config, "workerinput") and session.config.getoption("loadgroup", default=False):
        grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
        if any("@" not in item.nodeid for item in grouped):
            message = "pytest-xdist does not see xdist_group under this pytest; install the ones of constraints.txt."
            raise pytest.UsageError(message)


LONGEST_FIRST = ("one_airflow", "airflow", "demo")
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
