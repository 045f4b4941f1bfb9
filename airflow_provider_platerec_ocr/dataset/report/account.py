"""The account's own count held against the run's books, over the time in which the run made calls.

A *span* begins when a plan is made (or a cleared run plans again) and ends when the run is exported. What the account
counted in a span and the run did not is a difference that somebody should be told of: other users of the token, a 503
that was billed, or calls whose answer was lost. Spans lie in the workspace, so a cleared run counts nothing twice.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.budget import parse_reset
from airflow_provider_platerec_ocr.storage.files import read_whole, write_whole

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
FILE = "account.json"
"""In the workspace."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which the run made calls."""

    since: str
    """When the statistics were asked first; UTC, ISO 8601."""
    calls_then: int
    """Calls of the period by then, as the account counts."""
    resets_on: str | None = None
    """Reset that was announced then; one more than a day away from it means that the count began anew."""
    until: str = ""
    """When they were asked last; empty while the run goes on."""
    calls_now: int = 0
    """Calls of the period by then."""
    billed: int = 0
    """Calls that the run's own books have for the span: answered, or in doubt."""
    began_anew: bool = False
    """Whether the account's count began anew in between, so that nothing can be told."""

    @property
    def made(self) -> int | None:
        """Calls that the account counted, whoever made them; ``None`` where its count began anew in between."""
        return None if self.began_anew else self.calls_now - self.calls_then

    @property
    def difference(self) -> int | None:
        """Calls that the account counted and the run's books do not have; negative the other way round."""
        return None if self.made is None else self.made - self.billed

    def to_json(self) -> dict[str, Any]:
        """Return the span as JSON-ready data, with what follows from it."""
        return asdict(self) | {"made": self.made, "difference": self.difference}

    def describe(self, suspects: str = "") -> str:
        """Return the reconciliation as one sentence.

        :param suspects: calls of this run that may be part of a difference, such as "7 refused with 503".
        """
        if self.difference is None:
            return f"The account's count began anew since {self.since}, so it cannot be held against this run's ledger."
        books = f"{count_of(self.made or 0, 'call')} since {self.since}, {self.billed:,} by this run's ledger"
        if self.difference == 0:
            return f"The account and this run's ledger agree: {books}."
        if self.difference < 0:
            return (
                f"The account made {count_of(-self.difference, 'call')} fewer than this run's ledger shows ({books}): "
                "it counts late, or calls in doubt were never billed."
            )
        own = f", or some of this run's own ({suspects})" if suspects else ""
        return (
            f"The account made {count_of(self.difference, 'call')} more than this run's ledger shows ({books}): other "
            f"runs or programs with the same token{own}."
        )


def open_span(
    workspace: StoragePath, statistics: Statistics, now: str, *, after: Span | None = None, billed: int = 0
) -> None:
    """Begin a run's first span, or go on with the last one of its earlier planning, where that has not ended yet.

    :param now: UTC, ISO 8601.
    :param after: the last span of the run's earlier planning, if there was one.
    :param billed: calls of it for images that are in the new plan as well: the run's books have them once more.
    """
    if after is not None and not after.until:
        spans = [after]
    else:
        before = [replace(after, billed=billed)] if after is not None else []
        spans = [*before, Span(now, statistics.calls, statistics.resets_on)]
    _save(workspace, spans)


def close_span(workspace: StoragePath, statistics: Statistics, now: str, billed: int) -> Span | None:
    """End the last span and return it; ``None`` where none was ever begun.

    Closing once more without a new call changes nothing; with new calls (reads were cleared without their plan), a new
    span follows the last.

    :param now: UTC, ISO 8601.
    :param billed: calls by the run's books, over all of its spans.
    """
    spans = load_spans(workspace)
    if not spans:
        return None
    last = spans[-1]
    more = billed - sum(span.billed for span in spans)
    if last.until:
        if not more:
            return last
        last = Span(last.until, last.calls_now, last.resets_on)
    else:
        spans.pop()
    anew = statistics.calls < last.calls_then or _moved(last.resets_on, statistics.resets_on)
    ended = replace(last, until=now, calls_now=statistics.calls, billed=more, began_anew=anew)
    _save(workspace, [*spans, replace(ended, resets_on=statistics.resets_on)])
    return ended


def _moved(then: str | None, now: str | None) -> bool:
    """Return whether another reset is announced: an API that works it out anew with each answer moves it by seconds."""
    dates = [parse_reset(text, datetime.min.replace(tzinfo=UTC)) for text in (then, now)]
    return dates[0] is not None and dates[1] is not None and abs(dates[1] - dates[0]) > timedelta(days=1)


def load_spans(workspace: StoragePath) -> list[Span]:
    """Return the run's spans, oldest first; a file that cannot be read counts as none."""
    data = read_whole(workspace / FILE)
    if data is None:
        return []
    try:
        return [Span(**item) for item in json.loads(data)]
    except (ValueError, TypeError) as error:
        log.warning("%s holds no spans and is left aside: %s", workspace / FILE, error)
        return []


def _save(workspace: StoragePath, spans: list[Span]) -> None:
    write_whole(workspace / FILE, json.dumps([asdict(span) for span in spans], indent=1).encode())
