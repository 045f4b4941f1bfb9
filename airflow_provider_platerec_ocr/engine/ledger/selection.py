"""Entries of a ledger that a person undoes together: a night's wrong rejections, or a night's doubts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.engine.ledger.admin import Found, LedgerAdmin


def rejected(
    admin: LedgerAdmin, *, since: datetime | None = None, message: str = "", type_: str | None = None
) -> Iterator[Found]:
    """Yield every fingerprint that no run sends again since it was rejected.

    :param since: only those that were rejected then or later (aware).
    :param message: only those whose reason has this in it, in capitals or not.
    :param type_: only those of one type.
    """
    for found in admin.with_end(End.REJECTED):
        attempt = _rejection(found)
        if attempt is None or (type_ and found.type != type_):
            continue
        if message.casefold() in reason_of(attempt).casefold() and _is_since(attempt, since):
            yield found


def reason_of(attempt: Attempt) -> str:
    """Return why an attempt was rejected, as the API or a person said."""
    payload = attempt.payload or {}
    facts, settled = payload.get("facts") or {}, payload.get("settled") or {}
    parts = (facts.get("message"), facts.get("detail"), settled.get("why"))
    return " · ".join(dict.fromkeys(str(part) for part in parts if part))


def rejection(found: Found) -> str:
    """Return when and why an entry was rejected, as a part of a sentence."""
    attempt = _rejection(found)
    at = "" if attempt is None or attempt.payload is None else attempt.payload.get("saved_at", "")
    return f"{at}  {reason_of(attempt) if attempt else ''}".strip()


def doubts(
    admin: LedgerAdmin, *, since: datetime | None = None, type_: str | None = None
) -> Iterator[tuple[Found, Attempt]]:
    """Yield every call in doubt with its entry.

    :param since: only calls that were claimed then or later (aware).
    :param type_: only those of one type.
    """
    for found in admin.doubts():
        for attempt in admin.in_doubt(found) if type_ in (None, found.type) else ():
            claimed = admin.now() - timedelta(seconds=attempt.age_s or 0.0)
            if since is None or claimed >= since:
                yield found, attempt


def _rejection(found: Found) -> Attempt | None:
    """Return the attempt that was rejected last, unless an answer counts more, or was deleted by a person."""
    if any(attempt.end is End.ANSWER or attempt.is_forgotten for attempt in found.history):
        return None
    return next((attempt for attempt in reversed(found.history) if attempt.end is End.REJECTED), None)


def _is_since(attempt: Attempt, since: datetime | None) -> bool:
    """Return whether an attempt ended at ``since`` or later; one whose time cannot be read did not."""
    if since is None:
        return True
    try:
        return parse_timestamp(str((attempt.payload or {}).get("saved_at"))) >= since
    except (ValueError, OCRConfigError):
        return False
