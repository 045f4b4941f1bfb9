"""Units that differ in nothing but their serial number, and whether a check digit tells them apart.

Pure. The next number of a series is a unit of its own, whether it is on the list or not, so a digit that was read as
another digit says nothing where no check digit does.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.identifiers import VIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from airflow_provider_platerec_ocr.analysis.rules.codes import Code
    from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions

_VIN_LENGTH = 17
_SERIAL_AT = 11
"""Where the serial number of a VIN begins (ISO 3779: the last six of 17, of most makers all digits)."""
_EUROPE = frozenset("STUVWXYZ")
"""First characters of the VINs of Europe (ISO 3780), where no check digit is demanded: one in eleven fits by chance."""
_NORTH_AMERICA = "12345"
_SEVERAL = 2
_DIGITS = "0123456789"


def serial_at(key: str) -> int:
    """Return where the serial number of a code begins: the digits at its end, of a VIN the last six at most."""
    begins = len(key.rstrip(_DIGITS))
    return max(begins, _SERIAL_AT) if len(key) == _VIN_LENGTH else begins


def series_of(key: str) -> tuple[int, str]:
    """Return what the units of one series share: their length, and all but serial number and check digit."""
    body = key[: serial_at(key)]
    return len(key), body[:8] + body[9:] if len(key) == _VIN_LENGTH else body


class Series:
    """The series that a list of units has."""

    def __init__(self, units: Mapping[str, Code]) -> None:
        self._units = units
        self._sizes = Counter(map(series_of, units))
        self._checked = Counter(series_of(key) for key, code in units.items() if code.checked)

    def speaks(self, key: str) -> bool:
        """Return whether the check digit of a unit of the list speaks for it.

        It does not where those of most units of its series do not fit, or where it is a European VIN that stands
        alone: then this one fits by chance.
        """
        if not self._units[key].checked:
            return False
        series = series_of(key)
        if len(key) == _VIN_LENGTH and key[0] in _EUROPE and self._sizes[series] < _SEVERAL:
            return False
        return 2 * self._checked[series] > self._sizes[series]

    def is_no_number(self, unit: str) -> bool:
        """Return whether a unit's check digit is demanded and does not fit: then the list itself has a mistake.

        49 CFR 565.15 demands it of vehicles for North America (first character 1 to 5), ISO 6346 of each container.
        """
        known = self._units[unit]
        demanded = unit[0] in _NORTH_AMERICA if known.system == VIN else known.system is not None
        return demanded and not known.checked

    def doubtful(self, unit: str, nearly: AbstractSet[str], ends: AbstractSet[str], *, is_read: bool) -> set[str]:
        """Return those of the different codes that stand for one unit which are as likely units of their own.

        Two codes that both are nearly one unit's, and are not of one sighting, are a sign of two strangers.

        :param unit: the unit, a container with its check digit.
        :param nearly: the codes that are the unit's by a confusion.
        :param ends: those that are by their last characters.
        :param is_read: whether the unit's own code was read, too.
        """
        found: set[str] = set()
        if is_read and not self.speaks(unit):
            found |= {key for key in nearly if _is_digit_for_digit(key, unit)}
        elif len(nearly) > 1 and not self.speaks(unit):
            found |= nearly
        if is_read or nearly:
            found |= {key for key in ends if not unit.endswith(key)}
        elif len(ends) > 1:
            found |= ends
        return found

    def rivals(self, read: str, unit: str, confusions: Confusions, as_near: float) -> Iterator[str]:
        """Yield numbers of a unit's series that are not on the list and may as well be what was read.

        None where the list has no other unit of that series, or where the serial number was read as the unit has it.

        :param as_near: a number that costs less than this more than the unit explains the read as well.
        """
        begins = serial_at(unit)
        if (
            begins == len(unit)
            or self._sizes[series_of(unit)] < _SEVERAL
            or read[begins - len(unit) :] == unit[begins:]
        ):
            return
        if len(read) == len(unit):
            every = _changed(read, unit, begins, confusions, as_near)
        else:
            every = _lost(read, begins) if len(read) < len(unit) else _added(read, begins)
        for number in dict.fromkeys(every):
            if number not in self._units and number[begins:].isdigit():
                yield number


def _changed(read: str, unit: str, begins: int, confusions: Confusions, as_near: float) -> Iterator[str]:
    """Yield a unit with other digits where its serial number was read otherwise."""
    for at in range(begins, len(unit)):
        seen = read[at]
        if seen == unit[at]:
            continue
        most = confusions.cost(unit[at], seen) + as_near
        for other in seen if seen.isdigit() else confusions.taken_for.get(seen, ""):
            if other.isdigit() and other != unit[at] and confusions.cost(other, seen) < most:
                yield unit[:at] + other + unit[at + 1 :]


def with_one_more(read: str) -> Iterator[str]:
    """Yield what a read may be of which one digit was lost anywhere."""
    return _lost(read, 0)


def _lost(read: str, begins: int) -> Iterator[str]:
    """Yield what a read may be of which one digit of the serial number was lost."""
    return (read[:at] + digit + read[at:] for at in range(len(read), begins - 1, -1) for digit in _DIGITS)


def _added(read: str, begins: int) -> Iterator[str]:
    """Yield what a read may be of which one character of the serial number is too much."""
    return (read[:at] + read[at + 1 :] for at in range(len(read) - 1, begins - 1, -1))


def _is_digit_for_digit(read: str, unit: str) -> bool:
    """Return whether what was read differs from a unit in nothing but digits, which makes another number of it."""
    return len(read) == len(unit) and all(
        a.isdigit() and b.isdigit() for a, b in zip(read, unit, strict=True) if a != b
    )
