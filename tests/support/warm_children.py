"""The processes that make calls, started in a tenth of the time: forks of one that has imported what they need.

Such a process imports for longer than a test's calls take, and hundreds of tests have one. It is started through
``sys.executable``, in whose place :func:`warm_children` gives a launcher: for a process that makes calls, it hands its
descriptors, arguments, environment and signals to a fork of the warm process, and ends as that ends; killed, it takes
the fork along. Everything else runs in the real interpreter, whose place the launcher takes. ``tests/worker`` and
``tests/faults`` start the process as the product does. :func:`warm_programs` does the same for ``python -c``.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import marshal
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "airflow_provider_platerec_ocr.worker.child"
WARM = (
    "airflow_provider_platerec_ocr.worker.job",
    "airflow_provider_platerec_ocr.worker.single_job",
    "airflow_provider_platerec_ocr.worker.said_lines",
    "airflow_provider_platerec_ocr.worker.drain_signals",
    "airflow_provider_platerec_ocr.worker.travel",
    "encodings.idna",
    "fsspec.implementations.local",
    "resource",
)
"""What such a process imports; not its main module, which each runs anew."""
LAUNCHER = """#!/bin/sh
''':'
exec "{python}" -IS "$0" "$@"
'''
import _signal, _socket, marshal, os, sys
arguments = sys.argv[1:]
served, arguments = arguments[:{words}], arguments[{words}:]
if served != {served!r}:
    os.execv({python!r}, [{python!r}, *served, *arguments])
channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
channel.connect({address!r})
passed = [0, 1, 2, *map(int, arguments[:{descriptors}])]
packed = b"".join(number.to_bytes(4, sys.byteorder) for number in passed)
request = marshal.dumps((arguments, passed, dict(os.environ), os.getcwd()))
channel.sendmsg([request], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, lambda number, _: channel.send(bytes([number])))
code = int(channel.recv(16) or b"1")
if code < 0:
    if -code in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
        _signal.signal(-code, _signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""
"""A shell script to the kernel, whose first lines may be as long as they like; it imports nothing that takes long."""
MOST_BYTES = 1_000_000
FIRST_SPARE = 500
"""Descriptors from here on are nobody's."""


@contextmanager
def warm_children() -> Iterator[str]:
    """Run a warm process until the block ends, and give the path to put in the place of ``sys.executable``."""
    with _warm(["-P", "-m", MODULE], WARM, descriptors=1) as launcher:
        yield launcher


@contextmanager
def warm_programs(*modules: str) -> Iterator[str]:
    """Give an interpreter whose ``-c`` programs find these modules imported, until the block ends."""
    with _warm(["-c"], modules) as launcher:
        yield launcher


@contextmanager
def _warm(served: list[str], modules: tuple[str, ...], descriptors: int = 0) -> Iterator[str]:
    """See above.

    :param served: the first words of a command line that a fork runs.
    :param descriptors: words after those that are numbers of descriptors to pass on.
    """
    if sys.platform != "linux":  # the kind of socket is Linux's
        yield sys.executable
        return
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        launcher, address = Path(folder, "python"), str(Path(folder, "socket"))
        told = {"python": sys.executable, "served": served, "words": len(served), "descriptors": descriptors}
        launcher.write_text(LAUNCHER.format(**told, address=address))
        launcher.chmod(0o755)
        with listening(address) as listener:
            command = [sys.executable, "-P", __file__, str(listener.fileno()), served[-1], *modules]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])  # noqa: S603  # ours
        try:
            yield str(launcher)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Return a socket to which launchers may connect from now on, whether or not anybody is warm yet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(100)
        yield listener


class Warm:
    """The warm process: forks for each launcher, passes its signals on, and tells it how its fork ended.

    :param runs: the module that forks run, or ``-c`` for a program in the arguments.
    """

    def __init__(self, listener: socket.socket, runs: str, modules: tuple[str, ...]) -> None:
        self._listener = listener
        self._runs = runs
        self._modules = modules
        self._channels: dict[int, socket.socket] = {}
        """The launcher of each fork, by the fork's process id."""
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Serve until the tests' process is gone."""
        woken, wake = socket.socketpair()
        for each in (woken, wake):
            os.set_blocking(each.fileno(), False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno())
        for source in (self._listener, woken, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._listener:
                    self._fork(self._listener.accept()[0])
                elif key.fileobj is woken:
                    woken.recv(1000)
                    self._reap()
                else:
                    self._pass_on(key.data)

    def _fork(self, channel: socket.socket) -> None:
        warm_up(self._modules)  # when the first one comes, since many tests start none
        data, passed, _, _ = socket.recv_fds(channel, MOST_BYTES, 10)
        if not data:  # the launcher was killed before it said anything
            channel.close()
            return
        pid = os.fork()
        if not pid:
            _become(self._runs, data, passed)
        for number in passed:
            os.close(number)
        self._channels[pid] = channel
        self._selector.register(channel, selectors.EVENT_READ, pid)

    def _pass_on(self, pid: int) -> None:
        """Pass a signal on; a launcher that is gone was killed."""
        try:
            number = self._channels[pid].recv(1)
        except ConnectionResetError:
            number = b""
        with suppress(ProcessLookupError):
            os.kill(pid, number[0] if number else signal.SIGKILL)
        if not number:
            self._selector.unregister(self._channels[pid])

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                channel = self._channels.pop(ended[0])
                with suppress(KeyError):
                    self._selector.unregister(channel)
                with suppress(OSError):
                    channel.send(str(os.waitstatus_to_exitcode(ended[1])).encode())
                channel.close()


def _become(runs: str, data: bytes, passed: list[int]) -> NoReturn:
    """Be the process that was asked for, in a fork; end as it ends, without a look back."""
    code = 1
    try:
        arguments, numbers, environment, folder = marshal.loads(data)  # noqa: S302  # from our own launcher
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        spare = [fcntl.fcntl(number, fcntl.F_DUPFD, FIRST_SPARE) for number in passed]
        os.closerange(0, FIRST_SPARE)  # the objects that hold them live on, and end with the process
        for number, target in zip(spare, numbers, strict=True):
            os.dup2(number, target)
            os.close(number)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.path[:0] = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        if runs == "-c":
            sys.argv = [runs, *arguments[1:]]
            exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  # our own program
        else:
            sys.argv = [runs, *arguments]
            runpy.run_module(runs, run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001  # a fork must never go on as the warm process
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # as an interpreter ends
    atexit._run_exitfuncs()  # noqa: SLF001  # as above
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


@cache
def warm_up(modules: tuple[str, ...]) -> None:
    """Import what the forks need."""
    for module in modules:
        importlib.import_module(module)
    importlib.import_module("PIL.Image").init()  # and all formats
    assert threading.active_count() == 1  # a fork has one thread only, and what the others held stays locked
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    Warm(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], tuple(sys.argv[3:])).serve()
