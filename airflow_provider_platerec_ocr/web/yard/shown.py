"""Units and codes of a yard as the template shows them: texts cut to what a person reads, pictures, and what stays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.results.nights import ERROR, facts_of, label_of
from airflow_provider_platerec_ocr.analysis.rules.presence import Change
from airflow_provider_platerec_ocr.analysis.yard.outcome import UNIT, Status
from airflow_provider_platerec_ocr.core.images.identity import safe_name
from airflow_provider_platerec_ocr.core.page_urls import image_url, view_url
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.web.frame.charts import columns
from airflow_provider_platerec_ocr.web.frame.texts import CODE_SIGNS, NAME_SIGNS, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_platerec_ocr.analysis.results.nights import Kept
    from airflow_provider_platerec_ocr.analysis.rules.presence import Presence
    from airflow_provider_platerec_ocr.web.frame.charts import Column

    Row = Mapping[str, Any]

STATUSES = {
    Status.MISSING.value: "missing",
    Status.AMBIGUOUS.value: "ambiguous",
    Status.CONFUSABLE.value: "matched by a confusion",
    Status.PARTIAL.value: "matched in part",
    Status.EXTRA.value: "extra",
    Status.UNREADABLE.value: "without a code",
    Status.MATCHED.value: "matched",
}
"""What each status is called, in the order in which they need a person."""
TONES = {Status.MISSING.value: "bad", Status.AMBIGUOUS.value: "warn", Status.MATCHED.value: "good"}
CHANGES = {
    Change.CAME.value: "came",
    Change.LEFT.value: "left",
    Change.STAYED.value: "stayed",
    Change.AWAY.value: "away longer",
}
IMAGES = 4
"""Images of one unit that are shown; the files have all."""
LISTED = 8
"""Codes of one cell."""
OWN = 12
"""Columns of the list, and facts of what it is, that are shown."""
CHART = ("good", "used", "held", "bad", "extra")
"""Kinds of a column of the chart, from the ground up: see :func:`chart_of`."""


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """One image that is evidence."""

    name: str
    url: str
    thumbnail: str


@dataclass(frozen=True, slots=True)
class ShownUnit:
    """One row: a unit of the list, or a code that is no unit's."""

    status: str
    words: str
    tone: str
    is_unit: bool
    code: str
    check_digit: str
    """``ok``, ``failed`` or nothing."""
    read: tuple[str, ...]
    """What was read, where it is not the code itself."""
    characters: str
    candidates: tuple[str, ...]
    not_listed: tuple[str, ...]
    """Codes of no unit that it may be as well."""
    photos: tuple[ShownPhoto, ...]
    more_photos: int
    cameras: str
    confidence: float | None
    first_seen: Any
    last_seen: Any
    own: tuple[tuple[str, str], ...]
    """The list's own columns."""
    facts: tuple[tuple[str, str], ...]
    """What the code says of what carries it."""
    wrong: str
    """Why it can be no such code; empty where nothing says so."""
    change: str
    stay: str


def shown_units(
    dataset: str,
    one: Kept,
    rows: Iterable[Row],
    says: Mapping[str, Mapping[str, Any]],
    stays: Mapping[str, Presence],
) -> list[ShownUnit]:
    """Return rows of a reconciliation as they are shown.

    :param says: what codes stand for, by code. :param stays: what became of them.
    """
    return [_unit(dataset, one, row, says, stays) for row in rows]


def _unit(
    dataset: str, one: Kept, row: Row, says: Mapping[str, Mapping[str, Any]], stays: Mapping[str, Presence]
) -> ShownUnit:
    status, read, digit = str(row["status"]), row["read_codes"] or [], row["check_digit_ok"]
    images = row["images"] or []
    presence = stays.get(row["code"] or "")
    facts = facts_of(row) or next((dict(says[code]) for code in (row["code"], *read) if code in says), {})
    return ShownUnit(
        status=status,
        words=STATUSES.get(status, status),
        tone=TONES.get(status, ""),
        is_unit=row["about"] == UNIT,
        code=cut(row["code"], CODE_SIGNS),
        check_digit="" if digit is None else "ok" if digit else "failed",
        read=_listed(code for code in read if code != row["code"]),
        characters=row["characters"] or "",
        candidates=_listed(row["candidates"] or []),
        not_listed=_listed(row.get("not_listed") or []),
        photos=tuple(_photo(dataset, one, name) for name in images[:IMAGES]),
        more_photos=max(0, len(images) - IMAGES),
        cameras=", ".join(_listed(row["cameras"] or [])),
        confidence=row["confidence"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        own=_pairs(_own(row["expected"])),
        facts=_pairs({label_of(name): value for name, value in facts.items() if not name.endswith(ERROR)}),
        wrong=cut("; ".join(str(facts[name]) for name in facts if name.endswith(ERROR)), NAME_SIGNS),
        change=CHANGES[presence.change] if presence else "",
        stay=_stay(presence) if presence else "",
    )


def _photo(dataset: str, one: Kept, image: str) -> ShownPhoto:
    name = safe_name(image)
    days = {"day": one.day.isoformat(), "since": one.summary.since or None}
    return ShownPhoto(
        name=cut(name.rstrip("/").rpartition("/")[2] or name, NAME_SIGNS),
        url=image_url(dataset, name),
        thumbnail=view_url("thumbnail", dataset=dataset, image=name, **days),
    )


def _listed(codes: Iterable[str]) -> tuple[str, ...]:
    every = list(codes)
    shown = tuple(cut(code, CODE_SIGNS) for code in every[:LISTED])
    return shown if len(every) <= LISTED else (*shown, f"and {len(every) - LISTED:,} more")


def _own(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _pairs(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = [(name, value) for name, value in found.items() if value is not None][:OWN]
    return tuple(
        (cut(str(name).replace("_", " "), CODE_SIGNS), cut(redact(str(value)), NAME_SIGNS)) for name, value in given
    )


def _stay(each: Presence) -> str:
    """Return since when it is here, or until when it was, and the nights in between on which it was not seen."""
    gaps = f", not seen on {count_of(each.gaps, 'night')} in between" if each.gaps else ""
    if each.change is Change.CAME:
        return f"new{gaps}, first seen {each.first_seen}" if each.gaps or each.nights > 1 else "new"
    if each.change is Change.STAYED:
        return f"here since {each.here_since}" + (f", first seen {each.first_seen}{gaps}" if each.gaps else "")
    return f"last seen {each.last_seen}, on {count_of(each.nights, 'night')}{gaps}"


def chart_of(nights: Sequence[Kept]) -> list[Column]:
    """Return a column for each night, oldest first: matched, by a confusion or in part, ambiguous, missing, extra."""
    return columns([(f"{each.day}", _parts(each.summary.counts), None) for each in nights[::-1]])


def _parts(counts: Mapping[str, int]) -> list[tuple[str, float | None]]:
    less = counts.get("matched_confusable", 0) + counts.get("matched_partial", 0)
    numbers = (counts.get("matched", 0), less, *(counts.get(name, 0) for name in ("ambiguous", "missing", "extra")))
    return list(zip(CHART, numbers, strict=True))
