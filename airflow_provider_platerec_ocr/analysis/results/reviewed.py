"""Reads that persons looked at, as the truth of their images: how sure codes are where nobody wrote a truth file.

People look at what is doubtful, so the shares are those of what was looked at, and not of all reads. What was confused
is confused all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.accuracy import Judged, Verdict, confused, curve, groups, suggested
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.report_page.accuracy import Accuracy, Line
from airflow_provider_platerec_ocr.dataset.report_page.charts import curves
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK
from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery, SearchStatus
from airflow_provider_platerec_ocr.dataset.search.search import search

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from airflow_provider_platerec_ocr.analysis.rules.accuracy import Group, Share, Threshold
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

MOST = 5_000
"""Reads that an estimate rests on at most: the newest."""
TARGET = 0.01
"""Share of wrong codes that a suggested threshold lets through."""
CONFUSIONS = 12
"""Pairs of characters that are shown."""
LINES = 25
"""Lines of one kind, such as cameras, that are shown: those with the most codes."""
SHOWN_AT = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
"""Thresholds that are shown in numbers."""
_COLUMNS = ("image", "camera_id", "orientation", "confidence")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What persons looked at."""

    judged: tuple[Judged, ...]
    """One for each code that was read, or should have been."""
    whole: bool = True
    """Whether that are all; else there are older ones, or the time was over."""


def reviewed(  # noqa: PLR0913  # one place and filters, all by name
    dataset: StoragePath,
    corrections: StoragePath,
    *,
    since: date | None = None,
    until: date | None = None,
    types: Sequence[str] = (),
    seconds: float | None = None,
    clock: Clock | None = None,
) -> Reviewed:
    """Return the reads of a table that persons corrected, accepted, added or took back.

    :param corrections: folder of the corrections; it need not be there.
    :param since: only reads of this day on.
    :param until: only reads up to this day.
    :param types: only reads of these types.
    :param seconds: after which it ends with what was found.
    :raises OCRDatasetError: a correction cannot be read.
    """
    query = ReadQuery(status=SearchStatus.CORRECTED, since=since, until=until, types=tuple(types))
    found = search(dataset, query, limit=MOST, columns=_COLUMNS, corrections=corrections, seconds=seconds, clock=clock)
    return Reviewed(tuple(judged_by(found.rows())), found.exact and not found.late and found.total <= MOST)


def judged_by(rows: Iterable[Mapping[str, Any]]) -> list[Judged]:
    """Return rows, as a search shows them, with what persons say of each code.

    A code that was taken back is wrong, and one that was added was not read. That nothing is to be read on an image
    where nothing was read says nothing of codes, and is left out. A read that was published twice counts once.
    """
    found: dict[tuple[Any, ...], Judged] = {}
    for row in rows:
        if row["corrected_by"] is None:
            continue
        is_back = row[TAKEN_BACK]
        truth = "" if is_back else row["code_normalized"] or row["code"] or ""
        read = row["code"] if is_back else row["code_as_read"]
        if truth or read:
            key = (row["read_type"], row["fingerprint"] or row["image"], row["identifier_index"])
            facts = (row["read_type"], row["camera_id"], row["orientation"], row["confidence"])
            found.setdefault(key, Judged(row["image"], truth, read, *facts))
    return list(found.values())


def accuracy_of(found: Reviewed, target: float = TARGET) -> Accuracy | None:
    """Return what is shown of how sure the codes are; ``None`` where nobody has looked at any."""
    every = found.judged
    if not every:
        return None
    points = curve(every)
    return Accuracy(
        words=_words(found),
        lines=list(_lines(groups(every))),
        confusions=[(truth, read, f"{times:,}") for truth, read, times in confused(every)[:CONFUSIONS]],
        thresholds=[_threshold(each) for each in points if round(each.confidence, 2) in SHOWN_AT],
        suggestion=_suggestion(suggested(every, target), target),
        chart=curves(
            [
                ("ok", [(each.confidence, each.reviewed.value) for each in points]),
                ("bad", [(each.confidence, each.wrong.value) for each in points if each.wrong.of]),
            ],
            "What is to be reviewed, and what wrong is let through, for each confidence from 0 to 1",
        ),
    )


def _words(found: Reviewed) -> str:
    which = "All codes" if found.whole else "The newest codes"
    return (
        f"{which} that persons accepted, corrected, added or took back: {count_of(len(found.judged), 'code')}. "
        "People look at what is doubtful, so the shares are about what was looked at, and not about all codes."
    )


def _lines(every: Sequence[Group]) -> Iterable[Line]:
    for each in _bounded(every):
        shares = [each.share(verdict) for verdict in Verdict]
        name = each.name or "all"
        by = "" if each.by == "all" else each.by
        yield Line(by, name, f"{each.verdicts.total():,}", tuple((_percent(one), _interval(one)) for one in shares))


def _bounded(every: Sequence[Group]) -> Iterable[Group]:
    """Yield the groups in their order, of each kind those with the most codes."""
    for by in dict.fromkeys(each.by for each in every):
        kind = [each for each in every if each.by == by]
        most = sorted(kind, key=lambda each: -each.verdicts.total())[:LINES]
        yield from (each for each in kind if each in most)


def _threshold(each: Threshold) -> tuple[str, str, str]:
    return (
        f"{each.confidence:.2f}",
        _percent(each.reviewed),
        _percent(each.wrong) if each.wrong.of else "nothing is left",
    )


def _suggestion(line: Threshold | None, target: float) -> str:
    wanted = f"{100 * target:g} %"
    if line is None:
        return (
            f"No confidence lets as little as {wanted} wrong through: these codes need eyes, whatever the confidence."
        )
    return f"For at most {wanted} wrong: {line}. This is about codes such as these."


def _percent(share: Share) -> str:
    return f"{100 * share.value:.1f} %"


def _interval(share: Share) -> str:
    low, high = (100 * end for end in share.interval)
    return f"({low:.0f} to {high:.0f} %; {share.number:,})"
