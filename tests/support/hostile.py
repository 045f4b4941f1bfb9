"""Bodies that nobody should send: spoiled ones in each form, and noise. The same seed gives the same bodies."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from support.inbox_stage import payload

if TYPE_CHECKING:
    from collections.abc import Iterator

URLENCODED = "application/x-www-form-urlencoded"
ODD_TYPES = ("", "application/json", "text/plain", "multipart/form-data", "multipart/mixed; boundary=x", "~", ";;")
ODD_NAMES = (
    "../../../etc/passwd", "/etc/cron.d/x", "..\\..\\x", "x\x00.jpg", "%2e%2e%2fx", "A" * 10_000, "\ud800", "$(reboot)",
    "{{ 7*7 }}", "' OR 1=1 --", f"-{'ab' * 32}.jpg", f"../-{'cd' * 32}", "con", "~root", "file:///etc/passwd",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 10**30, 1e308, "", [], {}, [[]], {"": {}}, "\u0000", "\ud800", "x" * 5000, *ODD_NAMES,
)  # fmt: skip
ODD_TEXTS = (
    "", "null", "NaN", "[" * 5000, '{"data":' * 5000, '{"data": {"x": 1e999}}', '{"data": {"x": NaN}}', "9" * 5000,
    '{"data": {}} x', "\ufeff{}", "'", '"', '{"data": {"a": "\\ud800"}}', '{"data": []}', '{"data": {"a"}}', "{" * 2000,
    f'{{"data": {"[" * 70}{"]" * 70}}}',
)  # fmt: skip


def hostile_requests(count: int, seed: int = 1) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Yield (body, headers); about a third are payloads of odd content, the rest are not even payloads."""
    rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
    for number in range(count):
        text = _text(rng, number)
        kind = rng.choice(("json", "multipart", "urlencoded", "noise"))
        body, content_type = _wrap(rng, kind, text)
        body = _spoil(rng, body)
        headers = {"Content-Type": content_type} if rng.random() < 0.9 else {}
        if rng.random() < 0.03:
            headers["Content-Encoding"] = rng.choice(("gzip", "br", "identity", "x"))
        yield body, headers


def _text(rng: random.Random, number: int) -> str:
    if rng.random() < 0.25:
        return rng.choice(ODD_TEXTS)
    thing: Any = payload(number)
    for _ in range(rng.randrange(4)):
        where = rng.choice((thing, thing["data"] if isinstance(thing.get("data"), dict) else thing))
        key = rng.choice([*where, "filename", "file_url", "hook", "data", "", "\x00", "x" * 300])
        where[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    return json.dumps(thing, ensure_ascii=rng.random() < 0.5)


def _wrap(rng: random.Random, kind: str, text: str) -> tuple[bytes, str]:
    raw = text.encode("utf-8", "surrogatepass")
    if kind == "json":
        return raw, rng.choice(ODD_TYPES)
    if kind == "urlencoded":
        return f"json={quote_plus(raw)}".encode(), URLENCODED
    if kind == "noise":
        return rng.randbytes(rng.randrange(2000)), rng.choice(
            (*ODD_TYPES, URLENCODED, "multipart/form-data; boundary=b")
        )
    boundary = rng.choice((b"b", b"x" * 70, b"--", b"''"))
    field = rng.choice((b"json", b"json", b"json", b"jso", b"", b"upload"))
    name = rng.choice(ODD_NAMES).encode("utf-8", "surrogatepass")
    parts = [
        b'Content-Disposition: form-data; name="' + field + b'"\r\n\r\n' + raw,
        b'Content-Disposition: form-data; name="upload"; filename="' + name + b'"\r\n\r\n' + rng.randbytes(500),
    ]
    rng.shuffle(parts)
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary.decode()}"


def _spoil(rng: random.Random, body: bytes) -> bytes:
    if not body or rng.random() < 0.4:
        return body
    at = rng.randrange(len(body))
    return rng.choice(
        (
            body[:at],
            body[at:],
            body[:at] + rng.randbytes(3) + body[at:],
            body[:at] + bytes([body[at] ^ (1 << rng.randrange(8))]) + body[at + 1 :],
            body[:at] + body[at : at + 20] * rng.randrange(1, 50) + body[at:],
            body + body,
            body.replace(b"\r\n", b"\n"),
        )
    )
