"""Which unit of a list a code stands for: exactly, by a confusion, by its last characters, or by none that is certain.

Pure. A wrong match is worse than an ambiguous one, so a unit wins only where no other is as near, and where the list is
not so dense about it that the true unit may as well be one that is not on the list.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, fits, whole_container
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions, differences
from airflow_provider_platerec_ocr.analysis.rules.misreads import nobody_knows
from airflow_provider_platerec_ocr.analysis.rules.series import Series, with_one_more
from airflow_provider_platerec_ocr.core.identifiers import VIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow_provider_platerec_ocr.analysis.rules.codes import Code

AS_NEAR = 1.5
"""A candidate that is less than about thirty times as likely as the next one does not win: by the table alone, none
does beside another one that differs in as many characters; by what was learned of one's own camera, it may."""
DENSE = 0.005
"""More than this many units beside each unit (codes that differ in one character) make a list of numbers without check
digit so dense that one changed character is as likely to be another unit, on the list or not."""
MISREAD = 0.02
"""Share of codes that are misread, before anything of these reads is known."""
_SURE_OF = 50.0
"""Reads after which what was counted weighs as much as :data:`MISREAD`."""
DOUBT = 0.01
"""Odds from which on a code that is on the list may as well be a misread neighbour of it."""
_SAMPLE = 2_000
_NAMED = 3
"""Codes that are not on the list and that an answer names."""
_VIN_LENGTH = 17
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONG = 10
"""From this length on, a code of which one character is missing, or doubled, still tells which unit it is."""
_TELLING = 6
"""A unit of no more characters than are compared stands for a VIN only, and only from this length on: ``4711`` would be
each number that ends so."""
_LOST = 2.0
"""Cost of a character that was lost or added: as likely as a seldom confusion."""

T = TypeVar("T")


