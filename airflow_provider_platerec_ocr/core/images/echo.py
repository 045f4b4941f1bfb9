"""What an answer may repeat of a URL that nobody may see: it is cut before anything of the answer is kept.

An API may put the URL that it fetched into its answer, or into what went wrong. What is cut is a whole query, or a
value that only a machine makes. No code is ever touched, also where a photograph is asked for by what it shows
(``?key=1M8GDM9AXKP042788``), and no number, which would leave no JSON.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_platerec_ocr.core.answer.body import parsed
from airflow_provider_platerec_ocr.core.redact import MASK, cut_path, is_machine_made, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONG = 8
"""Characters from which on a query is cut wherever it stands; others only behind their question mark."""
_VALUE = 12
"""Characters from which on one secret value of a query is cut by itself."""
_PIECE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[^"]+', re.DOTALL)
"""A text in JSON, with its quotes, or what stands between two."""
_OF_NUMBERS = b"0123456789+-.eE"


def secrets_of(url: str) -> tuple[str, ...]:
    """Return the parts of a signed ``url`` that are to be cut, as they stand in it."""
    parts = urlsplit(url)
    pairs = [part.partition("=")[::2] for part in parts.query.split("&")]
    values = [value for name, value in pairs if is_secret(name, value) or is_machine_made(value)]
    user = parts.netloc.rpartition("@")[0]
    found = [parts.path if cut_path(parts.path) != parts.path else "", f"{user}@" if user else ""]
    if parts.query:
        by_itself = len(parts.query) >= _LONG and "=" in parts.query  # which no code has
        found.append(parts.query if by_itself else f"?{parts.query}")
    return tuple(filter(None, (*found, *(value for value in values if len(value) >= _VALUE))))


def without_echo(body: bytes, secrets: tuple[str, ...]) -> bytes:
    """Return an answer's body without ``secrets``, however JSON or a URL within a URL spells them.

    Of JSON no number is cut, and no text that is a code. Something may follow behind its end.
    """
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    if not any(form in body for form in forms):
        return body
    data = parsed(body)
    if data is None:
        return _cut(body, forms)
    codes, elsewhere = set(_codes(data)), [form for form in forms if form.strip(_OF_NUMBERS)]

    def without(piece: re.Match[bytes]) -> bytes:
        text = piece[0]
        if not text.startswith(b'"'):
            return _cut(text, elsewhere)
        return text if parsed(text) in codes else _cut(text, forms)

    return _PIECE.sub(without, body)


def _cut(text: bytes, forms: Sequence[bytes]) -> bytes:
    for form in forms:
        text = text.replace(form, MASK.encode())
    return text


def _codes(data: Any) -> Iterator[str]:
    """Yield the texts under a key ``code``, at any depth, that could be one: a URL is none, whoever calls it that."""
    waiting = [(data, False)]
    while waiting:
        value, is_code = waiting.pop()
        if isinstance(value, dict):
            waiting += [(item, is_code or key == "code") for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(item, is_code) for item in value]
        elif is_code and isinstance(value, str) and "=" not in value and "://" not in value:
            yield value


def _forms(secret: str) -> set[bytes]:
    spelled = {secret, unquote(secret), quote(secret, safe=""), quote(unquote(secret), safe="")}
    in_json = {json.dumps(text)[1:-1] for text in spelled}
    for mark in "&=+":
        in_json |= {text.replace(mark, f"\\u{ord(mark):04x}") for text in in_json}
    return {text.encode() for text in spelled | in_json | {text.replace("/", "\\/") for text in in_json}}
