"""How a history is told to a person, in words; nothing is read or printed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core import claims
from airflow_provider_platerec_ocr.core.answer.body import parsed, unpacked
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.redact import shorten
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.wire import read_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.claims import Attempt, History

_ANYBODY = Owner(run_id="the next run")


def describe(history: History, lease_s: float) -> Iterator[str]:
    """Yield the lines that describe all attempts of a fingerprint, and what they mean for the next run."""
    for attempt in history:
        yield f"attempt {attempt.number}: {state(attempt, lease_s)}"
        yield f"  {owner(attempt)}"
        if attempt.end is claims.End.ANSWER and attempt.payload:
            yield f"  {_codes(attempt.payload)}"
    yield verdict(history, lease_s)


def state(attempt: Attempt, lease_s: float) -> str:
    """Return how an attempt stands."""
    if attempt.end is claims.End.TORN:
        return "IN DOUBT, the file of its end is torn"
    if attempt.end is None:
        doubt = attempt.is_in_doubt(lease_s)
        return f"{'IN DOUBT' if doubt else 'under way'}, claimed {attempt.age_s or 0:.0f} s ago"
    payload = attempt.payload or {}
    if attempt.is_forgotten:
        return f"forgotten at {payload[claims.FORGOTTEN].get('at', '?')}: its content was deleted"
    by = payload.get("settled") or {}
    settled = f", settled by {by.get('by')}: {by.get('why')}" if by else ""
    reason = f": {shorten(str(payload['reason']))}" if payload.get("reason") and not by else ""
    return f"{attempt.end.value} at {payload.get('saved_at', '?')}{reason}{settled}"


def owner(attempt: Attempt) -> str:
    """Return who made an attempt."""
    who = attempt.owner
    if not attempt.nonce:
        return "its claim cannot be read, so nobody knows who made it"
    task = f"{who.dag_id} / {who.run_id} / {who.task_id}[{who.map_index}] try {who.try_number}"
    row = f", row {attempt.facts['row']}" if "row" in attempt.facts else ""
    return f"by {task if who != Owner() else 'a program outside Airflow'}{row}"


def verdict(history: History, lease_s: float) -> str:
    """Return what a history means for the next run."""
    decision = claims.decide(history, owner=_ANYBODY, policy=InDoubtPolicy.RESEND, lease_s=lease_s)
    match decision:
        case claims.Answered():
            return "=> Answered: no run pays for it again."
        case claims.Rejected(attempt=attempt):
            gone = "=> Forgotten: its content was deleted; no run sends it again or publishes anything of it."
            return gone if attempt.is_forgotten else "=> Rejected: no run sends it again."
        case claims.Held(until_s=until_s):
            return f"=> Under way: its lease ends in {until_s:.0f} s."
        case claims.MayClaim(doubts=()) | claims.PutOff():
            return "=> Nothing was billed: the next run may send it."
        case claims.MayClaim():
            return "=> In doubt once: the next run sends it again, unless its policy is hold or fail, or you settle it."
        case claims.Doubt():
            return "=> In doubt twice: no run sends it again until you settle it."


def _codes(payload: dict[str, Any]) -> str:
    body = unpacked(payload.get("facts") or {})
    answer = payload["answer"] if body is None else parsed(body)
    try:
        codes = [identifier.code for identifier in read_from_json(answer).identifiers]
    except OCRError:
        return "an answer that is kept, in a form that this version does not know"
    return f"codes: {', '.join(codes)}" if codes else "no code found"
