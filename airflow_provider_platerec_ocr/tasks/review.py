"""Asking a person about doubtful reads, as a task does it: the form of them, and what is kept of the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from airflow_provider_platerec_ocr.compat import conf
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.page_urls import absolute, image_url, review_url
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.settings import number
from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind
from airflow_provider_platerec_ocr.dataset.review.decide import LONGEST, DecidedMeanwhileError, decision_on, keep
from airflow_provider_platerec_ocr.dataset.review.doubts import Criteria, Expected
from airflow_provider_platerec_ocr.dataset.review.queue import needing_eyes, one_read
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.files import read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.dataset.review.decide import ReviewDecision
    from airflow_provider_platerec_ocr.dataset.review.queue import Queue, QueuedCode, QueuedRead

log = logging.getLogger(__name__)
_IN_PLACE = {ord(sign): instead for sign, instead in zip("|[]<>\n", "¦()() ", strict=True)}
"""What Markdown would take for its own, and what stands in its place."""
SOMEBODY = "somebody in Airflow"
"""Who decided, where Airflow does not say the name."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a person sees."""

    subject: str
    body: str
    fields: dict[str, Param]


def fields_of(form: Form) -> ParamsDict:
    """Return the fields as Airflow's operator takes them."""
    return ParamsDict(form.fields)


def form(operator: Any, context: Context) -> Form | None:
    """Return the form of what needs eyes; ``None`` where nothing does."""
    return task.given(ReviewTask, operator).form(context)


def kept(operator: Any, context: Context, answer: Mapping[str, Any], *, saved: bool) -> dict[str, int]:
    """Keep what a person said, and return how many reads they accepted, corrected, rejected and left open.

    :param answer: as Airflow's operator returns it. :param saved: whether what its fields say counts.
    """
    given = answer["params_input"] if saved else {}
    return task.given(ReviewTask, operator).kept(context, given, by=task.answered_by(answer))


def nothing() -> dict[str, int]:
    """Return the counts of a review without anything to look at."""
    return {"needs_eyes": 0, "accepted": 0, "corrected": 0, "rejected": 0, "left_open": 0}


@dataclass(frozen=True, slots=True)
class ReviewTask:
    """One review; the fields are the operator's arguments, rendered."""

    dataset: str
    corrections: str | None
    days: int | str
    confidence_below: float | str | None
    check_digit: bool | str
    several: bool | str
    expected: str | None
    expected_type: str
    most: int | str

    def form(self, context: Context) -> Form | None:
        """Return the form, which leads to the page where it would be too long."""
        most = task.whole_number(self.most, "most", low=1, empty=20) or 20
        queue = self._queue(most)
        if not queue.total:
            log.info("No read needs eyes, so nobody is asked.")
            return None
        of = f"{context['ti'].dag_id}: " if context["ti"].dag_id else ""
        verb = "needs" if queue.total == 1 else "need"
        subject = f"{of}{count_of(queue.total, 'read')} {verb} eyes"
        log.info("A person is asked: %s.", subject)
        if queue.total > most:
            return Form(subject, self._too_many(), {})
        fields = {_name(read, code): _field(read, code) for read in queue.reads for code in read.codes}
        return Form(subject, self._body(queue), fields)

    def kept(self, context: Context, given: Mapping[str, Any], *, by: str) -> dict[str, int]:
        """Keep what a person said; of a read that somebody else has decided on meanwhile, nothing."""
        ti, counts = context["ti"], nothing()
        counts["needs_eyes"] = self._queue(1).total
        by_read: dict[tuple[str, date, str], dict[int | None, str]] = {}
        shown: dict[tuple[str, date, str], str | None] = {}
        refused = 0
        for name, value in given.items():
            of_type, on_day, code, of_key = name.split("|", 3)
            index, has_time, said_at = code.partition("@")
            at, which = None if index == "none" else int(index), (of_type, date.fromisoformat(on_day), of_key)
            by_read.setdefault(which, {})[at] = str(value or "").strip()
            shown[which] = said_at if has_time else None
        for (type_, day, key), values in by_read.items():
            read = one_read(self._table(), self._folder(), self._criteria(), day, type_, key)
            if read is None:
                log.warning("%s is not in the table any more: nothing is kept of it.", key)
                continue
            decisions = _decisions(read, values)
            if not decisions:
                continue
            why, time = f"reviewed in Airflow ({ti.dag_id}, {ti.run_id})", shown[type_, day, key]
            seen = read.said_last if time is None else datetime.fromisoformat(time) if time else None
            try:
                keep(self._folder(), read, decisions, by=by or SOMEBODY, why=why, seen=seen)
            except DecidedMeanwhileError as error:
                log.warning("Nothing is kept of what the form says of this read. %s", error)
                refused += not read.is_open  # else it is in the queue
            else:
                counts[_sort(decisions)] += 1
        counts["left_open"] = self._queue(1).total + refused
        log.info("%s", ", ".join(f"{name.replace('_', ' ')}: {much}" for name, much in counts.items()))
        return counts

    def _queue(self, limit: int) -> Queue:
        days = task.whole_number(self.days, "days", low=1, empty=7) or 7
        since = SystemClock().now().astimezone(UTC).date() - timedelta(days=days - 1)
        return needing_eyes(self._table(), self._folder(), self._criteria(), since=since, limit=limit)

    def _table(self) -> Any:
        return open_place(self.dataset)

    def _folder(self) -> Any:
        return open_place(self.corrections or task.beside(self.dataset, "corrections"))

    def _criteria(self) -> Criteria:
        least = None if str(self.confidence_below).strip() in {"", "None"} else self.confidence_below
        return Criteria(
            confidence_below=None if least is None else number(least, "confidence_below", low=0, high=1),
            check_digit=task.truth(self.check_digit, "check_digit"),
            several=task.truth(self.several, "several"),
            expected=self._expected(),
        )

    def _expected(self) -> Expected | None:
        if not self.expected or self.expected.strip() in {"", "None"}:
            return None
        data = read_whole(open_place(self.expected))
        if data is None:
            message = f"There is no list of expected codes at {self.expected}."
            raise OCRConfigError(message)
        return Expected.read(data.decode("utf-8", "replace"), self.expected_type)

    def _link(self, read: QueuedRead) -> str:
        return _absolute(image_url(self.dataset, read.image, fingerprint=read.fingerprint, type=read.type))

    def _too_many(self) -> str:
        return (
            f"That is more than a form can bear. [Look at them one by one]({_absolute(review_url(self.dataset))}); "
            "each decision is kept at once. Then answer here, whichever way: nothing hangs on it."
        )

    def _body(self, queue: Queue) -> str:
        rows = [
            f"| {place} | [{_plain(_short(read))}]({self._link(read)}) | "
            f"{_plain(', '.join(code.code or 'nothing found' for code in read.codes))} | {_plain(_why(read))} |"
            for place, read in enumerate(queue.reads, 1)
        ]
        head = "| | image | as read | why |\n|---|---|---|---|"
        return (
            "\n".join([head, *rows])
            + "\n\nLeave a field as it is to accept the code, write the right code over it, or empty it where there is "
            f"no such code. *Save* keeps all of them. [On the page]({_absolute(review_url(self.dataset))}) the check "
            "digit is shown while you type."
        )


