"""Watches the inbox of webhooks from the triggerer, for sites without an open port: another process fills it.

At least once: an event goes out for whatever is there after the cursor, and the cursor moves only after that. What an
event starts must therefore sweep the inbox, and not take the event for one payload. No call is made here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_platerec_ocr.compat import AirflowException, asset_state
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_platerec_ocr.core.clock import Clock

EVENT_VERSION = 1
"""Version of the events that this trigger sends."""
CURSOR = "platerec_ocr_inbox_cursor"
"""Key of the cursor in the asset's state store."""
MOST = 1000
"""Payloads that one look counts."""
_log = logging.getLogger(__name__)


class OCRInboxTrigger(BaseEventTrigger):
    """Fire whenever the inbox of webhooks has something new; for an ``AssetWatcher``.

    Events: ``{"version": 1, "payloads": 12, "until": <cursor>}``. Where it was is kept in the asset's state store, so a
    restarted triggerer goes on there; where it is watched by no asset, or by several, it begins anew.

    :param inbox: folder of the inbox. Default: the option ``[platerec_ocr] inbox``, else the folder
        ``platerec_ocr/inbox`` under ``AIRFLOW_HOME``. One that is not there yet is waited for.
    :param poll_s: seconds between two looks, each of which lists a few folders.
    :param clock: where time comes from; for tests, never stored.
    """

    def __init__(self, *, inbox: str | None = None, poll_s: float = 30.0, clock: Clock | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.inbox = inbox
        self.poll_s = poll_s
        self._clock = clock

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores; nothing of it is secret."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {"inbox": self.inbox, "poll_s": self.poll_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, tell, remember, pause; for ever."""
        clock = self._clock or SystemClock()
        cursor = await self._load()
        while True:
            found, until = await asyncio.to_thread(self._look, cursor, clock)
            if found:
                yield TriggerEvent(  # type: ignore[no-untyped-call]  # Airflow's
                    {"version": EVENT_VERSION, "payloads": found, "until": until}
                )
                cursor = until
                await self._save(cursor)
            await clock.sleep(self.poll_s)

    def _look(self, cursor: str, clock: Clock) -> tuple[int, str]:
        """Return how many payloads are after the cursor (at most :data:`MOST`), and the cursor of the last of them."""
        from airflow_provider_platerec_ocr.runtime.inbox_access import open_inbox

        found, until = 0, cursor
        try:
            inbox = open_inbox(self.inbox, clock=clock)
            for payload in inbox.scan(cursor, MOST) if inbox else ():
                found, until = found + 1, payload.cursor
        except (OCRError, AirflowException) as error:  # the store refuses, or its connection is not there
            _log.warning("%s It is looked at again in %s s.", error, self.poll_s)
        return found, until

    async def _load(self) -> str:
        """Return the cursor of the asset's state store, empty where there is none."""
        try:
            stored = await asset_state(self, "get", CURSOR)
        except ValueError:
            _log.warning("Several assets are watched by this trigger: after a restart it begins anew.")
            return ""
        return stored if isinstance(stored, str) else ""

    async def _save(self, cursor: str) -> None:
        try:
            await asset_state(self, "set", CURSOR, cursor)
        except ValueError:
            _log.debug("Where the inbox was read to is not kept.")
