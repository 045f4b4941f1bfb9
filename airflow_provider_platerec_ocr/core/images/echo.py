"""What an answer may repeat of a URL that nobody may see: it is cut before anything of the answer is kept.

An API may put the URL that it fetched into its answer, or into what went wrong. No code is ever touched: what is cut is
a whole query, or a value that only a machine makes.
"""

from __future__ import annotations

import json
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_platerec_ocr.core.redact import MASK, cut_path, is_machine_made, is_secret

_LONG = 8
"""Characters from which on a query is cut wherever it stands; others only behind their question mark."""
_VALUE = 12
"""Characters from which on one secret value of a query is cut by itself."""


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
    """Return an answer's body without ``secrets``, however JSON or a URL within a URL spells them."""
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        body = body.replace(form, MASK.encode())
    return body


def _forms(secret: str) -> set[bytes]:
    spelled = {secret, unquote(secret), quote(secret, safe=""), quote(unquote(secret), safe="")}
    in_json = {json.dumps(text)[1:-1] for text in spelled}
    for mark in "&=+":
        in_json |= {text.replace(mark, f"\\u{ord(mark):04x}") for text in in_json}
    return {text.encode() for text in spelled | in_json | {text.replace("/", "\\/") for text in in_json}}