class Match(StrEnum):
    """How a code and a list of units belong together."""

    MATCHED = "matched"
    CONFUSABLE = "matched_confusable"
    PARTIAL = "matched_partial"
    AMBIGUOUS = "ambiguous"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class MatchedCode:
    """What one code was found to be."""

    match: Match
    units: tuple[str, ...] = ()
    """Keys of the units: one where it matched, all that are possible where it is ambiguous, none for an extra."""
    characters: str | None = None
    """What was read otherwise than the unit has it, such as ``S→5 at 9``."""
    not_listed: tuple[str, ...] = ()
    """Where it is ambiguous: codes that explain the read as well and are not on the list."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    key: str
    cost: float
    characters: str


class Matcher:
    """Finds the unit that a code stands for.

    :param units: codes of the units; each is compared in the form of :func:`.codes.code_of`.
    :param confusions: which characters are taken for one another.
    :param max_edits: most characters that may differ: 0, 1 or 2.
    :param partial: how many last characters are enough where no whole code matches, such as 6 or 8; ``None``: none.
    :param decodes: what a table of vehicles says of a VIN: there are such (true), there are none (false), or nobody
        knows. It speaks only of codes that are not on the list: whether one of them may be what was photographed.
    """

    def __init__(
        self,
        units: Iterable[str],
        confusions: Confusions | None = None,
        *,
        max_edits: int = 1,
        partial: int | None = None,
        decodes: Callable[[str], bool | None] = nobody_knows,
    ) -> None:
        self.confusions = confusions or Confusions()
        self.max_edits = max_edits
        self.partial = partial
        self.decodes = decodes
        codes = {code.key: code for code in map(code_of, units) if code.key}
        self._stems = {key: code for key, code in codes.items() if whole_container(key)}
        """Containers that are listed without their check digit; they are compared with it."""
        self.units: dict[str, Code] = {key: code for key, code in codes.items() if key not in self._stems}
        self._listed: dict[str, str] = {}
        for key in self._stems:
            whole = whole_container(key)
            if whole is not None and whole not in self.units:
                self.units[whole], self._listed[whole] = code_of(whole), key
        self.series = Series(self.units)
        self.misread = self.unlisted = MISREAD
        self._dense: dict[int, bool] = {}

    def learn(self, codes: Mapping[str, int]) -> None:
        """Estimate from the codes themselves how many are misread, and how many are no unit of the list.

        Some hit the list, some miss it by a confusion, some are far from it. What cannot be seen is taken from the
        list's own neighbourhoods: a misread that hits another unit, and a stranger that lies beside one.
        """
        hit = missed = far = 0.0
        for text, number in _some(codes.items()):
            key = code_of(text).key
            key = whole_container(key) or key
            if key in self.units:
                hit += number
            elif self._beside(key):
                missed += number
            else:
                far += number
        onto, beside = (min(0.9, share) for share in self._neighbourhoods)
        missed = max(0.0, missed - far * beside / (1.0 - beside)) / (1.0 - onto)
        far /= 1.0 - beside
        self.misread = min(0.99, (missed + MISREAD * _SURE_OF) / (hit + missed + _SURE_OF))
        self.unlisted = min(0.99, (far + MISREAD * _SURE_OF) / (hit + missed + far + _SURE_OF))

    def find(self, text: str, *, is_certain: bool = False) -> MatchedCode:
        """Return which unit a code stands for.

        :param is_certain: whether a person has said that this is what is there: then nothing was misread.
        """
        as_read = code_of(text)
        code = code_of(whole_container(as_read.key) or as_read.key)  # without its check digit it is one container, too
        if code.key in self.units:
            return MatchedCode(Match.MATCHED, self._as_listed([code.key])) if is_certain else self._exact(code)
        candidates = self._candidates(code) if code.key and not is_certain else []
        if candidates:
            return self._nearest(code, candidates)
        tail = self._by_tail(as_read)
        if len(tail) == 1:
            return MatchedCode(Match.PARTIAL, tail)
        return MatchedCode(Match.AMBIGUOUS, tail) if tail else MatchedCode(Match.EXTRA)

    def is_listed(self, text: str) -> bool:
        """Return whether a code is a unit of the list, just as it was read."""
        key = code_of(text).key
        return (whole_container(key) or key) in self.units

    def _as_listed(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return units as the list has them, each once: a container may be there without its check digit."""
        return tuple(dict.fromkeys(self._listed.get(key, key) for key in keys))

    def _exact(self, code: Code) -> MatchedCode:
        """Return that unit, unless misreads are many, and no check digit speaks for it alone."""
        checked = self.series.speaks(code.key)
        others = [key for key in self._beside(code.key) if self.series.speaks(key) == checked]
        of_others = sum(self._share(key, code.key) for key in others)
        of_strangers = 0.0 if checked else self._neighbourhoods[0] * self.unlisted / (1.0 - self.unlisted)
        odds = (of_others + of_strangers) * self.misread / (1.0 - self.misread)
        if odds <= DOUBT:
            return MatchedCode(Match.MATCHED, self._as_listed([code.key]))
        strangers = () if others else self._likeliest(code.key)
        return MatchedCode(Match.AMBIGUOUS, self._as_listed([code.key, *sorted(others)]), not_listed=strangers)

    def _likeliest(self, key: str) -> tuple[str, ...]:
        """Return the codes, not on the list, that are most easily read as this one."""
        changed = sorted((cost, other) for other, cost, _ in self._changed(key, 0, 0.0) if other not in self.units)
        return tuple(other for _, other in changed[:_NAMED])

    def _nearest(self, code: Code, candidates: list[_Candidate]) -> MatchedCode:
        """Return the candidate that is nearest, or all that may be it."""
        best = candidates[0]
        as_near = self._as_listed(each.key for each in candidates if each.cost - best.cost < AS_NEAR - 1e-9)
        strangers = self._strangers(code, best.key) if len(as_near) == 1 else ()
        if len(as_near) > 1 or strangers:
            return MatchedCode(Match.AMBIGUOUS, self._as_listed(each.key for each in candidates), not_listed=strangers)
        return MatchedCode(Match.CONFUSABLE, as_near, best.characters)

    def _strangers(self, code: Code, unit: str) -> tuple[str, ...]:
        """Return codes that are not on the list and explain the read as well as the nearest that is."""
        if not self.series.speaks(unit):
            if self._is_dense_about(unit) or (code.checked and not self.series.is_no_number(unit)):
                return (code.key,)
            return tuple(islice(self.series.rivals(code.key, unit, self.confusions, AS_NEAR), _NAMED))
        if (
            code.checked
        ):  # both fit: of a VIN and one character that happens to those of one value only, which tell nothing
            tells = code.system != VIN or self.decodes(code.key) or len(differences(unit, code.key)) != 1
            return (code.key,) if tells else ()
        variants = (
            f"{code.key[:at]}{other}{code.key[at + 1 :]}"
            for at, char in enumerate(code.key)
            for other in self.confusions.taken_for.get(char, "")
        )
        every = variants if len(code.key) >= len(unit) else with_one_more(code.key)
        found = (each for each in dict.fromkeys(every) if self._is_among_serials(each) and fits(each))
        found = (each for each in found if each not in self.units)
        return tuple(islice((key for key in found if self._may_be(key, unit)), _NAMED))

    def _may_be(self, stranger: str, unit: str) -> bool:
        """Return whether there may be a vehicle that is not on the list, as there is one of this unit's kind."""
        return self.decodes(stranger) is not False or not self.decodes(unit)

    def _is_among_serials(self, key: str) -> bool:
        """Return whether the list has a unit whose serial number is one or two away: such a code exists, or may."""
        body, serial = _body(key)
        serials = self._bodies.get(body)
        return (
            serials is not None and serial.isdigit() and any(int(serial) + step in serials for step in (-2, -1, 1, 2))
        )

    @cached_property
    def _bodies(self) -> dict[str, set[int]]:
        """The serial numbers of each series, where it has any."""
        bodies: dict[str, set[int]] = {}
        for body, serial in map(_body, self.units):
            if serial.isdigit():
                bodies.setdefault(body, set()).add(int(serial))
        return bodies

    def _candidates(self, code: Code) -> list[_Candidate]:
        """Return the units that a code may be, nearest first."""
        fitting = list(self._by_confusion(code.key).items())
        if self.max_edits and len(code.key) >= _LONG:
            fitting += [(key, _LOST) for key in self._by_length(code.key)]
        any_checked = any(self.series.speaks(key) for key, _ in fitting)
        found = []
        for key, cost in fitting:
            worse = any_checked and not code.checked and not self.series.speaks(key)
            found.append(_Candidate(key, cost + (AS_NEAR if worse else 0.0), _said(code.key, key)))
        return sorted(found, key=lambda each: (each.cost, each.key))

    def _by_confusion(self, key: str) -> dict[str, float]:
        """Return each unit that differs from a code by as many confusions as are allowed, with its cost."""
        if not self.max_edits:
            return {}
        cost = self.confusions.cost
        found = {unit: sum(cost(a, b) for a, b in zip(unit, key, strict=True) if a != b) for unit in self._beside(key)}
        if self.max_edits > 1:
            for changed, before, at in self._changed(key, 0, 0.0):
                for twice, sum_, _ in self._changed(changed, at + 1, before):
                    if twice in self.units:
                        found[twice] = min(sum_, found.get(twice, sum_))
        return found

    def _beside(self, key: str) -> list[str]:
        """Return each unit that differs from a code in one character that may be confused.

        It is asked for each code of a night, so it makes nothing but the codes that it looks up.
        """
        units, taken_for = self.units, self.confusions.taken_for
        found: list[str] = []
        if not self.max_edits:
            return found
        once, twice = self._halves
        there = twice if key in units else once
        first, last = _halves(key)
        begins, ends = 0 if last in there else len(key) // 2, len(key) if first in there else len(key) // 2
        for at in range(begins, ends):
            others = taken_for.get(key[at])
            if others:
                before, after = key[:at], key[at + 1 :]
                found += [unit for other in others if (unit := f"{before}{other}{after}") in units]
        return found

    @cached_property
    def _halves(self) -> tuple[set[int], set[int]]:
        """Halves that one unit has, and those that more have: of codes that differ in one character one is the same."""
        once: set[int] = set()
        twice: set[int] = set()
        for half in chain.from_iterable(map(_halves, self.units)):
            (twice if half in once else once).add(half)
        return once, twice

    def _changed(self, key: str, start: int, before: float) -> Iterator[tuple[str, float, int]]:
        taken_for, cost = self.confusions.taken_for, self.confusions.cost
        for at in range(start, len(key)):
            for other in taken_for.get(key[at], ""):
                yield key[:at] + other + key[at + 1 :], before + cost(other, key[at]), at

    def _by_length(self, key: str) -> set[str]:
        """Return units that lack one of the code's characters, or have one more."""
        shorter = {key[:at] + key[at + 1 :] for at in range(len(key))}
        found = {other for other in shorter if other in self.units}
        if len(key) + 1 in self._lengths:
            for at in range(len(key) + 1):
                found.update(u for c in _ALPHABET if (u := key[:at] + c + key[at:]) in self.units)
        return found

    def _by_tail(self, code: Code) -> tuple[str, ...]:
        """Return the units that end as the code does, as the user allows and no check digit speaks against."""
        if self.partial is None or len(code.key) < self.partial:
            return ()
        alike = self._tails.get(code.key[-self.partial :], ())
        return self._as_listed(sorted(unit for unit in alike if self._may_end_as(code, unit)))

    def _may_end_as(self, code: Code, unit: str) -> bool:
        """Return whether one may be the end of the other, or both are as long, and no check digit speaks against it."""
        known = self.units.get(unit) or self._stems[unit]
        if code.checked and known.checked:
            return False
        if len(unit) == self.partial and unit != code.key and not (code.system == VIN and len(unit) >= _TELLING):
            return False
        return len(unit) == len(code.key) or unit.endswith(code.key) or code.key.endswith(unit)

    @cached_property
    def _lengths(self) -> frozenset[int]:
        return frozenset(map(len, self.units))

    @cached_property
    def _tails(self) -> dict[str, list[str]]:
        tails: dict[str, list[str]] = {}
        for key in (*self.units, *self._stems):
            if self.partial is not None and len(key) >= self.partial:
                tails.setdefault(key[-self.partial :], []).append(key)
        return tails

    def _share(self, truth: str, read: str) -> float:
        """Return which part of all misreads of ``truth`` is ``read``, where one character is misread."""
        weight = self.confusions.weights
        places = [(a, b) for a, b in zip(truth, read, strict=True) if a != b]
        every = sum(weight.get((a, b), 0.0) for a in truth for b in self.confusions.taken_for.get(a, ""))
        return sum(weight.get(pair, 0.0) for pair in places) / every if len(places) == 1 and every else 0.0

    def _is_dense_about(self, key: str) -> bool:
        """Return whether the units of this one's kind lie so close that one changed character may be any of them."""
        if self.series.speaks(key):
            return False
        length = len(key)
        if length not in self._dense:
            some = _some([unit for unit in self.units if len(unit) == length and not self.series.speaks(unit)])
            beside = sum(
                1
                for unit in some
                for at in range(length)
                for other in _ALPHABET
                if other != unit[at] and unit[:at] + other + unit[at + 1 :] in self.units
            )
            self._dense[length] = beside > DENSE * len(some)
        return self._dense[length]

    @cached_property
    def _neighbourhoods(self) -> tuple[float, float]:
        """Which part of the misreads of units without check digit hits another unit, and how many can hit one."""
        some = _some([unit for unit in self.units if not self.series.speaks(unit)])
        neighbours = [[self._share(unit, other) for other in self._beside(unit)] for unit in some]
        many = max(1, len(some))
        return sum(map(sum, neighbours)) / many, sum(map(bool, neighbours)) / many


