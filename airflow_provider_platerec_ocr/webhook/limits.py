"""Who is asking, how often, and whether the secret is one of ours: small rules without HTTP and without waiting."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Address

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.webhook.settings import Limits, ReceiverSettings

_SOURCES = 10_000
"""Sources that are remembered; the one not heard of for longest is forgotten first, so that memory stays flat."""
UNKNOWN_SOURCE = "unknown"
"""Every peer without an address, such as those of a Unix socket, is one source."""


class Secrets:
    """Compares in a time that depends neither on which secret it is nor on how much of one is right."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._digests = [_digest(secret) for secret in secrets]

    def open_for(self, given: str) -> bool:
        """Return whether ``given`` is one of the secrets."""
        digest = _digest(given)
        return sum([hmac.compare_digest(digest, known) for known in self._digests]) > 0


class SourceRate:
    """Limits how many requests a second each source sends: so many at once, then ``rate_per_s``."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._every_s = 1 / limits.rate_per_s
        self._ahead_s = limits.burst / limits.rate_per_s
        self._busy_until: OrderedDict[str, float] = OrderedDict()

    def admit(self, source: str) -> bool:
        """Return whether a source may send one more request now, and count it if so."""
        now = self._clock.monotonic()
        busy_until = max(now, self._busy_until.get(source, now)) + self._every_s
        self._busy_until.setdefault(source, now)
        self._busy_until.move_to_end(source)
        if len(self._busy_until) > _SOURCES:
            self._busy_until.popitem(last=False)
        if busy_until > now + self._ahead_s + self._every_s / 2:
            return False
        self._busy_until[source] = busy_until
        return True


def source_of(peer: str | None, forwarded_for: Sequence[str], settings: ReceiverSettings) -> str:
    """Return whom a request is counted for: an IPv4 address, or the /64 of an IPv6 address.

    ``X-Forwarded-For`` is read from its end, and only as far as trusted proxies wrote it: what stands before that is
    whatever the sender liked to say.

    :param peer: address of the connection's other end, ``None`` where it has none.
    :param forwarded_for: the headers of that name, in order.
    """
    address = _address(peer)
    hops = [hop for header in forwarded_for for hop in header.split(",")]
    while address is not None and hops and any(address in network for network in settings.trusted_proxies):
        further = _address(hops.pop().strip())
        if further is None:
            break
        address = further
    if address is None:
        return UNKNOWN_SOURCE
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
