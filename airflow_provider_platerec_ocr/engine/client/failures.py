"""What a broken connection means for money: nothing sent, or outcome unknown.

The border is the last byte of the request's body. Before it the API cannot have read the image; after it, it may have,
whatever happened to the connection. Texts name the thing to change and never quote a header or a body.
"""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRNotSent, OCROutcomeUnknown
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.engine.client.connection import HeadTooLong
from airflow_provider_platerec_ocr.engine.client.framing import LONGEST_HEAD

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.errors import OCRError
    from airflow_provider_platerec_ocr.core.settings import ClientSettings

_TEXTS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError),
        "The proxy does not let the call through ({detail}). Check proxy in the connection's extra.",
    ),
    (
        (aiohttp.ClientConnectorCertificateError,),
        "The certificate of {host} is not trusted ({detail}). Set verify in the connection's extra to the CA bundle.",
    ),
    (
        (aiohttp.ClientSSLError, ssl.SSLError),
        "TLS with {host} failed ({detail}). Check the connection's scheme and port, and cert if the server wants one.",
    ),
    (
        (aiohttp.ClientConnectorDNSError,),
        "The name {host} is not known to DNS ({detail}). Check the host of the connection.",
    ),
    (
        (aiohttp.ConnectionTimeoutError,),
        "No connection to {host} within {connect_s:g} s. Check host, port and firewall.",
    ),
    (
        (aiohttp.ClientConnectorError,),
        "No connection to {host} ({detail}). Check host and port of the connection.",
    ),
    ((TimeoutError,), "The call to {host} ran out of time before it was sent whole."),
)
"""What to say of a call that was not sent; the first class that fits counts."""
_WORDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (HeadTooLong, f"the head of the answer is longer than {LONGEST_HEAD} bytes"),
    ((aiohttp.ClientResponseError, HttpProcessingError), "what came is no HTTP answer that can be read"),
    (aiohttp.ClientPayloadError, "the answer ended before its announced end"),
    (aiohttp.ServerDisconnectedError, "the server closed the connection before its answer"),
)
"""Our words where the exception's own may quote what the server sent, cookies among it; the first that fits counts."""
_BROKEN = "The connection to {host} broke before the call was sent whole ({detail})."


def failure(error: Exception, settings: ClientSettings, *, whole: bool, elapsed_s: float) -> OCRError:
    """Return our error for one of aiohttp, of the operating system, or of TLS.

    :param whole: whether the last byte of the body had been handed over.
    :param elapsed_s: seconds since the call began.
    """
    detail = detail_of(error, settings)
    if whole:
        came = f"no answer came within {elapsed_s:.0f} s" if isinstance(error, TimeoutError) else detail
        message = (
            f"The connection to {_host(settings)} failed after the call was sent ({came}): the call may have been "
            "billed, so it is not repeated by itself."
        )
        return OCROutcomeUnknown(message, detail=detail, elapsed_s=elapsed_s)
    if _is_ours(error):
        message = f"The request cannot be built ({detail}). Check the host and the token of the connection."
        return OCRConfigError(message)
    message = f"{_not_sent(error, settings, detail)} Nothing was billed."
    return OCRNotSent(message, detail=detail, elapsed_s=elapsed_s)


def detail_of(error: Exception, settings: ClientSettings) -> str:
    """Return the error on one short line, without token and passwords."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):  # its text repeats host and TLS settings
        error = error.os_error
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{error.status} {_phrase(error.status)}"
    name, text = type(error).__name__, str(error)
    text = next((words for kinds, words in _WORDS if isinstance(error, kinds)), text)
    return shorten(redact(f"{name}: {text}" if text else name, settings.token, settings.proxy))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _is_ours(error: Exception) -> bool:
    """Return whether the request itself is impossible: a URL or a header that no server ever gets to see."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return True
    return isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError | OSError)


def _not_sent(error: Exception, settings: ClientSettings, detail: str) -> str:
    text = next((text for kinds, text in _TEXTS if isinstance(error, kinds)), _BROKEN)
    return text.format(host=_host(settings), detail=detail, connect_s=settings.timeouts.connect_s)


def _host(settings: ClientSettings) -> str:
    return urlsplit(settings.base_url).netloc
