"""Which bursts of reads are misreads of another code, and which code the photographs of one unit say together.

Pure. Digits that look alike are never taken for one another here: consecutive serial numbers are two units, and only a
list of those that are expected can tell a misread digit from the next number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.bursts import PERSON
from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow_provider_platerec_ocr.analysis.rules.bursts import Bursts
    from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions

_SAME_SHAPE = 1.0
"""Cost of a confusion of characters that many fonts draw alike."""
_CHECKED_LENGTHS = (11, 17)
"""Characters of a container and of a VIN."""
_VOTERS = 3


def nobody_knows(code: str) -> bool | None:  # noqa: ARG001  # the shape of a table of vehicles
    """Say of no VIN what it is: there is no table of vehicles."""
    return None


@dataclass(frozen=True, slots=True)
class Misreads:
    """Joins bursts that are misreads of others.

    :param decodes: what a table of vehicles says of a VIN: ``True``: there are such vehicles, ``False``: there are
        none, ``None``: nobody knows. Of VINs with one wrong character whose check digit fits all the same, some 94 %
        do not decode.
    """

    confusions: Confusions
    decodes: Callable[[str], bool | None] = nobody_knows
    _taken_for: dict[str, str] = field(default_factory=dict)

    def join(self, bursts: Bursts) -> None:
        """Join each burst to the one burst that it is a misread of, where there is just one."""
        numbers = {key: number for number, key in enumerate(bursts.keys)}
        for centre in self._unread(bursts, numbers):
            numbers[centre] = bursts.new_unread(centre)
        reads = [sum(bursts.size[burst] for burst in some) for some in bursts.of_key]
        for number in sorted(range(len(bursts.keys)), key=lambda each: (reads[each], bursts.keys[each])):
            hosts = self._hosts(bursts.keys[number], numbers) if reads[number] else []
            for burst in [each for each in bursts.of_key[number] if each not in bursts.certain] if hosts else ():
                near = [
                    host
                    for other, proven in hosts
                    for host in bursts.of_key[other]
                    if (proven or _is_outvoted(bursts, burst, host)) and bursts.near(host, burst)
                ]
                if len(near) == 1:
                    bursts.join(burst, near[0])
                    bursts.of_key[number].remove(burst)
        members = Counter(bursts.joined.values())
        for burst, host in list(bursts.joined.items()):
            if host in bursts.unread and members[host] == 1:  # one photograph alone does not say what nobody read
                del bursts.joined[burst]

    def _hosts(self, key: str, numbers: Mapping[str, int]) -> list[tuple[int, bool]]:
        """Return the codes that a code may be a misread of, each with whether a check digit or a table says so."""
        others = self._among(key, numbers)
        if others and fits(key):  # that says that it is a unit of its own, unless there is no such vehicle
            others = [other for other in others if fits(other) and self.decodes(other)]
            others = others if others and self.decodes(key) is False else []
        return [(numbers[other], fits(other)) for other in others]

    def _unread(self, bursts: Bursts, numbers: Mapping[str, int]) -> list[str]:
        """Return codes that were never read, but whose check digit fits and which two or more misread codes lie beside.

        Each photograph of a unit may have an error of its own.
        """
        beside: dict[str, list[int]] = defaultdict(list)
        for number, key in enumerate(bursts.keys):
            if len(key) not in _CHECKED_LENGTHS or fits(key):
                continue
            hosts = [host for host in self.alike(key) if fits(host)]
            if not any(host in numbers for host in hosts):
                for host in hosts:
                    beside[host] += bursts.of_key[number][:1]
        return sorted(
            host
            for host, some in beside.items()
            if len(some) > 1
            and all(bursts.near(some[0], other) for other in some[1:])
            and self.decodes(host) is not False
        )

    def _among(self, key: str, numbers: Mapping[str, int]) -> list[str]:
        """Return the codes of :meth:`alike` that there are; it is asked for each code of a night."""
        found: list[str] = []
        for at, char in enumerate(key):
            others = self._others(char)
            if others:
                before, after = key[:at], key[at + 1 :]
                found += [code for other in others if (code := f"{before}{other}{after}") in numbers]
        return found

    def alike(self, key: str) -> Iterator[str]:
        """Yield the codes that differ in one character of the same shape, of which at most one is a digit."""
        for at, char in enumerate(key):
            for other in self._others(char):
                yield key[:at] + other + key[at + 1 :]

    def _others(self, char: str) -> str:
        found = self._taken_for.get(char)
        if found is None:
            every = self.confusions.taken_for.get(char, "")
            alike = (c for c in every if self.confusions.cost(c, char) <= _SAME_SHAPE and not (c + char).isdigit())
            found = self._taken_for[char] = "".join(alike)
        return found

    def consensus(self, reads: Iterable[tuple[str, float]]) -> str:
        """Return the code that reads of one unit say together.

        Each code's weight is the sum of its reads' weights; a check digit that fits weighs as much as all the rest, so
        that it decides among codes that differ, and only there; that there are such vehicles as much again. Of
        characters, where all codes are equally long, each place is taken by itself where that makes a code whose check
        digit fits and none of the codes' does. What a person has said counts alone.

        :param reads: code and weight of each, at least one.
        """
        every = list(reads)
        weights: dict[str, float] = defaultdict(float)
        for code, weight in [each for each in every if each[1] >= PERSON] or every:
            weights[code] += weight
        if len(weights) == 1:
            return next(iter(weights))
        total = sum(weights.values())

        def weight_of(code: str) -> tuple[float, str]:
            checked = code_of(code).checked
            return weights[code] + total * (checked + (checked and self.decodes(code) is True)), code

        best = max(weights, key=weight_of)
        keys: dict[str, float] = defaultdict(float)
        for code, number in weights.items():
            keys[code_of(code).key] += number
        if code_of(best).checked or len(keys) < _VOTERS or len(set(map(len, keys))) > 1:  # fewer cannot vote
            return best
        voted = _voted(keys)
        return voted if code_of(voted).checked else best


def _voted(keys: Mapping[str, float]) -> str:
    """Return the code that has at each place the character that weighs most there."""
    places: list[dict[str, float]] = [defaultdict(float) for _ in range(len(next(iter(keys))))]
    for key, number in keys.items():
        for place, char in zip(places, key, strict=True):
            place[char] += number
    return "".join(max(place, key=lambda char: (place[char], char)) for place in places)


def _is_outvoted(bursts: Bursts, burst: int, host: int) -> bool:
    """Return whether one photograph says otherwise than several: of one image that was read twice there is one."""
    return bursts.size[burst] == 1 and bursts.photographs[host] > 1
