"""What a person can set, as frozen objects with safe, finite defaults.

Unknown keys are refused with the nearest known name, values with the range they may have. Nothing here knows where
a setting comes from: the hook reads it from the Airflow connection, the sandbox's users pass it directly.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.core.redact import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_BASE_URL = "https://api.platerecognizer.com"
READER_PATH = "/v1/ocr/reader/"
STATISTICS_PATH = "/v1/ocr/statistics/"
DEFAULT_MAX_UPLOAD_BYTES = 2_400_000
"""413 was seen from 2,590,988 bytes up; 2,411,654 is what clients of the vendor's other products settled on."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_LONGEST_HOSTNAME = 253
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise :class:`OCRConfigError` for the first key of ``given`` that is not in ``known``, with the nearest name."""
    known = set(known)
    names = sorted(name for name in known if not name.startswith("__"))
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, names, n=1) or [
                name for name in names if key and name.startswith(key)
            ]
            hint = f"Did you mean {near[0]!r}?" if near else f"Known names: {', '.join(names)}."
            message = f"{what} has no setting {key!r}. {hint}"
            raise OCRConfigError(message)


def number(value: Any, name: str, *, low: float, high: float) -> float:
    """Return ``value`` (a number or its text) as a float within ``low`` to ``high``, both included."""
    try:
        if isinstance(value, bool):
            raise TypeError  # noqa: TRY301  # True is no number here
        result = float(value)
    except (TypeError, ValueError):
        message = f"{name} must be a number from {low:g} to {high:g}, not {value!r}."
        raise OCRConfigError(message) from None
    if not low <= result <= high:
        message = f"{name} must be from {low:g} to {high:g}, not {value!r}."
        raise OCRConfigError(message)
    return result


def flag(value: Any, name: str) -> bool:
    """Return ``value`` (a boolean, or the text true/false, yes/no, 1/0, on/off) as a boolean."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in {"true", "yes", "1", "on"}:
        return True
    if text in {"false", "no", "0", "off"}:
        return False
    message = f"{name} must be true or false, not {value!r}."
    raise OCRConfigError(message)


_DEFAULT_PORTS = {"https": 443, "http": 80}


def normalize_base_url(host: str | None, *, port: int | None = None, allow_plain_http: bool = False) -> str:
    """Return the base URL in its normal form: it is part of the identity of every paid call.

    Nothing that means the same is spelled twice: no slash at the end, no default port, no dot after the host's name,
    lower-case letters, a name that is not ASCII as DNS has it, the shortest form of an IPv6 address.

    Without a host it is the API's own, without a scheme it is https. Plain http is refused, since it would show the
    token to the network, except for loopback or where the connection says ``allow_plain_http``.
    """
    text = (host or "").strip() or DEFAULT_BASE_URL
    if "://" not in text:
        text = f"https://{text}"
    scheme, _, rest = text.partition("://")
    if _is_ipv6(rest.rstrip("/")):  # a connection's URI loses the brackets on its way
        text = f"{scheme}://[{rest.rstrip('/')}]"
    try:
        parts = urlsplit(text)
        url_port = parts.port
    except ValueError:
        parts, url_port = urlsplit(""), None
    shown, given = redact_url(text), parts.hostname or ""
    hostname = one_host(given)
    if parts.scheme not in {"http", "https"} or not _is_hostname(given) or parts.query:
        message = f"host {shown!r} is not a base URL such as {DEFAULT_BASE_URL} or http://localhost:8080."
        raise OCRConfigError(message)
    if parts.scheme == "http" and hostname not in LOOPBACK and not allow_plain_http:
        message = (
            f"host {shown!r} would send the token in clear text. Use https, or set allow_plain_http in the "
            "connection's extra if that network is trusted."
        )
        raise OCRConfigError(message)
    if "@" in parts.netloc:
        message = (
            f"host {shown!r} holds a user or a password: the token belongs into the password, and no user is needed."
        )
        raise OCRConfigError(message)
    name = f"[{hostname}]" if ":" in hostname else hostname
    chosen = url_port or port
    if chosen == _DEFAULT_PORTS[parts.scheme]:
        chosen = None
    path = parts.path.rstrip("/")
    for tail in (READER_PATH, STATISTICS_PATH, "/v1/ocr/", "/v1/"):
        path = path.removesuffix(tail.rstrip("/"))
    return f"{parts.scheme}://{name}{f':{chosen}' if chosen else ''}{path}"


