"""From settings to one aiohttp session: pool, TLS, proxy, phases of time.

The choices here are about money as much as about speed: no redirect is followed, no cookie kept, nothing resent, and an
idle connection is reused for a few seconds only, since a server that closes it late looks like a cut call.
"""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

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
        ssl=_tls(settings),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # aiohttp would also let a .netrc entry fight with our token; see proxy_of
        timeout=phases(settings, settings.timeouts.call_s),
    )


def phases(settings: ClientSettings, total_s: float) -> aiohttp.ClientTimeout:
    """Return the limits of one call that may take ``total_s`` in all."""
    connect_s = settings.timeouts.connect_s
    return aiohttp.ClientTimeout(total=total_s, connect=connect_s, sock_connect=connect_s)


def proxy_of(settings: ClientSettings) -> str | None:
    """Return the proxy to use: the setting's own, else the environment's where ``trust_env`` allows it.

    Raises :class:`OCRConfigError` for a proxy that is no http or https URL; its text is never shown, since it may
    hold a password.
    """
    proxy, source = settings.proxy, "proxy in the connection's extra"
    if not proxy and settings.trust_env:
        target = urlsplit(settings.base_url)
        if not urllib.request.proxy_bypass(target.hostname or ""):
            source = f"{target.scheme.upper()}_PROXY in the environment"
            proxy = urllib.request.getproxies().get(target.scheme)
    if not proxy:
        return None
    try:
        parts = urlsplit(proxy)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        message = f"{source} is no proxy URL such as http://user:password@proxy.example.com:3128."
        raise OCRConfigError(message)
    return proxy


def _tls(settings: ClientSettings) -> ssl.SSLContext:
    context = _trusting(settings.verify)
    if settings.cert:
        try:
            context.load_cert_chain(settings.cert)
        except OSError as error:  # ssl.SSLError is one
            message = (
                f"cert {settings.cert!r} in the connection's extra cannot be loaded ({error}). It is the path of a PEM "
                "file with the client certificate and its key, on the machine that runs the task."
            )
            raise OCRConfigError(message) from None
    return context


def _trusting(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001  # as requests has it
    """Return a context that trusts the system's authorities, only those of a bundle, or (``False``) anybody."""
    if isinstance(verify, str):
        folder = Path(verify).is_dir()
        try:
            return ssl.create_default_context(cafile=None if folder else verify, capath=verify if folder else None)
        except OSError as error:  # ssl.SSLError is one
            message = (
                f"verify {verify!r} in the connection's extra cannot be loaded ({error}). It is true, false, or the "
                "path of a CA bundle (PEM) on the machine that runs the task."
            )
            raise OCRConfigError(message) from None
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
