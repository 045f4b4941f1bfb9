"""Knowing what is a secret, and cutting it out of anything that is written down.

No list of stores is ever whole, so a URL's query is taken apart by what its parts *look* like: a name that signatures
have, a value that only a machine makes, a time of expiry beside it. Where one part is a secret, all of the query is
taken for one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit, urlunsplit

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>]+", re.IGNORECASE)
_OPAQUE = r"(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{6,}|[A-Za-z0-9._~+/=-]{16,}"
_TOKEN = re.compile(rf"(?i)\b(token|bearer|basic)([\s:=\"']+)(?:{_OPAQUE})")
"""A word with a digit, or a long one: "Invalid token header" is left as it is."""
MASK = "***"

_WORD = re.compile(
    r"auth(?:orization|entication)?|bearer|credentials?|csrf|gda|hash|hmac|jwt|key|lsig|otp|pass|pwd|sas|secret|sig|sign|signature"
    r"|tok|token|upt|verify|xsrf"
)
"""Words of a name that make its value a secret; a name is divided at marks and capitals: ``temp_url_sig``."""
_WITHIN = re.compile(
    r"token|signature|secret|passw|credential|hmac|(?:access|api|auth|private|resource|rl)key|accessid|loginpas|sess(?:ion)?id|tempauth|hdn(?:ts|ea|tl)"
)
"""The same for words that are run together: ``AWSAccessKeyId``."""
_PREFIXED = re.compile(r"(?:x-[a-z]+|q)-", re.IGNORECASE)
"""``X-Amz-…``, ``X-Goog-…``, ``x-cos-…``, Tencent's ``q-…``: each store's own."""
_SHORT_NAME = re.compile(
    r"access|at|c|checksum|code|digest|enc|encoded|encrypted|h|hm|k|mac|md5|oh|s|secure|session|sessionid|sha1|sha256|sid|st|t|ticket",
    re.IGNORECASE,
)
"""Names that are common enough: they are secrets where their value is one that only a machine makes."""
_SUM = re.compile(r"checksum|digest|hm|mac|md5|secure|sha1|sha256", re.IGNORECASE)
"""Those of them that nobody gives to anything but a sum: less makes their value a secret."""
_EXPIRY = re.compile(
    r"e|ik-t|ex|exp|oe|nva|ttl|deadline|until|(?:.*[-_])?expir\w*|expires\w*|valid[-_]?(?:until|to|thru)|(?:ws|tx)time",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{9,14}|[0-9a-f]{8}|\d{4}-?\d\d-?\d\d([T _]?[\d:.]+)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
_RANDOM = re.compile(r"[\w+/=.~:!*,@|$-]+", re.ASCII)
_MIXED = re.compile(r"[0-9](?=[A-Za-z])")
_HARDLY_MIXED = re.compile(r"[0-9](?=[A-Za-z])|[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])")
"""One in twelve sums of 16 bytes in base64 has next to no digits, or a mark in its middle."""
_LONG_WORD = re.compile(r"[A-Za-z0-9]{16,}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_INNER_NAME = re.compile(r"(?:^|[?&;~!*,|/])([\w.-]+)=")
"""Names within a value: ``exp=1~acl=/*~hmac=…``, or the query of a URL within a URL."""
_SHORT, _LONG = 20, 40
"""Characters from which on what a machine made is a secret under a name that says little, and under none at all;
a VIN has 17."""
_PASSWORD = 8
"""Characters from which on a value within a path can be a secret."""
LONGEST_NAME = 200
"""Characters of a parameter's name from which on it is no name."""
IMAGE_NAME = re.compile(r"[^/]*\.(?:jpe?g?|jfif|png|bmp|gif|webp|tiff?|hei[cf]|avif)", re.IGNORECASE)
_SECRET_PLACE = re.compile(
    r"^/p/[\w~+=-]{20,}(?=/n/)|(?<=/)bot\d{5,}:[\w-]{20,}/"
    r"|(?<=/)eyJ[\w-]{8,2000}\.[\w-]{1,4000}\.[\w-]{0,2000}/(?=[^?#]*\.[A-Za-z]{3,4}$)"
    r"|(?<=/)(?:(?:ip|st|id)=[^~/]{1,60}~)*exp=\d+~[^\s?#]{0,300}?hmac=[0-9a-fA-F]{8,}/"
)
"""Secrets that are a folder of their own: a pre-authenticated request of Oracle's store, a file of a Telegram bot, a
JSON Web Token before the file, Akamai's token without a name."""
_TELLS_APART = re.compile("key|hash|verify", re.IGNORECASE)
"""Names that folders have as well: ``hash=…`` may be all that tells two images apart."""


def parameters(query: str) -> list[tuple[str, str]]:
    """Return a query's parameters in order, names and values unquoted; one without ``=`` has its text as its name."""
    parts = (part.partition("=") for part in re.split("[&;]", query) if part)
    return [(_unquoted(name), _unquoted(value)) for name, _, value in parts]


def is_secret(name: str, value: str) -> bool:
    """Return whether a parameter looks like part of a signature, or like a key or a token."""
    if IMAGE_NAME.fullmatch(value.rpartition("/")[2]):
        return False
    if names_secret(name) or _JWT.search(value) or any(map(names_secret, _INNER_NAME.findall(value))):
        return True
    if not value:
        return is_machine_made(name, _LONG)
    if not _SHORT_NAME.fullmatch(name):
        return False
    return is_machine_made(value) or (_SUM.fullmatch(name) is not None and is_mixed(value))


def is_expiry(name: str, value: str) -> bool:
    """Return whether a parameter says until when a URL may be used."""
    return bool(_EXPIRY.fullmatch(name) and _TIME.fullmatch(value))


def holds_secret(query: str) -> bool:
    """Return whether any part of a query looks like a signature: then all of it is to be cut.

    That is a secret (:func:`is_secret`), or any value that only a machine makes beside a time of expiry; there a name
    that signatures have needs less of its value.
    """
    if any(map(_is_plainly_secret, query.split("&"))):
        return True
    found = parameters(query)
    if any(is_secret(*pair) for pair in found):
        return True
    expires = any(is_expiry(*pair) for pair in found)
    if not expires:
        return False
    left = [pair for pair in found if not is_expiry(*pair)]
    return any(
        any(map(is_machine_made, (name, value))) or (_SHORT_NAME.fullmatch(name) and is_mixed(value))
        for name, value in left
    )


def _is_plainly_secret(part: str) -> bool:
    """Return whether a parameter's name says so as it is written: nearly always, and quickly found."""
    name, _, value = part.partition("=")
    return names_secret(name) and "." not in value and "%" not in value


def names_secret(name: str) -> bool:
    """Return whether a name makes its value a secret; one that is longer than any name is taken for one itself."""
    return len(name) > LONGEST_NAME or _names_secret(name)


@lru_cache(maxsize=1024)
def _names_secret(name: str) -> bool:
    """Names repeat from row to row of a manifest: each is looked at once."""
    if _PREFIXED.match(name) or _WITHIN.search(name.lower()):
        return True
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(_WORD.fullmatch(word.lower()) for word in words)


def is_machine_made(text: str, length: int = _SHORT) -> bool:
    """Return whether ``text`` is so long, and mixed as nobody writes: no ``gate-17-north``, no time, no UUID."""
    if len(text) < length or not _could_be_random(text):
        return False
    return len(_MIXED.findall(text)) > 1 or any(
        any(map(str.islower, word)) and any(map(str.isupper, word)) and any(map(str.isdigit, word))
        for word in _LONG_WORD.findall(text)
    )


def is_mixed(text: str) -> bool:
    """Return whether ``text`` may be a sum in base64, where its name says so much that a few mixed letters do."""
    return len(text) >= _SHORT and _could_be_random(text) and len(_HARDLY_MIXED.findall(text)) > 1


def _could_be_random(text: str) -> bool:
    if _RANDOM.fullmatch(text) is None or _UUID.fullmatch(text) or _TIME.fullmatch(text):
        return False
    return IMAGE_NAME.fullmatch(text.rpartition("/")[2]) is None


def _unquoted(text: str) -> str:
    return unquote(unquote(text)) if "%" in text else text


def cut_path(path: str) -> str:
    """Return a URL's path without the parts of it that are secrets: ``/hdnts=…/a.jpg``, ``/a.jpg;token=…``.

    Folders such as ``date=2026-03-01`` or ``key=7`` are names of places, and stay.
    """
    path = _SECRET_PLACE.sub("", path)
    if "=" in path:
        parts = [(part, _without_secrets(part)) for part in path.split("/")]
        path = "/".join(left for part, left in parts if left or not part)
    return path


def _without_secrets(part: str) -> str:
    """Return one part of a path without what signs it; the name of a file beside that stays."""
    pieces = re.split("([&;])", part) if "=" in part else [part]
    pairs = [piece.partition("=")[::2] for piece in pieces]
    if not any(len(value) >= _PASSWORD and _signs_a_path(name, value) for name, value in pairs):
        return part
    kept = [
        mark + piece
        for mark, piece, (name, value) in zip(["", *pieces[1::2]], pieces[::2], pairs[::2], strict=True)
        if not (_signs_a_path(name, value) or is_expiry(name, value))
    ]
    return "".join(kept).lstrip("&;")


def _signs_a_path(name: str, value: str) -> bool:
    if _WITHIN.search(name.lower()):
        return True
    return names_secret(name) and not _TELLS_APART.fullmatch(name) and is_machine_made(value)


def redact_url(url: str) -> str:
    """Return ``url`` without user, password, query, fragment and secret parts of its path.

    The query goes whether or not it looks like a signature: who reads a message does not need it.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    return urlunsplit((parts.scheme, host, cut_path(parts.path), "", ""))


def redact(text: str, *secrets: str | None) -> str:
    """Return ``text`` with the given secrets, ``Authorization`` values and the queries of URLs cut out."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    text = _URL.sub(lambda match: redact_url(match.group(0)), text)
    return _TOKEN.sub(lambda match: f"{match.group(1)}{match.group(2)}{MASK}", text)


def whole_text(text: str) -> str:
    """Return ``text`` as UTF-8 can have it: JSON can hold half of a character, which no file takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def shorten(text: str, limit: int = 300) -> str:
    """Return ``text`` on one line, at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