def former_base_url(host: str | None, port: int | None, base_url: str) -> str:
    """Return the base URL of version 0.1, which kept a default port, and the host's name as it was spelled.

    :param host: as for :func:`normalize_base_url`, of which ``base_url`` is the result.
    """
    text = (host or "").strip() or DEFAULT_BASE_URL
    given, now = urlsplit(text if "://" in text else f"https://{text}"), urlsplit(base_url)
    if _is_ipv6(given.netloc):  # it was refused then
        return base_url
    name = f"[{given.hostname}]" if ":" in (given.hostname or "") else given.hostname
    chosen = given.port or port
    return now._replace(netloc=f"{name}:{chosen}" if chosen else f"{name}").geturl()


def one_host(name: str) -> str:
    """Return the one spelling of a host's name or IPv6 address (without brackets), as it is where that is none.

    A name that Python's IDNA 2003 takes for another one (``straße.example`` for ``strasse.example``) stays as it is:
    clients look it up by IDNA 2008, under which the two are two hosts.
    """
    bare = name.removesuffix(".")
    if _is_ipv6(bare):
        return IPv6Address(bare).compressed
    if not bare.isascii():
        with suppress(UnicodeError):
            found = bare.encode("idna")
            if found.decode("idna") == unicodedata.normalize("NFKC", bare.lower()):
                return found.decode()
    return bare


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).version == 6  # noqa: PLR2004  # its own number
    except ValueError:
        return False


def _is_hostname(name: str) -> bool:
    """Return whether DNS or a socket could take the name: an HTTP client fails on others with errors of its own."""
    if _is_ipv6(name):
        return True
    try:
        ascii_name = name.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return False
    return len(ascii_name) <= _LONGEST_HOSTNAME and all(map(_LABEL.fullmatch, ascii_name.split(".")))


def is_loopback(base_url: str) -> bool:
    """Return whether the base URL is on this machine, as a sandbox is."""
    return urlsplit(base_url).hostname in LOOPBACK


def check_token(token: str | None) -> str:
    """Return the token, stripped; it goes into a header, so it is printable ASCII without spaces. Never shows it."""
    text = (token or "").strip()
    if not text:
        message = (
            "The connection has no token: put the API token into its password "
            "(get one at https://app.platerecognizer.com/)."
        )
        raise OCRConfigError(message)
    if not _TOKEN.fullmatch(text):
        message = (
            "The connection's password is no API token: it holds a space or a character that no header can carry. "
            "Put in the token alone, without the word Token before it."
        )
        raise OCRConfigError(message)
    return text


