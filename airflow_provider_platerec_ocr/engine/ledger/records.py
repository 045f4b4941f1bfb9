"""What the ledger's files are called and what is in them; no file is opened here.

Names: ``<type>/<aa>/<fingerprint>.<n>.claim``, and beside it ``.<n>.answer``, ``.<n>.rejected`` or ``.<n>.released``;
``aa`` are the fingerprint's first two digits. ``.<n>.healed`` stands in for an end that cannot be read. The ledger's
other folders have a hyphen in their names, which no type can have.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import Attempt, End
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import check_type, is_fingerprint
from airflow_provider_platerec_ocr.core.models import Owner

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock

SCHEMA = 1
"""Of every file here. A later one may add keys, which are ignored, and may not change the meaning of these."""
ENDS = (End.ANSWER, End.REJECTED, End.RELEASED)
"""In the order in which they count, should one attempt ever have two."""
HEALED = "healed"
"""Suffix of what stands in for a torn end."""
_NAME = re.compile(r"([0-9a-f]{64})\.([1-9][0-9]*)\.([a-z]+)")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one call, and the duty to say how it ended."""

    type: str
    """What is read."""
    fingerprint: str
    """64 hex digits."""
    number: int
    """Of the attempt."""
    nonce: str
    """Known to the claimant alone."""
    made_at: float
    """The clock's monotonic seconds from before the claim was created."""

    def age_s(self, clock: Clock) -> float:
        """Return seconds since the claim on the claimant's own clock; never less than on the store's."""
        return clock.monotonic() - self.made_at


def stem(type_: str, fingerprint: str) -> str:
    """Return the part that the names of all files of a fingerprint begin with."""
    if not is_fingerprint(fingerprint):
        message = f"{fingerprint[:80]!r} is not a fingerprint: 64 digits, lower-case hexadecimal."
        raise OCRConfigError(message)
    return f"{check_type(type_)}/{fingerprint[:2]}/{fingerprint}"


def claim_name(of: str, number: int) -> str:
    """Return the name of a claim's file."""
    return f"{of}.{number}.claim"


def end_name(of: str, number: int, end: str) -> str:
    """Return the name of an end's file."""
    return f"{of}.{number}.{end}"


def split_name(name: str) -> tuple[str, int, str] | None:
    """Return (fingerprint, number, suffix) of a file's name, or ``None`` where it is none of ours."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2]), match[3]) if match else None


def new_nonce() -> str:
    """Return what makes a file ours."""
    return uuid.uuid4().hex


def pack(record: dict[str, Any]) -> bytes:
    """Return a record as the content of its file."""
    return json.dumps({"schema": SCHEMA, **record}, separators=(",", ":")).encode()


def unpack(data: bytes | None) -> dict[str, Any] | None:
    """Return the record in a file's content, or ``None`` where it is torn: empty, half, or not ours."""
    try:
        record = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    whole = isinstance(record, dict) and isinstance(record.get("schema"), int) and isinstance(record.get("nonce"), str)
    return record if whole else None


def unpack_end(data: bytes, end: End | None) -> dict[str, Any] | None:
    """Return the record of an end (of any, where ``end`` is ``None``), or ``None`` where it is torn."""
    record = unpack(data)
    if record is None or record.get("end") not in ENDS or end not in (None, record["end"]):
        return None
    return None if record["end"] == End.ANSWER and not isinstance(record.get("answer"), dict) else record


def attempt(number: int, data: bytes, end: End | None, payload: dict[str, Any] | None, age_s: float | None) -> Attempt:
    """Return the attempt that a claim's file and its end make."""
    record = unpack(data)
    if record is None:
        return Attempt(number, "", Owner(), age_s, end, payload)
    owner, facts, lease_s = record.get("owner"), record.get("facts"), record.get("lease_s")
    return Attempt(
        number=number,
        nonce=record["nonce"],
        owner=Owner.from_json(owner) if isinstance(owner, dict) else Owner(),
        age_s=age_s,
        end=end,
        payload=payload,
        facts=facts if isinstance(facts, dict) else {},
        lease_s=float(lease_s) if isinstance(lease_s, (int, float)) else None,
    )