def _name(read: QueuedRead, code: QueuedCode) -> str:
    """Return the name of a field: all that finds the code again when the answer comes.

    With it, when somebody had last spoken of the read as it was shown; nothing where nobody had.
    """
    code_at = f"{'none' if code.index is None else code.index}@{read.said_last.isoformat() if read.said_last else ''}"
    return f"{read.type}|{read.day.isoformat()}|{code_at}|{read.key}"


def _field(read: QueuedRead, code: QueuedCode) -> Param:
    what = "nothing found" if code.code is None else f"read as {code.code}"
    sure = "" if code.confidence is None else f", confidence {code.confidence:.2f}"
    near = f"; expected: {code.nearest}" if code.nearest and code.nearest != code.normalized else ""
    return Param(
        code.code or "",
        f"{what}{sure}: {_why(read)}{near}",
        type=["string", "null"],
        title=_short(read),
        maxLength=LONGEST,
    )


def _decisions(read: QueuedRead, values: Mapping[int | None, str]) -> list[ReviewDecision]:
    """Return what the fields of a read say; what was left as it is says nothing new where somebody has decided."""
    found = []
    for code in read.codes:
        value = values.get(code.index)
        if value is None or (value == (code.code or "") and code.said is not None):
            continue
        found.append(decision_on(code, value))
    return found


def _sort(decisions: list[ReviewDecision]) -> str:
    """Return as what a read counts: corrected where one of its codes was."""
    kinds = {each.kind for each in decisions}
    if kinds & {CorrectionKind.CORRECT, CorrectionKind.ADD}:
        return "corrected"
    return "rejected" if CorrectionKind.TAKE_BACK in kinds else "accepted"


def _short(read: QueuedRead) -> str:
    return (read.image_name or read.image).rstrip("/").rpartition("/")[2] or read.image


def _why(read: QueuedRead) -> str:
    return read.why or "looked at again"


def _plain(text: str) -> str:
    """Return text that breaks no table and no link of Markdown."""
    return text.translate(_IN_PLACE)


def _absolute(url: str) -> str:
    return absolute(conf.get("api", "base_url", fallback="") or "", url)
