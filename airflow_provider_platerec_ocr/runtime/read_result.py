"""How one image ended, as the single-image operator and the hook say it: a dict, or one typed error."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import parsed
from airflow_provider_platerec_ocr.core.errors import (
    OCRImageError,
    OCRIncomplete,
    OCRInDoubt,
    OCROutcomeUnknown,
    OCRRejected,
    OCRUnavailable,
    OCRUnknownDialect,
)
from airflow_provider_platerec_ocr.core.identifiers import check_code
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.redact import MASK, whole_text
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.wire import read_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.core.errors import OCRError
    from airflow_provider_platerec_ocr.core.models import Identifier, Outcome

_LONG = 8
"""Characters from which on a secret is cut wherever it stands."""
HELD_ELSEWHERE_S = 60.0
"""Seconds after which an image that another task is reading is looked at again."""


def as_result(outcome: Outcome, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Return a read as plain data for XCom.

    :param outcome: one that ended in :attr:`~.ReadStatus.READ`.
    :param secrets: parts of the ``upload_url`` that are cut out, should the API have echoed them.
    :raises OCRUnknownDialect: the answer is kept, and this version does not know what it says.
    """
    answer = _storable(parsed(outcome.answer or "{}"))
    try:
        read = read_from_json(_masked(answer, tuple(secrets)))
    except OCROutcomeUnknown:
        message = (
            f"{outcome.image}: the API's answer is no read that this version knows. It is kept in the ledger under "
            f"{outcome.fingerprint} and is not paid for again; a later version may read it."
        )
        raise OCRUnknownDialect(message, retry=False) from None
    return {
        "image": outcome.image,
        "type": outcome.type,
        "fingerprint": outcome.fingerprint,
        "identifiers": [_identifier(found, outcome.type) for found in read.identifiers],
        "from_ledger": outcome.from_ledger,
        "calls_billed": outcome.calls_billed,
        "camera_id": outcome.camera_id,
        "timestamp": outcome.timestamp,
        "processing_time": read.processing_time,
        "read_at": outcome.read_at,
        "raw": read.raw,
    }


def _storable(value: Any) -> Any:
    """Return an answer as any database of Airflow takes it: without halves of characters and without NUL."""
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return whole_text(value).replace("\0", "\ufffd") if isinstance(value, str) else value


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return an answer without the given parts of a URL; a code is never touched, whatever it has in common with one.

    A short secret, such as ``?1`` against a cache, is only cut where it stands behind its question mark.
    """
    if isinstance(value, dict):
        return {key: item if key == "code" else _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK) if len(secret) >= _LONG else value.replace(f"?{secret}", f"?{MASK}")
    return value


def _identifier(found: Identifier, type_: str) -> dict[str, Any]:
    checked = asdict(check_code(found.code, type_))
    return {**checked, "orientation": found.orientation, "confidence": found.confidence}


def as_error(outcome: Outcome, policy: InDoubtPolicy, *, lease_s: float) -> OCRError:
    """Return the error of an image that was not read."""
    message = f"{outcome.image}: {outcome.message}"
    facts = {"status": outcome.http_status, "detail": outcome.message or ""}
    match outcome.status, outcome.reason:
        case (ReadStatus.REJECTED, Reason.API_REJECTED) | (ReadStatus.FAILED, Reason.URL_NOT_FETCHED):
            return OCRRejected(message, **facts)
        case ReadStatus.FAILED, Reason.API_UNAVAILABLE:
            return OCRUnavailable(message, **facts)
        case ReadStatus.HELD_ELSEWHERE, _:
            return OCRIncomplete(message, retry=True, retry_after_s=HELD_ELSEWHERE_S)
        case ReadStatus.IN_DOUBT, reason:
            again = policy is InDoubtPolicy.RESEND and reason != Reason.IN_DOUBT_TWICE
            return OCRInDoubt(message, retry=again, retry_after_s=lease_s if again else None)
    for_good = outcome.status in {ReadStatus.REJECTED, ReadStatus.FORGOTTEN}
    return OCRImageError(message, reason=outcome.reason, permanent=for_good)