def _some(every: Iterable[T]) -> list[T]:
    """Return a few thousand of them, always the same."""
    all_ = list(every)
    return all_ if len(all_) <= _SAMPLE else random.Random(0).sample(all_, _SAMPLE)  # noqa: S311  # a sample


def _halves(key: str) -> tuple[int, int]:
    """Return what stands for the first half of a code of this length, and for its last."""
    middle = len(key) // 2
    return hash((len(key), key[:middle])), hash((len(key), middle, key[middle:]))


def _body(key: str) -> tuple[str, str]:
    """Return a VIN or container without its check digit, in two parts: what a series shares, and its serial number."""
    return (key[:8] + key[9:13], key[13:]) if len(key) == _VIN_LENGTH else (key[:4], key[4:10])


def said_of(text: str, unit: str) -> str:
    """Return what of a code was read otherwise than the unit has it, in words."""
    return _said(code_of(text).key, unit)


def _said(read: str, unit: str) -> str:
    """Return what was read otherwise than the unit has it, in words."""
    if len(read) == len(unit):
        pairs = enumerate(zip(read, unit, strict=True), 1)
        return ", ".join(f"{a}→{b} at {at}" for at, (a, b) in pairs if a != b)
    at = next((i for i, (a, b) in enumerate(zip(read, unit, strict=False)) if a != b), min(len(read), len(unit)))
    return f"{read[at]} added at {at + 1}" if len(read) > len(unit) else f"{unit[at]} lost at {at + 1}"
