"""Whatever a command of the demo started ends with it: who is deaf, orphaned, or in a session of its own."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

import psutil
import pytest

from airflow_provider_platerec_ocr.demo.process_tree import end, running
from support.processes import is_alive
from support.waiting import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

PATIENT_S, IMPATIENT_S = 60.0, 0.0

PARENT = """
    import subprocess, sys, threading
    for own_session in (False, True):
        child = [sys.executable, "-c", sys.argv[1], *sys.argv[2:]]
        subprocess.Popen(child, start_new_session=own_session)
    threading.Event().wait()
"""
"""Starts two processes, one of which has a session of its own, and dies of any signal without a word to them."""
DEAF = """
    import os, pathlib, signal, sys, threading
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    pathlib.Path(sys.argv[1], str(os.getpid())).touch()
    threading.Event().wait()
"""
SAVES = """
    import os, pathlib, signal, sys, threading
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    pathlib.Path(sys.argv[1], str(os.getpid())).touch()
    while not told.wait(0.01):
        pass
    pathlib.Path(sys.argv[1], str(os.getpid())).write_text("saved")
"""


class Family:
    """A command whose two children say in a folder who they are."""

    def __init__(self, folder: Path, child: str) -> None:
        self.folder = folder / "pids"
        self.folder.mkdir()
        self.log = folder / "log"
        self.command = [sys.executable, "-c", textwrap.dedent(PARENT), textwrap.dedent(child), str(self.folder)]

    def wait(self) -> list[psutil.Process]:
        """Return the children once both are up."""
        until("the children are not up", lambda: len(list(self.folder.iterdir())) == 2)
        return [psutil.Process(int(path.name)) for path in self.folder.iterdir()]

    def alive(self, leader: subprocess.Popen[bytes], children: list[psutil.Process]) -> int:
        return (leader.poll() is None) + len([child for child in children if is_alive(child)])


@pytest.mark.parametrize(("child", "patience_s"), [(DEAF, IMPATIENT_S), (SAVES, PATIENT_S)])
def test_nothing_is_left_of_a_command_not_even_what_has_a_session_of_its_own(
    tmp_path: Path, child: str, patience_s: float
) -> None:
    family = Family(tmp_path, child)
    with family.log.open("w") as output, running(family.command, output, patience_s=patience_s) as leader:
        children = family.wait()
        before = family.alive(leader, children)

    assert (before, family.alive(leader, children)) == (3, 0)


def test_who_saves_something_when_asked_has_the_time_to(tmp_path: Path) -> None:
    family = Family(tmp_path, SAVES)
    with family.log.open("w") as output, running(family.command, output, patience_s=PATIENT_S):
        family.wait()

    assert [path.read_text() for path in family.folder.iterdir()] == ["saved", "saved"]


def test_orphans_of_a_command_that_was_killed_are_ended_as_well(tmp_path: Path) -> None:
    family = Family(tmp_path, DEAF)
    with family.log.open("w") as output, running(family.command, output, patience_s=IMPATIENT_S) as leader:
        children = family.wait()
        (orphan,) = (child for child in children if os.getsid(child.pid) == leader.pid)
        (stranger,) = set(children) - {orphan}
        leader.kill()
        leader.wait()

        end(leader, IMPATIENT_S)

        left = family.alive(leader, [orphan])
        stranger.kill()  # it has a session of its own, and nobody could say any more whose it was

    assert left == 0
