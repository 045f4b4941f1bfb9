"""From settings to one aiohttp session: pool and phases of time; whom it trusts is :mod:`.trust`.

The choices here are about money as much as about speed: no redirect is followed, no cookie kept, nothing resent, and an
idle connection is reused for a few seconds only, since a server that closes it late looks like a cut call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from airflow_provider_platerec_ocr.engine.client.trust import tls_context

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.settings import ClientSettings

KEEPALIVE_S = 4.0
"""Common servers and load balancers close idle connections after 5 s and more."""
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
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # aiohttp would also let a .netrc entry fight with our token; see proxy_of in trust.py
        timeout=phases(settings, settings.timeouts.call_s),
    )


def phases(settings: ClientSettings, total_s: float) -> aiohttp.ClientTimeout:
    """Return the limits of one call that may take ``total_s`` in all."""
    connect_s = settings.timeouts.connect_s
    return aiohttp.ClientTimeout(total=total_s, connect=connect_s, sock_connect=connect_s)
