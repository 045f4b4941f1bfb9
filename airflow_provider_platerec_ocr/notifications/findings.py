"""What of a run needs a person: its counts held against what somebody wants to be told of. Pure."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Most:
    """A number of images or units, or a share of them, that is still fine."""

    number: float
    """How many, or percent."""
    is_share: bool

    @classmethod
    def of(cls, value: float | str, name: str = "dead_letters_over", things: str = "images") -> Most:
        """Return what ``value`` says: a whole number, or a share such as ``5%``.

        :raises OCRConfigError: it says neither.
        """
        text = str(value).strip()
        share = text.endswith("%")
        try:
            number = float(text.removesuffix("%").strip())
        except ValueError:
            number = -1.0
        most = 100.0 if share else float("inf")
        if not 0.0 <= number <= most or (not share and number != int(number)):
            message = f"{name} is a number of {things} such as 20, or a share such as 5%, not {value!r}."
            raise OCRConfigError(message)
        return cls(number, share)

    def is_exceeded(self, number: int, total: int) -> bool:
        """Return whether ``number`` of ``total`` images are more than that."""
        return 100.0 * number > self.number * total if self.is_share else number > self.number

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.number:g} %" if self.is_share else f"{self.number:,.0f}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What somebody wants to be told of."""

    quota_under: int | None = None
    """Fewer calls left than this."""
    dead_letters_over: Most | None = None
    """More images that could not be read than this."""
    doubts: bool = False
    """Images in doubt that wait for a person."""
    silent_webhook: timedelta | None = None
    """No webhook for longer than this, although calls were answered."""
    failed: bool = False
    """A task that failed."""
    missing_over: Most | None = None
    """More units of an expected list that were not seen than this."""

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return self != Rules()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a run when it has ended."""

    counts: Mapping[str, Any]
    """As the export returns them; empty where it failed before it had any."""
    now: datetime
    """When; aware."""
    policy: str | None = None
    """The read tasks' ``in_doubt``; ``None`` where nobody can say."""
    webhook_at: datetime | None = None
    """When the last webhook came."""
    has_inbox: bool = False
    """Whether there is an inbox at all."""
    error: str | None = None
    """How the task failed, in words."""


def findings(rules: Rules, seen: Seen) -> dict[str, str]:
    """Return what needs a person: a sentence by kind (failed, missing, quota, dead_letters, doubts, webhook)."""
    found = {
        "failed": seen.error if rules.failed and seen.error else "",
        "missing": _missing(rules, seen.counts),
        "quota": _quota(rules, seen.counts),
        "dead_letters": _dead_letters(rules, seen.counts),
        "doubts": _doubts(rules, seen),
        "webhook": _webhook(rules, seen),
    }
    return {kind: sentence for kind, sentence in found.items() if sentence}


def _missing(rules: Rules, counts: Mapping[str, Any]) -> str:
    number, total = int(counts.get("missing") or 0), int(counts.get("units") or 0)
    if rules.missing_over is None or not rules.missing_over.is_exceeded(number, total):
        return ""
    share = f"({100.0 * number / total:.1f} %) {agree(number, 'was', 'were')} not seen"
    others = {name: int(counts.get(name) or 0) for name in ("extra", "ambiguous")}
    besides = ", ".join(f"{count:,} {name}" for name, count in others.items() if count)
    told = f"{number:,} of {count_of(total, 'expected unit')} {share}, more than {rules.missing_over}"
    return f"{told}; {besides}." if besides else f"{told}."


def _quota(rules: Rules, counts: Mapping[str, Any]) -> str:
    spend = counts.get("spend") or {}
    left = spend.get("calls_left")
    if rules.quota_under is None or left is None or left >= rules.quota_under:
        return ""
    forecast = spend.get("forecast") or {}
    used_up = "" if forecast.get("lasts_until_reset") else forecast.get("used_up_on")
    ends = f" At this pace they are used up on {used_up[:10]}." if used_up else ""
    return f"{count_of(left, 'call')} {agree(left, 'is', 'are')} left, fewer than {rules.quota_under:,}.{ends}"


def _dead_letters(rules: Rules, counts: Mapping[str, Any]) -> str:
    number, total = int(counts.get("dead_letters") or 0), int(counts.get("planned") or 0)
    if rules.dead_letters_over is None or not rules.dead_letters_over.is_exceeded(number, total):
        return ""
    reasons = counts.get("dead_letters_by_reason") or {}
    by_reason = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()) if count)
    share = f" ({100.0 * number / total:.1f} %)" if total else ""
    of = f"{number:,} of {count_of(total, 'image')}{share} could not be read, more than {rules.dead_letters_over}"
    return f"{of}: {by_reason}." if by_reason else f"{of}."


def waiting_doubts(counts: Mapping[str, Any], policy: str | None) -> int:
    """Return how many images in doubt no later run sends again: a person, or a webhook, has to settle them.

    :param policy: of the read tasks; ``resend`` sends those once more that are in doubt for the first time.
    """
    reasons = counts.get("dead_letters_by_reason") or {}
    once = 0 if policy == InDoubtPolicy.RESEND else int(reasons.get(Reason.IN_DOUBT) or 0)
    return once + int(reasons.get(Reason.IN_DOUBT_TWICE) or 0)


def _doubts(rules: Rules, seen: Seen) -> str:
    number = waiting_doubts(seen.counts, seen.policy) if rules.doubts else 0
    if not number:
        return ""
    verb, them = agree(number, "is", "are"), agree(number, "it", "them")
    return f"{count_of(number, 'image')} {verb} in doubt. No run sends {them} again until a person settles {them}."


def _webhook(rules: Rules, seen: Seen) -> str:
    billed = int(seen.counts.get("calls_billed") or 0)
    if rules.silent_webhook is None or not seen.has_inbox or not billed:
        return ""
    if seen.webhook_at is not None and seen.now - seen.webhook_at <= rules.silent_webhook:
        return ""
    since = f"since {seen.webhook_at:%Y-%m-%d %H:%M} UTC" if seen.webhook_at else "ever"
    answered = f"{count_of(billed, 'call')} {agree(billed, 'was', 'were')}"
    return f"No webhook came {since}, although {answered} billed in this run: has the API switched it off?"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a notifier's template can say, as ``ocr``."""

    dag_id: str
    """Whose run."""
    run_id: str
    """As above."""
    findings: Mapping[str, str]
    """A sentence by kind; at least one."""
    counts: Mapping[str, Any]
    """As the export returned them."""
    report: str = ""
    """Where the run's report is: the page for people, else the JSON; of several plans all, divided by commas."""
    page: str = ""
    """Address of the page in Airflow on this run; empty where nobody knows Airflow's own."""

    @property
    def title(self) -> str:
        """One line."""
        number = len(self.findings)
        return f"{self.dag_id}: {'1 thing needs' if number == 1 else f'{number} things need'} a person"

    @property
    def text(self) -> str:
        """All of it, in lines."""
        more = [f"The report is at {self.report}."] if self.report else []
        more += [f"See {self.page}"] if self.page else []
        return "\n".join([f"{self.title} ({self.run_id})", *(f"- {each}" for each in self.findings.values()), *more])

    @property
    def html(self) -> str:
        """The same for a mail."""
        items = "".join(f"<li>{html.escape(each)}</li>" for each in self.findings.values())
        more = f"<p>The report is at {html.escape(self.report)}.</p>" if self.report else ""
        more += f'<p><a href="{html.escape(self.page)}">See it in Airflow</a></p>' if self.page else ""
        return f"<p>{html.escape(self.title)} ({html.escape(self.run_id)})</p><ul>{items}</ul>{more}"