def _check_proxy(proxy: Any) -> str | None:
    """Return the proxy's URL, which may hold a password and is therefore never shown."""
    if proxy is not None and not re.match(r"(?i)https?://[^/\s]", str(proxy)):
        message = "proxy must be a URL such as http://proxy.example.com:3128 (its value is not shown)."
        raise OCRConfigError(message)
    return None if proxy is None else str(proxy)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of one call may take."""

    connect_s: float = 10.0
    """Connecting, TLS included; running out of it means that nothing was sent."""
    call_s: float = 180.0
    """The whole call from connecting to the last byte; the API takes 20 to 30 s, its example shows 128."""
    statistics_s: float = 30.0
    """The whole statistics call, which is quick and free."""
    save_s: float = 60.0
    """Saving one answer to the ledger; part of a claim's lease."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """One account at one base URL, and how to speak to it."""

    token: str = field(default="", repr=False)
    """The API token; never shown."""
    base_url: str = DEFAULT_BASE_URL
    """Without a slash at its end."""
    former_base_url: str | None = None
    """How version 0.1 wrote it, where that was another way: the ledger may know images under it."""
    timeouts: Timeouts = Timeouts()
    """How long each phase may take."""
    rate_per_s: float | None = None
    """Most call starts a second that the account allows; ``None`` finds it by itself."""
    max_in_flight: int = 512
    """Most calls in flight in one task; ``rate x latency`` is what is needed, so 8/s x 30 s = 240."""
    max_upload_bytes: int = DEFAULT_MAX_UPLOAD_BYTES
    """Larger images are shrunk where that is allowed, else dead letters."""
    proxy: str | None = field(default=None, repr=False)
    """Proxy URL for both schemes; may hold a password, so it is never shown."""
    verify: bool | str = True
    """TLS verification: true, false, or the path of a CA bundle."""
    cert: str | None = None
    """Path of a client certificate with its key."""
    trust_env: bool = False
    """Whether proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``) are used."""
    price: Price | None = None
    """What calls cost; ``None`` where nobody said, and only calls are spoken of."""

    EXTRAS = (
        "rate_per_s",
        "max_in_flight",
        "max_upload_bytes",
        "connect_timeout_s",
        "call_timeout_s",
        "statistics_timeout_s",
        "proxy",
        "verify",
        "cert",
        "trust_env",
        "allow_plain_http",
        "price_per_1000_calls",
        "currency",
    )
    """Keys of the connection's extra."""

    @classmethod
    def from_connection(
        cls, *, token: str | None, host: str | None, port: int | None, extra: Mapping[str, Any]
    ) -> Self:
        """Return the settings of a connection's parts; every error names the key and its range.

        :param token: the connection's password.
        :param extra: the connection's extra; empty values mean the default.
        """
        refuse_unknown(extra, (*cls.EXTRAS, "__extra__"), "The connection's extra")
        given = {key: value for key, value in extra.items() if value not in (None, "") and key != "__extra__"}
        plain = flag(given.get("allow_plain_http", False), "allow_plain_http")
        rate = given.get("rate_per_s")
        verify = given.get("verify", True)
        base_url = normalize_base_url(host, port=port, allow_plain_http=plain)
        former = former_base_url(host, port, base_url)
        as_flag = isinstance(verify, bool) or str(verify).strip().lower() in {"true", "false", "1", "0", "yes", "no"}
        return cls(
            token=check_token(token),
            base_url=base_url,
            former_base_url=None if former == base_url else former,
            timeouts=Timeouts(
                connect_s=number(given.get("connect_timeout_s", 10), "connect_timeout_s", low=0.1, high=300),
                call_s=number(given.get("call_timeout_s", 180), "call_timeout_s", low=1, high=3600),
                statistics_s=number(given.get("statistics_timeout_s", 30), "statistics_timeout_s", low=0.1, high=300),
            ),
            rate_per_s=None if rate is None else number(rate, "rate_per_s", low=0.01, high=1000),
            max_in_flight=int(number(given.get("max_in_flight", 512), "max_in_flight", low=1, high=5000)),
            max_upload_bytes=int(
                number(
                    given.get("max_upload_bytes", DEFAULT_MAX_UPLOAD_BYTES), "max_upload_bytes", low=10_000, high=1e8
                )
            ),
            proxy=_check_proxy(given.get("proxy")),
            verify=flag(verify, "verify") if as_flag else str(verify),
            cert=given.get("cert"),
            trust_env=flag(given.get("trust_env", False), "trust_env"),
            price=Price.of(given.get("price_per_1000_calls"), given.get("currency")),
        )

    @property
    def lease_s(self) -> float:
        """How long a claim may stay open: time from claim to POST, the whole call, and time to save the answer."""
        return self.claim_to_post_s + self.timeouts.call_s + self.timeouts.save_s

    @property
    def claim_to_post_s(self) -> float:
        """Most seconds from a claim to its POST; a claim that is older is released instead of sent."""
        return 30.0
