"""Webhooks: after each processed call the answer goes to the targets, in the background.

Three body forms, as the vendor's products use them. Every attempt is reported to the call log. Knows nothing of calls
but the answer it is given.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aiohttp

from airflow_provider_platerec_ocr.sandbox.state.clock import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.sandbox.state.clock import Clock

FIRST_HOOK_ID = 123
_STOP_AFTER_S = 2.0


class WebhookForm(StrEnum):
    """How the body is written."""

    JSON = "json"
    """``application/json``, as the OCR document shows it."""
    MULTIPART = "multipart"
    """multipart/form-data with a field ``json`` and the file ``upload``, as sibling products do."""
    URLENCODED = "urlencoded"
    """A urlencoded field ``json``."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where and how webhooks are sent."""

    targets: tuple[str, ...] = ()
    """Target URLs; none switches webhooks off."""
    form: WebhookForm = WebhookForm.JSON
    """The body's form."""
    retries: int = 0
    """Further attempts after one that did not get 200; none is documented."""
    pause_s: float = 0.5
    """Seconds before a further attempt."""
    timeout_s: float = 10.0
    """Seconds after which an attempt is given up."""


@dataclass(frozen=True, slots=True)
class Processed:
    """One processed call, as far as webhooks need it."""

    seq: int
    """The call's number in the log."""
    answer: dict[str, Any]
    """The API's answer."""
    image: bytes | None
    """The uploaded bytes."""
    file_url: str
    """Where the image can be fetched."""


class Webhooks:
    """Sends webhooks; must be closed."""

    def __init__(self, settings: WebhookSettings, clock: Clock, report: Callable[[dict[str, Any]], None]) -> None:
        """Take the place where attempts are reported."""
        self.settings = settings
        self._clock = clock
        self._report = report
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, processed: Processed) -> None:
        """Begin the delivery of one answer to all targets; returns at once."""
        for index, target in enumerate(self.settings.targets):
            task = asyncio.create_task(self._deliver(processed, target, FIRST_HOOK_ID + index))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give deliveries under way a moment, then end."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_STOP_AFTER_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _deliver(self, processed: Processed, target: str, hook_id: int) -> None:
        data = processed.answer | {"file_url": processed.file_url}
        payload = {"hook": {"target": target, "id": hook_id}, "data": data}
        for attempt in range(1, self.settings.retries + 2):
            status, error = await self._post(target, payload, processed)
            self._report(
                {
                    "seq": processed.seq,
                    "target": target,
                    "attempt": attempt,
                    "status": status,
                    "error": error,
                    "at": iso(self._clock.now()),
                }
            )
            if status == 200 or attempt > self.settings.retries:  # noqa: PLR2004 - the only status the document accepts
                return
            await self._clock.sleep(self.settings.pause_s)

    async def _post(self, target: str, payload: dict[str, Any], processed: Processed) -> tuple[int, str | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=self.settings.timeout_s)
        try:
            async with self._session.post(target, timeout=timeout, **self._body(payload, processed)) as response:
                await response.read()
                return response.status, None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return 0, f"{type(error).__name__}: {error}"

    def _body(self, payload: dict[str, Any], processed: Processed) -> dict[str, Any]:
        if self.settings.form is WebhookForm.JSON:
            return {"json": payload}
        form = aiohttp.FormData({"json": json.dumps(payload)}, quote_fields=False)
        if self.settings.form is WebhookForm.MULTIPART:
            name = str(processed.answer["filename"])
            form.add_field("upload", processed.image or b"", filename=name, content_type="image/jpeg")
        return {"data": form}
