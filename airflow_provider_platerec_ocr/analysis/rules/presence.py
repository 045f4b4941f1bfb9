"""Nights held beside each other: what came, what left, what stayed and since when."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, whole_container

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from airflow_provider_platerec_ocr.analysis.rules.misreads import Misreads


class Change(StrEnum):
    """What became of a unit between the last night but one and the last."""

    CAME = "came"
    LEFT = "left"
    STAYED = "stayed"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Presence:
    """One unit over a span of nights."""

    code: str
    change: Change
    """``away``: it was seen on neither of the last two nights."""
    first_seen: date
    last_seen: date
    here_since: date | None
    """The first of the nights, without a gap, up to the last; ``None`` where it is not here."""
    nights: int
    """On how many it was seen."""
    gaps: int
    """How many of the nights between the first and the last it was not seen on."""


def settled(seen: Iterable[tuple[str, date]], misreads: Misreads) -> list[tuple[str, date]]:
    """Return what was seen, with codes that are misreads of another one of them as that other one.

    A unit whose plate is misread in one night would leave, come back, and another one come and go. As in sightings,
    digits are never taken for digits, and a code is a misread only of one whose check digit fits, or that was seen
    more than once and never on the same night: two that were there together are two.
    """
    every = list(seen)
    times = Counter(_key(code) for code, _ in every)
    nights: dict[str, set[date]] = defaultdict(set)
    for code, night in every:
        nights[_key(code)].add(night)
    first = {_key(code): code for code, _ in reversed(every)}
    first |= {key: code for code, _ in reversed(every) if (key := code_of(code).key) == _key(code)}
    stands_for = {}
    for key, number in times.items():
        hosts = [] if code_of(key).checked else [other for other in misreads.alike(key) if other in times]
        hosts = [
            other
            for other in hosts
            if code_of(other).checked or (number == 1 and times[other] > 1 and not nights[key] & nights[other])
        ]
        stands_for[key] = first[hosts[0]] if len(hosts) == 1 else first[key]
    return [(stands_for[_key(code)], night) for code, night in every]


def _key(code: str) -> str:
    """Return a code as it is compared, a container with its check digit, read or not."""
    key = code_of(code).key
    return whole_container(key) or key


def presence(seen: Iterable[tuple[str, date]], nights: Iterable[date] = ()) -> list[Presence]:
    """Return what became of each unit, by its code.

    :param seen: (code, night), in any order, repeats allowed.
    :param nights: all nights on which somebody looked; default: those on which anything was seen. A night on which
        nothing was read at all is no night on which a unit was away, unless it is named here.
    """
    by_code: dict[str, set[date]] = {}
    for code, night in seen:
        by_code.setdefault(code, set()).add(night)
    every = sorted({*nights, *(night for some in by_code.values() for night in some)})
    place = {night: index for index, night in enumerate(every)}
    return [_presence(code, sorted(place[night] for night in some), every) for code, some in sorted(by_code.items())]


def _presence(code: str, places: list[int], every: list[date]) -> Presence:
    last = len(every) - 1
    there = set(places)
    now, before = last in there, last - 1 in there
    change = (Change.STAYED if before else Change.CAME) if now else (Change.LEFT if before else Change.AWAY)
    since = last
    while since - 1 in there:
        since -= 1
    return Presence(
        code,
        change,
        first_seen=every[places[0]],
        last_seen=every[places[-1]],
        here_since=every[since] if now else None,
        nights=len(places),
        gaps=places[-1] - places[0] + 1 - len(places),
    )
