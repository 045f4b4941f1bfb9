"""What the body of an answer is worth as text, and how it is kept to the byte.

A whole body was paid for, whatever it looks like, so nothing here refuses one: what is no JSON is kept as text, what
is no text as base64. It knows nothing of reads; :mod:`...core.wire` looks for one in what :func:`parsed` returns.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_platerec_ocr.core.answer.nesting import is_shallow

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT, BASE64 = "body", "body_base64"
"""Keys under which a body is kept: as it is where it is UTF-8, else as base64."""
UNREAD = "unread"
"""Key that marks a body in which the version that kept it found no read."""
LONGEST_NUMBER = 400
"""Digits of a whole number that is kept as one; no float has more than 309, and Python parses none over 4,300."""
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BLANK = " \t\r\n"
"""What JSON takes for white space."""
_BRACKET = re.compile(r"[\[\]{}]")


def parsed(body: bytes | str) -> Any:
    """Return the JSON in a body as far as it can be understood, ``None`` where there is none.

    Generous: numbers that no float or file can hold (``NaN``, ``Infinity``, ``1e999``, thousands of digits) become
    null, a byte that is no UTF-8 becomes U+FFFD, a control character within a text is let by, and so is whatever comes
    behind an object's end.
    """
    text = _text(body).lstrip(_BLANK)
    try:
        data, end = _GENEROUS.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) or not text[end:].strip(_BLANK) else None


def whole(body: bytes, cut_off: str = "") -> bool:
    """Return whether a body has an end of its own: not empty, and no JSON that stops in the middle.

    :param cut_off: why its connection says that something is missing; an object that is closed is whole all the same.
    """
    text = _text(body).strip()
    if not text:
        return False
    if text[0] not in "[{":
        return not cut_off
    if isinstance(parsed(text), (dict, list)):
        return True
    rest = _STRING.sub("", text)
    opened = sum(1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(rest))
    return not cut_off and opened <= 0 and '"' not in rest


def packed(body: bytes) -> dict[str, str]:
    """Return a body as it is kept in a record of JSON; :func:`unpacked` gives it back to the byte."""
    try:
        return {TEXT: body.decode()}
    except UnicodeDecodeError:
        return {BASE64: base64.b64encode(body).decode()}


def unpacked(record: Mapping[str, Any]) -> bytes | None:
    """Return the body that :func:`packed` kept, ``None`` where none is there: earlier versions kept only its JSON."""
    text, encoded = record.get(TEXT), record.get(BASE64)
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else None
    except (binascii.Error, ValueError):
        return None


def as_object(body: bytes) -> dict[str, Any]:
    """Return a body as an object that any reader of JSON takes: its own if it is one, else one around it.

    An object that is nested too deep to be written again is put around, too.
    """
    data = parsed(body)
    return data if isinstance(data, dict) and is_shallow(data) else packed(body)


def as_json(body: bytes) -> str:
    """Return a body as JSON text: itself where it is JSON by the letter, else the nearest that is.

    That is its understandable part (see :func:`parsed`), or an object around what is no JSON at all.
    """
    try:
        text = body.decode().removeprefix("\ufeff")
        _STRICT.decode(text)
    except (ValueError, RecursionError):
        data = parsed(body)
        return as_text(packed(body) if data is None or not is_shallow(data) else data)
    return text


def raw_json(answer: Mapping[str, Any], body: bytes | None) -> str:
    """Return a kept answer as JSON text: its body's, else (earlier versions kept none) its object's."""
    return as_text(answer) if body is None else as_json(body)


def as_text(data: Any) -> str:
    """Return a value as one line of JSON that UTF-8 can hold."""
    text = json.dumps(data, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character; JSON has a way to write it
        return json.dumps(data)
    return text


def _text(body: bytes | str) -> str:
    if isinstance(body, str):
        return body.removeprefix("\ufeff")
    encoding = json.detect_encoding(body)  # by its first bytes: the UTFs, with or without a mark
    return body.decode(encoding, "replace").removeprefix("\ufeff")


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_NUMBER else None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _short(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(digits[:9])
    return 0


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


_GENEROUS = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole_number, strict=False)
_STRICT = json.JSONDecoder(parse_constant=_refuse, parse_int=_short)
