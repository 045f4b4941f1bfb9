"""Stands before the app: counts each source's requests, and keeps the secret in a path out of the server's log.

Servers (uvicorn, Airflow's own) log a request's path when it is answered, and take it from the same ``scope`` that the
app was handed. So the app gets a copy, and what the server is left with has no secret any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from airflow_provider_platerec_ocr.core.redact import MASK
from airflow_provider_platerec_ocr.webhook.limits import source_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from airflow_provider_platerec_ocr.webhook.limits import SourceRate
    from airflow_provider_platerec_ocr.webhook.settings import ReceiverSettings

_PUBLIC = frozenset({"/webhook", "/health"})


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, settings: ReceiverSettings, rate: SourceRate) -> None:
        self._app = app
        self._settings = settings
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless its source sends too many."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        inner = dict(scope)
        hide_path(scope)
        peer = scope.get("client")
        source = source_of(peer[0] if peer else None, Headers(scope=inner).getlist("x-forwarded-for"), self._settings)
        if self._rate.admit(source):
            await self._app(inner, receive, send)
            return
        answer = JSONResponse({"detail": "Too many requests."}, 429, {"Retry-After": "1"})
        await answer(inner, receive, send)


def hide_path(scope: Scope) -> None:
    """Cut from a scope what may be a secret: the query, and every path below ours that we do not know."""
    root = scope.get("root_path", "")
    below = scope["path"].removeprefix(root)
    shown = below if below in _PUBLIC else f"/webhook/{MASK}" if below.startswith("/webhook/") else f"/{MASK}"
    scope["path"] = f"{root}{shown}"
    scope["raw_path"] = scope["path"].encode("utf-8", "replace")
    scope["query_string"] = b""
