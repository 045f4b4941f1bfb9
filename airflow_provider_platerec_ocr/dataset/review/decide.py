"""A person's decision on a read that was in the queue, kept as a correction: who said what, when, and on what ground.

Each decision is a file of its own, so that none is lost, however many people are at it. Where somebody else has spoken
of the same read since it was shown, the decision is refused, with what they said: whoever looks again knows of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.identifiers import check_code, is_blank
from airflow_provider_platerec_ocr.dataset.corrections.table import Correction, CorrectionKind, append

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.review.queue import QueuedCode, QueuedRead
    from airflow_provider_platerec_ocr.storage.path import StoragePath

LONGEST = 64
"""Most characters of a code that a person gives; no identifier is half as long."""


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """What a person says of one code, or of a whole read."""

    index: int | None
    """``identifier_index``; ``None`` for the whole read."""
    kind: CorrectionKind
    """Accept, correct, add, or take back (reject)."""
    code: str | None = None
    """The right code, to correct and to add."""


def decision_on(code: QueuedCode, value: str) -> ReviewDecision:
    """Return what the field of a code says: accepted as it is, corrected or given, or that there is none."""
    if value == (code.code or ""):
        return ReviewDecision(code.index, CorrectionKind.ACCEPT)
    if not value:
        return ReviewDecision(code.index, CorrectionKind.TAKE_BACK)
    return ReviewDecision(code.index, CorrectionKind.ADD if code.index is None else CorrectionKind.CORRECT, value)


class DecidedMeanwhileError(OCRInputError):
    """Somebody else has said something of the read since it was shown."""


def keep(  # noqa: PLR0913  # what, of which read, who, why, and where
    corrections: StoragePath,
    read: QueuedRead,
    decisions: Sequence[ReviewDecision],
    *,
    by: str,
    why: str,
    seen: datetime | None = None,
    clock: Clock | None = None,
) -> list[Correction]:
    """Keep decisions on one read, all or none, and return them as corrections.

    :param read: as it is now, with what was said of it.
    :param seen: when somebody had last spoken of it when it was shown; ``None`` where nobody had.
    :raises DecidedMeanwhileError: somebody has spoken of it since.
    :raises OCRInputError: a decision makes no sense.
    """
    if read.said_last is not None and (seen is None or read.said_last > seen):
        last = max((code.said for code in read.codes if code.said), key=lambda said: said.at, default=None)
        who = f"{last.by} said {_in_words(last.kind, last.code)} at {last.at:%Y-%m-%d %H:%M} UTC" if last else "it was"
        message = f"{read.image_name or read.image}: {who}, after this was shown to you. Look again, then decide."
        raise DecidedMeanwhileError(message)
    if not decisions or not by.strip():
        message = "There is nothing to keep, or nobody who says it."
        raise OCRInputError(message)
    at = (clock or SystemClock()).now().astimezone(UTC)
    said = [_correction(read, each, by=by, why=why, at=at) for each in decisions]
    for correction in said:
        append(corrections, correction)
    return said


def _correction(read: QueuedRead, decision: ReviewDecision, *, by: str, why: str, at: datetime) -> Correction:
    kind, code, there = decision.kind, decision.code, {each.index: each for each in read.codes}
    if decision.index is not None and kind is not CorrectionKind.ADD and decision.index not in there:
        message = f"{read.image} has no identifier {decision.index}."
        raise OCRInputError(message)
    if kind is CorrectionKind.ACCEPT and decision.index is not None:
        code = there[decision.index].code
    elif kind in {CorrectionKind.CORRECT, CorrectionKind.ADD}:
        code = _given(code)
    else:
        code = None
    index = decision.index
    if kind is CorrectionKind.CORRECT and index is None:
        message = "Say which of the codes is another one."
        raise OCRInputError(message)
    if kind is CorrectionKind.ADD:
        index = max((each for each in there if each is not None), default=-1) + 1
    check = None if code is None else check_code(code, read.type)
    return Correction(
        image=read.image,
        image_version=read.image_version,
        fingerprint=read.fingerprint,
        read_type=read.type,
        identifier_index=index,
        kind=kind.value,
        code=code,
        code_normalized=check.code_normalized if check else None,
        code_system=check.code_system if check else None,
        check_digit_ok=check.check_digit_ok if check else None,
        repaired=check.repaired if check else None,
        corrected_by=by,
        why=why,
        corrected_at=at,
    )


def _given(code: str | None) -> str:
    text = (code or "").strip()
    if not text or is_blank(text) or len(text) > LONGEST:
        message = f"The right code is 1 to {LONGEST} characters that one can see, not {text[:LONGEST]!r}."
        raise OCRInputError(message)
    return text


def _in_words(kind: str, code: str | None) -> str:
    words = {CorrectionKind.ACCEPT.value: "it is right", CorrectionKind.TAKE_BACK.value: "there is none"}
    return words.get(kind, f"it is {code}")
