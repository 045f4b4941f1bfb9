"""A signal to the child is the wish to drain, whoever sends it: a service that stops, a reboot, a person.

``systemctl stop`` signals every process of a unit, a terminal that closes sends SIGHUP, and a person's ``kill`` goes to
the process that the log names. By default each would end the child at once, and with it the calls in flight.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRDrained

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]

DRAINS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals after which nothing new starts and calls in flight finish."""


class DrainSignals:
    """Takes the signals from now on; one that comes before the reading has begun is kept for it.

    :param take: sets a signal's handler.
    """

    def __init__(self, take: Callable[[int, Handler], object] = signal.signal) -> None:
        self._stop: Callable[[Exception], None] | None = None
        self._reason: OCRDrained | None = None
        for number in DRAINS:
            take(number, self._came)

    def begin(self, stop: Callable[[Exception], None]) -> None:
        """Have ``stop`` called from now on; it must be safe in a signal handler."""
        self._stop = stop
        if self._reason is not None:
            stop(self._reason)

    def _came(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        self._reason = OCRDrained(f"The process was told to end ({name}); calls in flight were finished and saved.")
        if self._stop is not None:
            self._stop(self._reason)
