"""What an image is known by: one name, made here and nowhere else.

Under it an image is planned, looked up in the ledger, sent, paid for and published. An image whose bytes we read is
known by its place (and paid for by its bytes); one that the API fetches itself by its URL, in a form in which nothing
that means the same is spelled twice and nothing is a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit, urlunsplit

from airflow_provider_platerec_ocr.core.redact import (
    IMAGE_NAME,
    LONGEST_NAME,
    cut_path,
    holds_secret,
    is_expiry,
    is_machine_made,
    is_mixed,
    is_secret,
    names_secret,
    parameters,
    redact,
)
from airflow_provider_platerec_ocr.core.settings import one_host

if TYPE_CHECKING:
    from collections.abc import Collection

_SPACE = re.compile(r"\s")
_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+/[A-Za-z0-9/._~!$&'()*+,:-]*")
"""What is its own normal form, as most URLs are."""
_MAY_HOLD_SECRET = re.compile(r"/(?:p/|bot|eyJ)")
"""How folders begin that :func:`cut_path` has to look at."""
_BESIDE = re.compile(
    r"s[eprstvski]|spr|srt|sip|s[dk]d|sk[svet]|s[kado]oid|s[kd]u?tid|skoid|scid|rsc[cdelt]|x-.*|response-.*|policy|algorithm|acl|alt|signed-?headers|user(?:name)?|usr|login|oauth_.*|_nc_.*|api-?version|[dw]l|w|h|q|dpr|fm|fit|auto|width|height"
    r"|quality|format|token_.*|nonce|salt|rand|raw|download|export|confirm|inline|translate|ts|time|timestamp|date",
    re.IGNORECASE,
)
"""Parameters beside a signature that are known not to say which image it is."""
_TELL_APART = re.compile(r"(?:key|hash|verify)", re.IGNORECASE)
"""Names that hold a secret with one server and say which image it is with the next."""
_LIKE_A_KEY = 16
"""Characters from which on such a value is taken for a secret."""
_OF_A_PATH = "/%:@!$&'()*+,;=~"
"""What stands in a path as it is, beside letters, digits and ``-._``; all else is sent as UTF-8 in escapes."""
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNREADABLE = re.compile(r"[\ud800-\udfff\ufffd]")
_FORMER_SECRET = re.compile(
    r"(?i)(x-(amz|goog|oss|cos)-.*|awsaccesskeyid|googleaccessid|ossaccesskeyid|signature|key-pair-id|sig"
    r"|token|access_token|auth)"
)
_FORMER_BESIDE_SIGNATURE = re.compile(r"(?i)(expires|policy)")
_FORMER_BESIDE_SIG = re.compile(r"(?i)(se|sp|sv|sr|st|spr|sip|skoid|sktid|skt|ske|sks|skv)")


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """What a URL is known by, and what may be written down of it."""

    name: str
    """The identity: normal, without secrets."""
    plain: str | None
    """The URL as it is sent, where all of it may be written down; ``None`` where part of it is a secret."""
    dropped: tuple[str, ...] = ()
    """Parameters that were cut beside a signature, and may say which image it is."""
    is_vague: bool = False
    """Whether what is left names no image, but what was cut may."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Parts that nobody may see."""

    def told_apart_by(self, url: str) -> int:
        """Return a number for the values of :attr:`dropped` in ``url``, which two images may differ in."""
        return hash(tuple(pair for pair in parameters(urlsplit(url).query) if pair[0] in self.dropped))


