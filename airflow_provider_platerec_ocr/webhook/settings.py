"""What a person sets on the receiver, checked. It knows neither Airflow nor the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Network, IPv6Network

SHORTEST_SECRET = 20
"""Characters; 20 drawn ones cannot be guessed over a network."""
_SECRET = re.compile(r"[A-Za-z0-9._~-]+")
_ADVICE = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one delivery and one source may ask for."""

    max_json_bytes: int = 1_000_000
    """Largest JSON; the API's payloads have a few kB."""
    max_body_bytes: int = 20_000_000
    """Largest multipart body, image included; the image is dropped while it arrives, so it takes no memory."""
    rate_per_s: float = 500.0
    """Requests a second from one source, good ones and bad ones; more get 429."""
    burst: int = 1000
    """Requests that one source may send at once after a rest."""
    body_within_s: float = 30.0
    """Seconds for a body to arrive whole."""
    max_waiting: int = 128
    """Deliveries that may be taken in at once; more get 503."""

    def __post_init__(self) -> None:
        """Refuse what would let nothing in."""
        for name in self.__dataclass_fields__:
            if not 0 < getattr(self, name) < float("inf"):
                message = f"{name} of the webhook receiver must be more than 0 and finite, not {getattr(self, name)!r}."
                raise OCRConfigError(message)


def parse_secrets(text: str) -> tuple[str, ...]:
    """Return the secrets of a text that separates them by commas or white space; none where it is empty.

    :raises OCRConfigError: one is too short, or holds what a URL would have to encode. The text does not quote it.
    """
    secrets = tuple(dict.fromkeys(re.split(r"[,\s]+", text.strip(", \t\r\n")))) if text.strip(", \t\r\n") else ()
    for number, secret in enumerate(secrets, 1):
        if len(secret) < SHORTEST_SECRET:
            message = f"Webhook secret {number} is shorter than {SHORTEST_SECRET} characters. {_ADVICE}"
            raise OCRConfigError(message)
        if not _SECRET.fullmatch(secret):
            message = f"Webhook secret {number} may hold letters, digits, '.', '_', '~' and '-' only. {_ADVICE}"
            raise OCRConfigError(message)
    return secrets


def parse_limits(given: Mapping[str, str | None]) -> Limits:
    """Return the limits that a configuration gives as text; what is empty keeps its default.

    :param given: by the name of the field.
    :raises OCRConfigError: one is no number, or not more than 0.
    """
    found: dict[str, Any] = {}
    for name, text in given.items():
        if not text:
            continue
        try:
            found[name] = type(getattr(Limits(), name))(text)
        except ValueError as error:
            message = f"{name} of the webhook receiver must be a number, not {text!r}."
            raise OCRConfigError(message) from error
    return Limits(**found)


def parse_networks(items: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of proxies whose ``X-Forwarded-For`` is believed, such as ``10.0.0.0/8`` or one address.

    Empty items are left out.

    :raises OCRConfigError: one is no address.
    """
    networks = []
    for item in filter(str.strip, items):
        try:
            networks.append(ip_network(item.strip(), strict=False))
        except ValueError as error:
            message = f"{item!r} is no address or network of a trusted proxy: {error}."
            raise OCRConfigError(message) from error
    return tuple(networks)


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Everything that a receiver is told, but where its inbox is."""

    secrets: tuple[str, ...]
    """Secrets that open it, any one of them; several at once while one replaces the other."""
    limits: Limits = Limits()
    """Sizes and rates."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Peers whose ``X-Forwarded-For`` is believed; from all others the header is ignored."""

    def __post_init__(self) -> None:
        """Refuse a receiver that nobody could open."""
        if not self.secrets:
            message = f"The webhook receiver needs at least one secret. {_ADVICE}"
            raise OCRConfigError(message)

    def __repr__(self) -> str:
        """Show how many secrets there are, and none of them."""
        return f"ReceiverSettings({len(self.secrets)} secrets, {self.limits}, trusted_proxies={self.trusted_proxies})"
