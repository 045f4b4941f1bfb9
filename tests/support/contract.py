"""The API in situations that its document names, played by the sandbox or by the document's own answers.

The suite in ``tests/contract`` runs against both: what passes on one and fails on the other is a fake that lies.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.settings import ClientSettings, Timeouts
from support.rawserver import raw_server, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.rawserver import Connection
    from support.sandbox import Sandbox

RECORDED = Path(__file__).parent.parent / "contract" / "recorded"
TOKEN = "YOUR_API_TOKEN"


class Situation(StrEnum):
    """What a call meets."""

    FINE = "fine"
    BAD_TOKEN = "bad token"
    NOT_ENABLED = "not enabled"
    QUOTA = "quota used up"
    THROTTLED = "rate limit, 2 s to wait"
    UNAVAILABLE = "prediction service error"
    BAD_REQUEST = "invalid image"
    TOO_LARGE = "too large"
    NOTHING_FOUND = "nothing found"
    ERROR_IN_200 = "200 with an error"
    CUT = "connection cut after the work"
    GATEWAY = "502 with an HTML page"
    CREATED = "201 instead of 200"


def _detail(status: int, text: str, **headers: str) -> bytes:
    return response(status, f'{{"detail": "{text}"}}'.encode(), {"Content-Type": "application/json", **headers})


def recorded(name: str) -> bytes:
    """Return an answer of the document."""
    return (RECORDED / name).read_bytes()


def _recorded_answers() -> dict[Situation, bytes]:
    """Statuses and successful bodies are the document's; the other texts are those of the vendor's other products."""
    forbidden = "OCR is not enabled for your account or API call limit reached."
    return {
        Situation.FINE: response(200, recorded("read.json")),
        Situation.CREATED: response(201, recorded("read.json")),
        Situation.BAD_TOKEN: _detail(401, "Invalid token."),
        Situation.NOT_ENABLED: _detail(403, forbidden),
        Situation.QUOTA: _detail(403, forbidden),
        Situation.THROTTLED: _detail(429, "Request was throttled. Expected available in 2 seconds."),
        Situation.UNAVAILABLE: _detail(503, "Prediction service error"),
        Situation.BAD_REQUEST: response(400, b'{"upload": ["Upload a valid image."]}'),
        Situation.TOO_LARGE: response(413, b'{"error": "Image is too large"}'),
        Situation.NOTHING_FOUND: response(200, b'{"processing_time": 3.1, "results": [], "filename": "image.jpg"}'),
        Situation.ERROR_IN_200: response(200, b'{"error": "no image"}'),
        Situation.CUT: b"",
        Situation.GATEWAY: response(502, b"<html><title>502 Bad Gateway</title></html>", {"Content-Type": "text/html"}),
    }


_SANDBOX: dict[Situation, dict[str, Any]] = {
    Situation.FINE: {},
    Situation.CREATED: {"success_status": 201},
    Situation.BAD_TOKEN: {"tokens": ["another"]},
    Situation.NOT_ENABLED: {"enabled": False},
    Situation.QUOTA: {"used": 5000, "quota": 5000},
    Situation.THROTTLED: {"faults": ["always:429;retry_after=2"]},
    Situation.UNAVAILABLE: {"faults": ["always:503"]},
    Situation.BAD_REQUEST: {"faults": ["always:400"]},
    Situation.TOO_LARGE: {"max_upload_bytes": 10},
    Situation.NOTHING_FOUND: {"faults": ["always:empty"]},
    Situation.ERROR_IN_200: {"faults": ["always:error-200"]},
    Situation.CUT: {"faults": ["always:cut-after"]},
    Situation.GATEWAY: {"faults": ["always:502-html"]},
}


class Api:
    """One of the two players.

    :param sandbox: the running sandbox; ``None`` plays the recorded answers.
    """

    def __init__(self, sandbox: Sandbox | None) -> None:
        self._sandbox = sandbox

    @asynccontextmanager
    async def meet(self, situation: Situation) -> AsyncIterator[ClientSettings]:
        """Put the API into ``situation`` and say how to reach it."""
        if self._sandbox is not None:
            self._sandbox.reset()
            self._sandbox.control(**_SANDBOX[situation])
            yield _settings(self._sandbox.url)
            return
        read = _recorded_answers()[situation]
        statistics = recorded("statistics.json")
        if situation is Situation.QUOTA:
            statistics = statistics.replace(b'"calls": 55', b'"calls": 5000')

        async def behave(connection: Connection) -> None:
            while True:
                await connection.request()
                asked = connection.server.requests[-1][0].startswith("GET")
                if not asked and situation is Situation.CUT:
                    return
                refused = situation is Situation.BAD_TOKEN
                await connection.send(response(200, statistics) if asked and not refused else read)

        async with raw_server(behave) as server:
            yield _settings(server.url)


def _settings(url: str) -> ClientSettings:
    return ClientSettings(token=TOKEN, base_url=url, timeouts=Timeouts(call_s=20, statistics_s=20))