def is_web(url: str) -> bool:
    """Return whether ``url`` is one that the API could fetch: http or https, with a host, and no white space."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return good and _SPACE.search(url) is None


def web_identity(url: str, identity_params: Collection[str] = ()) -> WebIdentity:
    """Return what ``url`` is known by.

    Scheme and host are in lower case, without user, default port or dot at the host's end; the path has escapes
    (``%C3%A4``) where it needs them; there is no fragment. Where any part of the query looks like a signature all of it
    is cut, but for ``identity_params``; where it holds one of those, they alone count, signature or not.

    :param url: one that :func:`is_web` lets pass.
    :param identity_params: names of parameters that say which image it is; case does not count.
    """
    if _PLAIN.fullmatch(url) and not _MAY_HOLD_SECRET.search(url):
        return WebIdentity(url, url)
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    path = cut_path(parts.path)
    wanted = {name.lower() for name in identity_params}
    is_cut, counts = _what_counts(parts.query, wanted)
    name = _joined(parts.scheme, _host(parts.scheme, parts.netloc), path, counts)
    if not (is_cut or user or path != parts.path):
        return WebIdentity(name, url.partition("#")[0])
    names_image = IMAGE_NAME.fullmatch(path.rpartition("/")[2]) is not None
    dropped = _dropped(parts.query, wanted, names_image=names_image) if is_cut else ()
    vague = not wanted and not names_image and bool(dropped)
    secrets = (parts.query if is_cut else "", user, parts.password or "")
    return WebIdentity(name, None, dropped, vague, tuple(filter(None, secrets)))


def _what_counts(query: str, wanted: Collection[str]) -> tuple[bool, list[tuple[str, str]]]:
    """Return whether part of a query is cut, and its parameters that stay."""
    if not wanted:
        is_cut = bool(query) and holds_secret(query)
        return is_cut, [] if is_cut else _parsed(query)
    given = _parsed(query)
    kept = sorted((pair for pair in given if pair[0].lower() in wanted), key=lambda pair: pair[0].lower())
    if kept:
        return len(kept) < len(given), kept
    is_cut = holds_secret(query)
    return is_cut, [] if is_cut else given


def former_identity(url: str, name: str) -> str | None:
    """Return what a URL was known by up to version 0.1, where that is another name than ``name``.

    A ledger may have its answer under it. It knew the signatures of some stores, kept what others write, and took a
    default port for a difference. Where it told fewer images apart than ``name`` does, its answer may be another's.
    """
    if name == url and _PLAIN.fullmatch(url):
        return None
    parts = urlsplit(url)
    names = [unquote_plus(part.partition("=")[0]).lower() for part in parts.query.split("&")]
    beside = ("signature" in names, "sig" in names)
    left = [
        part
        for each, part in zip(names, parts.query.split("&"), strict=True)
        if len(each) > LONGEST_NAME or not _was_cut(each, *beside)
    ]
    kept = _parsed("&".join(left))
    host = parts.netloc.rpartition("@")[2].lower()
    former = urlunsplit((parts.scheme.lower(), host, parts.path, _encoded(kept), ""))
    told = set(_parsed(urlsplit(name).query))
    was_blind = not told.issubset(kept) or any(map(_UNREADABLE.search, (part for pair in kept for part in pair)))
    return None if former == name or was_blind else former


@lru_cache(maxsize=1024)
def _was_cut(name: str, beside_signature: bool, beside_sig: bool) -> bool:  # noqa: FBT001  # as a row's names are asked
    """Return whether version 0.1 took a parameter of this name for part of a signature."""
    return bool(
        _FORMER_SECRET.fullmatch(name)
        or (beside_signature and _FORMER_BESIDE_SIGNATURE.fullmatch(name))
        or (beside_sig and _FORMER_BESIDE_SIG.fullmatch(name))
    )


def _parsed(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape") if query else []


@lru_cache(maxsize=1024)
def _tells_nothing(name: str) -> bool:
    """Return whether a parameter of this name never says which image it is, whatever it holds."""
    return bool(_BESIDE.fullmatch(name) or (names_secret(name) and not _TELL_APART.fullmatch(name)))


def _dropped(query: str, wanted: Collection[str], *, names_image: bool) -> tuple[str, ...]:
    """Return the parameters of a query that was cut which may say which image it is.

    :param names_image: whether the path does: then a value that only a machine makes is a signature, and no image's.
    """
    unclear = "&".join(part for part in query.split("&") if not _tells_nothing(part.partition("=")[0][:LONGEST_NAME]))
    return tuple(
        name
        for name, value in parameters(unclear)
        if name.lower() not in wanted and not _tells_nothing(name) and not is_expiry(name, value)
        if not (names_image and (is_machine_made(value) or is_mixed(value)))
        if not is_secret(name, value) or (not names_image and _TELL_APART.fullmatch(name) and len(value) < _LIKE_A_KEY)
    )


def _joined(scheme: str, host: str, path: str, query: list[tuple[str, str]]) -> str:
    path = _ESCAPE.sub(_normal_escape, quote(path, safe=_OF_A_PATH, errors="surrogatepass"))
    return urlunsplit((scheme, host, path or "/", _encoded(query), ""))


def _encoded(query: list[tuple[str, str]]) -> str:
    return urlencode(query, errors="surrogateescape")


def _normal_escape(match: re.Match[str]) -> str:
    """Write ``%7e`` as ``~`` and ``%c3`` as ``%C3``: what no server tells apart."""
    character = chr(int(match.group(1), 16))
    return character if character.isascii() and (character.isalnum() or character in "-._~") else match.group(0).upper()


def _host(scheme: str, netloc: str) -> str:
    """Return the host in lower case and as it is looked up, with its port where that is not the scheme's own."""
    address = netloc.rpartition("@")[2].lower()
    host, colon, port = address.rpartition(":")
    if not colon or not (port == "" or port.isdigit()):
        host, port = address, ""
    host = f"[{one_host(host[1:-1])}]" if host[:1] == "[" else one_host(host)
    return host if not port or int(port) == _PORTS[scheme] else f"{host}:{int(port)}"


def safe_name(name: str | None) -> str:
    """Return an image's name without what signs a URL; tables of old versions may have such."""
    if not name or "://" not in name[:40]:
        return name or ""
    if name.startswith(("http://", "https://")) and is_web(name):
        return web_identity(name).name
    return redact(name) if "?" in name or "@" in name else name
