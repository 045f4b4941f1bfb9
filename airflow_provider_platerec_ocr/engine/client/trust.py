"""Whom a call trusts and through which proxy it goes: one rule for the free calls and the paid ones.

The free calls are made with requests, the paid ones with aiohttp; each would take the environment in its own way, and a
connection test would be green where every call fails. So both ask here. What the environment means is what requests
makes of it, which is what people know.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow_provider_platerec_ocr.core.settings import ClientSettings

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name further authorities; the first that is set counts. OpenSSL itself looks at ``SSL_CERT_FILE``."""


def proxy_of(settings: ClientSettings) -> str | None:
    """Return the proxy to use: the setting's own, else the environment's where ``trust_env`` allows it.

    Raises :class:`OCRConfigError` for a proxy that is no http or https URL; its text is never shown, since it may
    hold a password.
    """
    proxy, source = settings.proxy, "proxy in the connection's extra"
    if not proxy and settings.trust_env:
        proxy, source = environment_proxy(settings.base_url)
    if not proxy:
        return None
    try:
        parts = urlsplit(proxy)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        socks = parts.scheme.startswith("socks")
    except ValueError:
        good = socks = False
    if not good:
        why = "SOCKS proxies are not supported" if socks else "it is no proxy URL"
        message = f"{source} cannot be used, {why}: give one such as http://user:password@proxy.example.com:3128."
        raise OCRConfigError(message)
    return proxy


def environment_proxy(url: str) -> tuple[str | None, str]:
    """Return the proxy that the environment has for ``url``, or ``None``, and the name of its variable.

    As in requests: ``<SCHEME>_PROXY``, else ``ALL_PROXY``, unless ``NO_PROXY`` names the host; the lower-case name
    counts first, and a proxy without a scheme is an http one.
    """
    target = urlsplit(url)
    if is_exempt(target):
        return None, ""
    found = urllib.request.getproxies()
    for kind in (target.scheme, "all"):
        if proxy := found.get(kind):
            whole = proxy if "://" in proxy else f"http://{proxy}"
            return whole, f"{kind.upper()}_PROXY in the environment"
    return None, ""


def is_exempt(target: SplitResult) -> bool:
    """Return whether ``NO_PROXY`` names the target: by host, end of its name, host and port, address or network."""
    host = target.hostname or ""
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    entries = [entry for entry in listed.replace(" ", "").split(",") if entry]
    address = _ipv4(host)
    if address is not None:
        if any(address in network for network in map(_network, entries) if network is not None) or host in entries:
            return True
    else:
        names = [host, f"{host}:{target.port}"] if target.port else [host]
        for entry in (entry.lstrip(".") for entry in entries):
            if any(name == entry or name.endswith(f".{entry}") for name in names):
                return True
    return bool(urllib.request.proxy_bypass(host))


def _ipv4(text: str) -> ipaddress.IPv4Address | None:
    """Return the address that the system's own reader makes of a text, which takes ``10.1`` for one, too."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def _network(entry: str) -> ipaddress.IPv4Network | None:
    """Return the network that an entry such as ``10.0.0.0/8`` names, ``None`` where it is none."""
    start, slash, bits = entry.partition("/")
    address = _ipv4(start)
    if not slash or address is None or not bits.isdecimal() or not 1 <= int(bits) <= 32:  # noqa: PLR2004  # its bits
        return None
    return ipaddress.IPv4Network((address, int(bits)), strict=False)


def tls_context(settings: ClientSettings) -> ssl.SSLContext:
    """Return the TLS settings of every call: whom it trusts, and the client certificate that it shows.

    Raises :class:`OCRConfigError` for a file that cannot be loaded.
    """
    context = _trusting(settings)
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


def _trusting(settings: ClientSettings) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, only those of a bundle, or (``False``) anybody."""
    if isinstance(settings.verify, str):
        where = f"verify {settings.verify!r} in the connection's extra"
        return _loaded(None, settings.verify, where, "It is true, false, or the path of a CA bundle (PEM)")
    context = ssl.create_default_context()
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    name = next((name for name in BUNDLES if os.environ.get(name)), None)
    if settings.trust_env and name:
        return _loaded(context, os.environ[name], f"{name} {os.environ[name]!r}", "It is the path of a CA bundle (PEM)")
    return context


def _loaded(context: ssl.SSLContext | None, path: str, what: str, help_: str) -> ssl.SSLContext:
    """Return ``context`` with the authorities at ``path``, or one that trusts those alone."""
    folder = Path(path).is_dir()
    cafile, capath = (None, path) if folder else (path, None)
    try:
        if context is None:
            return ssl.create_default_context(cafile=cafile, capath=capath)
        context.load_verify_locations(cafile, capath)
    except OSError as error:  # ssl.SSLError is one
        message = f"{what} cannot be loaded ({error}). {help_} on the machine that runs the task."
        raise OCRConfigError(message) from None
    return context
