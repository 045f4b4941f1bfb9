"""The receiver: a FastAPI app that answers 200 once a payload is durable, and says nothing to anybody else.

The same app is mounted in Airflow's API server by the plugin, and run alone by ``python -m …webhook``. It knows nothing
of Airflow.

What a request gets: 200 kept (also the second time) · 400 no payload · 404 everything that is not a delivery with a
right secret, whatever is wrong with it · 408 the body took too long · 413 too large · 429 too often · 503 not kept,
send again. Sizes and ids are logged, payloads and secrets never.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.webhook.inbox import InboxError
from airflow_provider_platerec_ocr.webhook.limits import Secrets, SourceRate
from airflow_provider_platerec_ocr.webhook.middleware import Guard
from airflow_provider_platerec_ocr.webhook.payload import PayloadError
from airflow_provider_platerec_ocr.webhook.receiver import Listener, Receiver
from airflow_provider_platerec_ocr.webhook.request_body import BodyTooLargeError, most_bytes, read_body, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import Request

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.webhook.inbox import Inbox
    from airflow_provider_platerec_ocr.webhook.settings import Limits, ReceiverSettings

SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105  # the header's name
"""Carries the secret where the sender can set headers; then the path ends in ``/webhook``."""
_log = logging.getLogger("airflow_provider_platerec_ocr.webhook")


def build_app(
    settings: ReceiverSettings,
    open_inbox: Callable[[], Inbox],
    *,
    clock: Clock,
    listener: Listener | None = None,
) -> FastAPI:
    """Return the receiver as an ASGI app with ``POST /webhook/{secret}``, ``POST /webhook`` and ``GET /health``.

    :param settings: secrets and limits.
    :param open_inbox: opens the inbox, in a thread, when the app starts or with the first delivery.
    :param listener: who is told of payloads; nobody by default.
    """
    receiver = Receiver(open_inbox, listener or Listener())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        receiver.look()
        yield
        await asyncio.to_thread(receiver.close)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan)
    routes = _Routes(settings, receiver)
    app.add_route("/webhook/{secret}", routes.receive, methods=["POST"])
    app.add_route("/webhook", routes.receive, methods=["POST"])
    app.add_route("/health", _health, methods=["GET"])
    app.add_exception_handler(HTTPException, _not_found)
    app.add_middleware(Guard, settings=settings, rate=SourceRate(settings.limits, clock))
    return app


class _Routes:
    """Answers deliveries."""

    def __init__(self, settings: ReceiverSettings, receiver: Receiver) -> None:
        self._secrets = Secrets(settings.secrets)
        self._limits = settings.limits
        self._receiver = receiver
        self._waiting = 0

    async def receive(self, request: Request) -> JSONResponse:
        """Answer one delivery; a wrong secret is found out before anything of the body is read."""
        given = request.headers.get(SECRET_HEADER) or request.path_params.get("secret", "")
        if not self._secrets.open_for(given):
            return _say(404)
        if self._waiting >= self._limits.max_waiting:
            _log.warning("refused a delivery: %d are being taken in", self._waiting)
            return _say(503, "Too many deliveries at once; try again.")
        self._waiting += 1
        try:
            return await self._take(request)
        finally:
            self._waiting -= 1

    async def _take(self, request: Request) -> JSONResponse:
        body = b""
        try:
            async with asyncio.timeout(self._limits.body_within_s):
                body = await _read(request, self._limits)
            receipt = await self._receiver.take(body)
        except (PayloadError, ClientDisconnect, TimeoutError) as error:
            return _refuse(error, body)
        except Exception as error:  # noqa: BLE001  # a fault of ours must cost neither a payload nor show a stack trace
            why = str(error) if isinstance(error, InboxError) else f"unexpected {type(error).__name__}"
            _log.error("not kept, %s: %s", count_of(len(body), "byte"), why)
            return _say(503, "Not kept; try again.")
        _log.info("%s payload %s, %s", "kept" if receipt.new else "had", receipt.id, count_of(len(body), "byte"))
        return JSONResponse({"id": receipt.id})


async def _read(request: Request, limits: Limits) -> bytes:
    """Return the JSON of a delivery; what announces itself as too large is not read at all."""
    content_type = request.headers.get("content-type", "")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        message = "The body is compressed; send it as it is."
        raise PayloadError(message)
    announced = request.headers.get("content-length", "")
    limit = most_bytes(content_type, limits)
    if announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit):
        raise too_large(limit)
    return await read_body(request.stream(), content_type, limits)


def _refuse(error: Exception, body: bytes) -> JSONResponse:
    if isinstance(error, TimeoutError):
        status, why = 408, "The body took too long."
    elif isinstance(error, ClientDisconnect):
        status, why = 400, "The sender went away."
    else:
        status, why = 413 if isinstance(error, BodyTooLargeError) else 400, str(error)
    _log.warning("refused with %d, %s: %s", status, count_of(len(body), "byte"), why)
    return _say(status, why)


def _say(status: int, why: str = "Not Found") -> JSONResponse:
    return JSONResponse({"detail": why}, status)


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _not_found(_request: Request, _error: Any) -> JSONResponse:
    """Answer an unknown path or method like a wrong secret."""
    return _say(404)
