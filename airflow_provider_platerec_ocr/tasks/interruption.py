"""Ctrl-C of ``airflow dags test``: a person means the whole run, and Airflow would go on with the next try, or shard.

Airflow runs every task of such a run in one process, and takes Ctrl-C for a failure of the task that it hits. So the
task fails for good, and what comes after it in the same process sends nothing. A worker has a process for each task.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.compat import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Iterator

PRESSED = threading.Event()
"""Set once Ctrl-C has hit a task of this process."""


@contextmanager
def ends_the_run() -> Iterator[None]:
    """Let Ctrl-C within the block end it for good, and every later block before it begins.

    :raises AirflowFailException: Ctrl-C was pressed, now or in an earlier task of this process.
    """
    if PRESSED.is_set():
        message = "Nothing was sent: Ctrl-C was pressed in this run. Run it again; nothing is paid for twice."
        raise AirflowFailException(message)
    try:
        yield
    except KeyboardInterrupt:
        PRESSED.set()
        message = "Ctrl-C was pressed: no call starts any more, and those in flight are finished and saved."
        raise AirflowFailException(message) from None
