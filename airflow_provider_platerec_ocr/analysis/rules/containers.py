"""What the letters of a container and the sign below its number say: category, size, type (ISO 6346).

Pure; a closed table of a public standard, in words of our own. Sizes and types are those of ISO 6346:1995 with its
amendment 3 of 2012, which the edition of 2022 keeps; tanks marked ``T`` are those of 1995, and four digits are signs of
before 1995, of which only length, height and kind are said. Who owns a container no standard says: see
:mod:`airflow_provider_platerec_ocr.analysis.yard.containers`.
"""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = {
    "U": "freight container",
    "J": "detachable equipment",
    "Z": "trailer or chassis",
    **dict.fromkeys("ABDEK", "European loading unit"),
}
"""The fourth letter: ISO 6346, and EN 13044 for what only moves within Europe."""
LENGTHS = {
    "1": "10 ft",
    "2": "20 ft",
    "3": "30 ft",
    "4": "40 ft",
    "A": "7.15 m",
    "B": "24 ft",
    "C": "24 ft 6 in",
    "D": "7.45 m",
    "E": "7.82 m",
    "F": "8.1 m",
    "G": "41 ft",
    "H": "43 ft",
    "K": "13.6 m",
    "L": "45 ft",
    "M": "48 ft",
    "N": "49 ft",
    "P": "53 ft",
}
_OF_WIDTH = ("8 ft 6 in", "9 ft", "9 ft 6 in", "over 9 ft 6 in")
HEIGHTS = {
    "0": "8 ft",
    "2": "8 ft 6 in",
    "4": "9 ft",
    "5": "9 ft 6 in",
    "6": "over 9 ft 6 in",
    "8": "4 ft 3 in",
    "9": "up to 4 ft",
    **dict(zip("CDEF", _OF_WIDTH, strict=True)),
    **dict(zip("LMNP", _OF_WIDTH, strict=True)),
}
WIDTHS = {**dict.fromkeys("CDEF", "up to 2.5 m wide"), **dict.fromkeys("LMNP", "over 2.5 m wide")}
"""By the sign of the height; all others are 8 ft (2.438 m) wide."""
GROUPS = {
    "G": "general purpose",
    "V": "ventilated",
    "B": "dry bulk",
    "S": "named cargo",
    "R": "refrigerated",
    "H": "insulated",
    "U": "open top",
    "P": "platform",
    "T": "tank",
    "K": "pressure tank",
    "N": "bulk tank",
    "A": "air and surface",
}
TYPES = {
    "G0": "opens at one or both ends",
    "G1": "vents at the top of the hold",
    "G2": "opens at the ends and wholly at the sides",
    "G3": "opens at the ends and partly at the sides",
    "G9": "can carry bulk",
    "V0": "vents below and above",
    "V2": "fan inside",
    "V4": "fan outside",
    "B0": "closed",
    "B1": "airtight",
    "B3": "empties at the rear by a flap",
    "B4": "empties at the rear over its width",
    "B5": "empties at the rear over its width, fixed",
    "B8": "empties at the front over its width",
    "B9": "empties at the side",
    "S0": "livestock",
    "S1": "cars",
    "S2": "live fish",
    "S4": "generator",
    "R0": "cools",
    "R1": "cools and heats",
    "R2": "cools, with power of its own",
    "R3": "cools and heats, with power of its own",
    "H0": "unit outside, 0.4 W/(m2 K)",
    "H1": "unit inside",
    "H2": "unit outside, 0.7 W/(m2 K)",
    "H5": "no unit, 0.4 W/(m2 K)",
    "H6": "no unit, 0.7 W/(m2 K)",
    "U0": "opens at one or both ends",
    "U1": "opens at the ends, removable top frame",
    "U2": "opens at the ends and sides",
    "U3": "opens at the ends and sides, removable top frame",
    "U4": "opens at the ends, partly at one side, wholly at the other",
    "U5": "fixed walls, no doors",
    "U6": "removable hard top",
    "P0": "no ends",
    "P1": "two fixed ends",
    "P2": "fixed posts",
    "P3": "two folding ends",
    "P4": "folding posts",
    "P5": "open frame",
    "P6": "two folding ends",
    "P7": "cars",
    "P8": "timber or pipes",
    "P9": "coils",
    "T0": "for liquids, at least 0.45 bar",
    "T1": "for liquids, at least 1.5 bar",
    "T2": "for liquids, at least 2.65 bar",
    "T3": "for dangerous liquids, at least 1.5 bar",
    "T4": "for dangerous liquids, at least 2.65 bar",
    "T5": "for dangerous liquids, at least 4 bar",
    "T6": "for dangerous liquids, at least 6 bar",
    "T7": "for gases, at least 9.1 bar",
    "T8": "for gases, at least 22 bar",
    "T9": "for gases",
    "K0": "for liquids",
    "K1": "for dangerous liquids up to 2.65 bar",
    "K2": "for dangerous liquids from 2.65 to 10 bar",
    "K3": "for dangerous liquids over 10 bar",
    "K4": "for liquids, needs power",
    "K5": "for dangerous liquids up to 10 bar, needs power",
    "K6": "for dangerous liquids over 10 bar, needs power",
    "K7": "for very cold gases",
    "K8": "for gases",
    "N0": "empties downwards",
    "N1": "empties at the rear, from a hopper",
    "N3": "empties at the rear",
    "N4": "empties at the side",
    "N5": "empties by tipping",
    "N7": "empties at the rear, under pressure",
    "N8": "empties at the side, under pressure",
    "N9": "empties by tipping, under pressure",
    "A0": "",
}
"""Third and fourth sign; what the standard leaves unassigned is not here, and then only the group is said."""
GROUP_CODES = frozenset(
    "GP VH BU BK SN RE RT RS HR HI UT PL PF PC PS PT TN TD TG KL NH NN NP AS".split()  # noqa: SIM905  # a list of pairs
)
"""What stands for third and fourth sign where nobody says which kind of the group it is."""
_REDUCED = dict(zip("ABDGJMVWXY", "0123456789", strict=True))
"""Letters that stand for the digits 0 to 9 where less may be stacked on it."""
_OLD_HEIGHTS = {
    **dict.fromkeys("01", "8 ft"),
    **dict.fromkeys("23", "8 ft 6 in"),
    **dict.fromkeys("45", "over 8 ft 6 in"),
    "8": "4 ft 3 in",
    "9": "up to 4 ft",
}
"""Before 1995; an odd one has a tunnel for a gooseneck."""
_OLD_GROUPS = (
    *("general purpose", "general purpose, vents", "insulated or named cargo", "refrigerated"),
    *("insulated, removable unit", "open top", "platform", "tank", "dry bulk", "air and surface"),
)
"""By the third sign, before 1995."""
_SIGNS = 4


