"""From settings to one aiohttp session: pool and phases of time; whom it trusts is :mod:`.trust`.

The choices here are about money as much as about speed: no redirect is followed, no cookie kept, nothing resent, and an
idle connection is reused for a few seconds only, since a server that closes it late looks like a cut call.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

import aiohttp

from airflow_provider_platerec_ocr.engine.client.connection import make_lenient
from airflow_provider_platerec_ocr.engine.client.trust import tls_context

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.settings import ClientSettings

KEEPALIVE_S = 4.0
"""Common servers and load balancers close idle connections after 5 s and more."""
LONGEST_LINE = 64 * 1024
"""Bytes of a header line that are taken; aiohttp's own limit is 8 KB, and gateways have longer ones."""
_HEADROOM = 16
"""Connections beyond the calls in flight, for the statistics and for calls that are just ending."""


def open_session(settings: ClientSettings, keepalive_s: float = KEEPALIVE_S) -> aiohttp.ClientSession:
    """Return a session for ``settings``; needs a running loop, and its owner closes it.

    :param keepalive_s: how long an idle connection may be reused.

    Raises :class:`OCRConfigError` for a CA bundle or a client certificate that cannot be loaded.
    """
    connector = aiohttp.TCPConnector(
        limit=settings.max_in_flight + _HEADROOM,
        limit_per_host=0,
        keepalive_timeout=keepalive_s,
        ssl=tls_context(settings),
    )
    make_lenient(connector, get_running_loop())
    return aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,  # a body with a damaged end was paid for, too; see core.answer.compression
        headers={"Accept-Encoding": "gzip, deflate"},
        max_line_size=LONGEST_LINE,  # should a later aiohttp go round what make_lenient does
        max_field_size=LONGEST_LINE,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # aiohttp would also let a .netrc entry fight with our token; see proxy_of in trust.py
        timeout=phases(settings, settings.timeouts.call_s),
    )


def phases(settings: ClientSettings, total_s: float) -> aiohttp.ClientTimeout:
    """Return the limits of one call that may take ``total_s`` in all."""
    connect_s = settings.timeouts.connect_s
    return aiohttp.ClientTimeout(total=total_s, connect=connect_s, sock_connect=connect_s)
