"""How a fingerprint ended for one image, and the sentence that a person reads about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import unpacked
from airflow_provider_platerec_ocr.core.claims import DoubtAction
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.redact import shorten

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Attempt, History
    from airflow_provider_platerec_ocr.core.errors import OCRCallError
    from airflow_provider_platerec_ocr.engine.ledger.records import Claim

_HELD = "A call may have been billed and its answer was lost; it is held until a webhook or a person settles it."
_DOUBTS = {
    DoubtAction.WAIT: "A call may have been billed and its answer was lost; a later try sends it once more.",
    DoubtAction.HOLD: _HELD,
    DoubtAction.FAIL: _HELD,
    DoubtAction.TWICE: (
        "Two calls may have been billed and both answers were lost; it is not sent again until a person settles it "
        "(python -m airflow_provider_platerec_ocr.ledger … settle)."
    ),
}
_FORGOTTEN = "What it was read as was deleted; it is neither sent nor published again."


@dataclass(frozen=True, slots=True)
class Pending:
    """A rejection whose claim is open yet: it may not be about the image; see :class:`.outage.Rejections`."""

    claim: Claim
    """What is to be ended."""
    facts: dict[str, Any]
    """What the ledger keeps, should it be a rejection."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """How one fingerprint ended for one image; the fields are those of an outcome."""

    status: ReadStatus
    """How it ended."""
    answer: dict[str, Any] | None = None
    """The raw answer, for reads."""
    body: bytes | None = None
    """The answer's body to the byte, where it is known."""
    read_at: str | None = None
    """When the answer came; UTC."""
    from_ledger: bool = False
    """Whether nothing had to be sent."""
    calls_billed: int = 0
    """Calls of this run for this row that were answered or may have been billed."""
    reason: str | None = None
    """A :class:`Reason`, for what is no read."""
    message: str | None = None
    """One sentence for a person."""
    http_status: int | None = None
    """HTTP status of the last call, if any."""
    history: History = field(default=(), repr=False)
    """What the ledger knew before; a duplicate within the process counts its own earlier calls in it."""

    pending: Pending | None = field(default=None, repr=False)
    """Set where this is a rejection that is not in the ledger yet."""
    unread: bool = False
    """Whether an answer has just come that is no read that this version knows."""
    call_s: float | None = None
    """Seconds that the call took whose answer this is."""

    def as_shared(self, billed: int) -> Resolution:
        """Return the same end for a duplicate within the process, which paid nothing for this one.

        :param billed: calls that were made for the duplicate before.
        """
        return replace(self, from_ledger=self.status is ReadStatus.READ, calls_billed=billed, call_s=None)


def answered(attempt: Attempt, billed: int) -> Resolution:
    """Return the read that the ledger already has."""
    payload = attempt.payload or {}
    read_at = (payload.get("facts") or {}).get("read_at") or payload.get("saved_at")
    return Resolution(
        ReadStatus.READ,
        answer=payload["answer"],
        body=unpacked(payload.get("facts") or {}),
        read_at=read_at,
        from_ledger=True,
        calls_billed=billed,
    )


def rejected(message: str, http_status: int | None, pending: Pending | None = None) -> Resolution:
    """Return the end of content that the API will never read.

    :param pending: what is left to be done, where the ledger does not have it yet.
    """
    return Resolution(
        ReadStatus.REJECTED, reason=Reason.API_REJECTED, message=message, http_status=http_status, pending=pending
    )


def not_fetched(detail: str, http_status: int | None) -> Resolution:
    """Return the end of an ``upload_url`` that the API could not fetch."""
    message = (
        f"The API could not fetch the URL ({http_status}: {detail}). The next run tries it again, with a fresh "
        "signature if the manifest has one; this run does not."
    )
    return Resolution(ReadStatus.FAILED, reason=Reason.URL_NOT_FETCHED, message=message, http_status=http_status)


def put_off(attempt: Attempt) -> Resolution:
    """Return the end of an ``upload_url`` that the API could not fetch earlier in this run."""
    facts = (attempt.payload or {}).get("facts") or {}
    return replace(
        not_fetched(str(facts.get("detail") or "no reason given"), facts.get("http_status")), from_ledger=True
    )


def rejected_before(attempt: Attempt) -> Resolution:
    """Return the rejection that the ledger already has, or that it stands in for what was deleted."""
    if attempt.is_forgotten:
        return Resolution(ReadStatus.FORGOTTEN, message=_FORGOTTEN, from_ledger=True)
    facts = (attempt.payload or {}).get("facts") or {}
    message = f"{facts.get('message') or 'The API rejected it.'} (known from the ledger; it was not sent again)"
    return replace(rejected(message, facts.get("http_status")), from_ledger=True)


def unavailable(error: OCRCallError, billed: int) -> Resolution:
    """Return the end of an image that the API refused over and over."""
    return Resolution(
        ReadStatus.FAILED,
        reason=Reason.API_UNAVAILABLE,
        message=f"{error.message} The next run tries it again.",
        http_status=error.status,
        calls_billed=billed,
    )


def held_elsewhere() -> Resolution:
    """Return the end of an image that another task is reading."""
    message = "Another task is reading this image; the next run takes its answer."
    return Resolution(ReadStatus.HELD_ELSEWHERE, message=message)


def carried_over(message: str) -> Resolution:
    """Return the end of an image for which its run has no call left."""
    return Resolution(ReadStatus.CARRIED_OVER, message=message)


def in_doubt(action: DoubtAction, billed: int, http_status: int | None = None, *, cause: str = "") -> Resolution:
    """Return the end of an image of which nobody knows whether it was billed.

    :param cause: what became of the call, where it was made in this process.
    """
    reason = Reason.IN_DOUBT_TWICE if action is DoubtAction.TWICE else Reason.IN_DOUBT
    return Resolution(
        ReadStatus.IN_DOUBT,
        reason=reason,
        message=f"{_DOUBTS[action]} Cause: {shorten(cause)}" if cause else _DOUBTS[action],
        calls_billed=billed,
        http_status=http_status,
    )