@dataclass(frozen=True, slots=True)
class SizeType:
    """A container's size and type, as its sign says them."""

    sign: str
    """As it is painted: ``45G1``."""
    size: str
    """``40 ft, 9 ft 6 in high``; also how wide, where it is wider than 8 ft."""
    type: str
    """``general purpose: vents at the top of the hold``."""


def size_type(sign: str) -> SizeType | None:
    """Return what a sign of four characters says, such as ``22G1``, ``L5R1``, or ``4310`` of before 1995.

    ``None`` for what no table has: a sign that may be misread is never guessed at.
    """
    if len(sign) != _SIGNS or not sign.isascii():
        return None
    length, height = LENGTHS.get(sign[0]), HEIGHTS.get(sign[1])
    if sign.isdigit():
        height = _OLD_HEIGHTS.get(sign[1])
        type_: str | None = _OLD_GROUPS[int(sign[2])]
    else:
        type_ = _type(sign[2:])
    if length is None or height is None or type_ is None:
        return None
    width = "" if sign.isdigit() or sign[1] not in WIDTHS else f", {WIDTHS[sign[1]]}"
    return SizeType(sign, f"{length}, {height} high{width}", type_)


def _type(pair: str) -> str | None:
    group, last = GROUPS.get(pair[0]), pair[1]
    if group is None or not (last.isdigit() or last in _REDUCED or pair in GROUP_CODES):
        return None
    if pair in GROUP_CODES:
        return group
    said = TYPES.get(pair[0] + _REDUCED.get(last, last), "")
    weaker = "" if last.isdigit() else ", reduced strength"
    return f"{group}{': ' if said else ''}{said}{weaker}"


def category(code: str) -> str | None:
    """Return what the fourth letter of a container's number says; ``None`` where it is no such letter."""
    return CATEGORIES.get(code[3:4])
