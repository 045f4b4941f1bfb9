"""The gate's trigger: asks the statistics, which costs nothing, until enough calls are left.

Only GET happens here. A trigger runs again after every restart of the triggerer, so a paid call in it would be paid
for again; asking for the statistics twice does no harm. The token is never part of the trigger: what is stored in
Airflow's database is the connection's id.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError, OCRForbidden
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.runtime.connection import aload_settings
from airflow_provider_platerec_ocr.runtime.gate import Gate, as_xcom, is_final, name_refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_platerec_ocr.core.clock import Clock

EVENT_VERSION = 1
"""Version of the events that this trigger sends."""

_log = logging.getLogger(__name__)


class OCRStatsTrigger(BaseTrigger):
    """Fire once enough calls are left, or once no waiting can help.

    .. versionadded:: 0.2
       Its name was ``OCRStatisticsTrigger``, which goes on working for one minor release.

    Events: ``{"version": 1, "status": "success", "statistics": {…}, "message": …}`` and ``{"version": 1, "status":
    "error", "error": <class>, "message": …}``.

    :param conn_id: connection of type ``platerec_ocr``; read anew in each triggerer.
    :param min_remaining: calls that must be left.
    :param reserve: calls on top of it that are kept for others.
    :param poll_s: seconds between two looks where nobody knows when calls come back.
    :param clock: where time comes from; for tests, never stored.
    """

    def __init__(
        self,
        *,
        conn_id: str,
        min_remaining: int = 1,
        reserve: int = 0,
        poll_s: float = 1800.0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.conn_id = conn_id
        self.gate = Gate(min_remaining=min_remaining, reserve=reserve, poll_s=poll_s)
        self._clock = clock or SystemClock()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores; nothing of it is secret."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "conn_id": self.conn_id,
                "min_remaining": self.gate.min_remaining,
                "reserve": self.gate.reserve,
                "poll_s": self.gate.poll_s,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say, and say it once."""
        try:
            event = await self._wait()
        except OCRError as error:
            event = {"version": EVENT_VERSION, "status": "error", "error": type(error).__name__, "message": str(error)}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's

    async def _wait(self) -> dict[str, Any]:
        settings = await aload_settings(self.conn_id)
        async with OCRClient(settings, clock=self._clock) as client:
            while True:
                try:
                    statistics = await client.statistics()
                except OCRError as error:
                    if is_final(error):
                        raise name_refusal(error) if isinstance(error, OCRForbidden) else error from error
                    wait_s = self.gate.wait_after(error)
                    _log.warning("%s Next look in %.0f s.", error.message, wait_s)
                else:
                    verdict = self.gate.judge(statistics, self._clock.now())
                    _log.info(verdict.message)
                    if verdict.open:
                        return {
                            "version": EVENT_VERSION,
                            "status": "success",
                            "statistics": as_xcom(statistics),
                            "message": verdict.message,
                        }
                    wait_s = verdict.wait_s
                await self._clock.sleep(wait_s)


def __getattr__(name: str) -> type[OCRStatsTrigger]:
    """Return the trigger by its old name, under which tasks that were deferred before an upgrade are stored."""
    if name == "OCRStatisticsTrigger":
        message = "OCRStatisticsTrigger is called OCRStatsTrigger; the old name goes with version 0.3."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return OCRStatsTrigger
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
