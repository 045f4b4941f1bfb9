"""What a signal raises in the middle of a wait, as Airflow's ``execution_timeout`` does."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class TimesUp(BaseException):
    """As ``AirflowTaskTimeout``: no ``except Exception`` catches it."""


@contextmanager
def alarm(error: BaseException, when: Callable[[], object]) -> Iterator[None]:
    """Have ``error`` raised by SIGALRM, in whatever the main thread does, as soon as ``when`` returns.

    What ends before is not waited for: its own error is what a test has to show.
    """
    lock, over = threading.Lock(), threading.Event()

    def ring(_number: int, _frame: object) -> NoReturn:
        raise error

    def wait() -> None:
        when()
        with lock:
            if not over.is_set():
                os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, ring)
    threading.Thread(target=wait, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            over.set()
        signal.signal(signal.SIGALRM, before)
