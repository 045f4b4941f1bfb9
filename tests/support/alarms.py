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
    """Have ``error`` raised by SIGALRM, in whatever the main thread does, as soon as ``when`` returns."""

    def ring(_number: int, _frame: object) -> NoReturn:
        raise error

    def wait() -> None:
        when()
        os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, ring)
    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGALRM, before)
