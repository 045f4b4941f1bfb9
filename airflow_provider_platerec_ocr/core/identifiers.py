"""What can be said about a code by arithmetic: its system, its check digit, and the repairs that are always safe.

Pure. A check digit never proves a code: pairs of equal value (1/J, 8/H, 3/L, 7/P, 5/E, 2/S, B/K …) pass for each other,
so the flag is called ``check_digit_ok`` and never "verified".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from operator import mul

VIN = "vin"
TRAILER = "trailer_id"
BIC = "bic"
ILU = "ilu"

_MARKS = re.compile(r"[\s./,:;()\[\]{}'\"-]")
"""What may stand between the signs of a VIN or container; it is dropped only where a whole one is left. Whatever else
is no capital letter and no digit (``?``, ``*``, a letter of another script) may be a sign that could not be read."""
_OWN_MARKS = re.compile(r"[\s./,:;()\[\]{}'\"#&+|~^\\\u2018-\u201f\u00ab\u00bb\u2116-]")
"""What a fleet writes between the signs of its own numbers; the same number is also written without."""
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\uff0d]")
_AROUND = "*_•·|<>~ "
"""What stands only around a code; VINs are stamped between asterisks."""
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Zs", "Zl", "Zp"})
"""Unicode's categories of controls, invisible marks, nothing, and spaces."""
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_VIN_CHECK_AT = 8
_VIN_VALUES = {
    **{str(digit): digit for digit in range(10)},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
_VIN_TABLE = bytes(_VIN_VALUES.get(chr(code), 0) for code in range(256))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_REPAIRS = str.maketrans("OQI", "001")
_VIN_LENGTH = 17
_VIN_PREFIXES = frozenset({"I", "VIN", "VINNO", "VINNUMBER", "VINNR", "FIN", "CHASSISNO", "FRAMENO"})
"""What is read before a VIN and is none of it, once marks are gone: an import's I, a frame taken for one, a label."""

_CONTAINER = re.compile(r"[A-Z]{4}[0-9]{7}")
_SIZE = r"(?:[A-Z]{2,3})?(?:[1-9A-Z][0-9A-Z][A-Z][0-9]|[1-4A-HK-NP][0-9C-FL-NP][A-HKNPR-V][A-Z]|[1-4][0-9]{3})"
"""A container's size and type (ISO 6346: 45G1, 22T6, L5R1, of reduced strength 45GB; before 1995: 4310), after its
country if that is painted."""
_SIZE_SIGNS = 4
_WITH_SIZE = re.compile(rf"([A-Z]{{4}}[0-9]{{7}})({_SIZE})")
_CONTAINER_STEM = re.compile(r"[A-Z]{4}[0-9]{6}")
_CONTAINER_SYSTEMS = {**dict.fromkeys("UJZ", BIC), **dict.fromkeys("ABDEK", ILU)}
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True))
"""A is 10 and so on, leaving out 11, 22 and 33."""


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """What the rules say about one code."""

    code: str
    """As the API gave it."""
    code_normalized: str
    """Upper case; a VIN, a container or a trailer's number without the marks around and within it; a VIN also repaired,
    and without what was read before it; a container without its size."""
    code_system: str | None
    """``vin``, ``bic`` (ISO 6346), ``ilu`` (EN 13044), or ``None``."""
    check_digit_ok: bool | None
    """Whether the check digit fits; ``None`` where the system is not known, so that none applies."""
    repaired: bool
    """Whether a letter that no VIN can hold was replaced."""


def is_blank(code: str) -> bool:
    """Return whether a text has no sign that anybody could see."""
    return not code.isalnum() and all(char.isspace() or unicodedata.category(char) in _UNSEEN for char in code)


def check_code(code: str, type_: str) -> CodeCheck:
    """Return what is known about ``code``, read as ``type_``.

    A sign that no code can have (``?``, ``*``, a letter of another script) may be one that could not be read: it keeps
    its place, and no code with it is a VIN or a container.

    - ``vin``: 17 characters once spaces and marks are gone make a VIN (ISO 3779, 49 CFR 565). O and Q become 0 and
      I becomes 1, since no VIN holds them. What is read before a whole VIN (an import's ``I``, a label) is left out.
      A check digit that does not fit is information and not a fault: only North America (first character 1 to 5)
      demands it, and WP0ZZZ99ZTS392124 is a good VIN without. Whatever else was read keeps its marks.
    - any other type: four letters and seven digits are a container (ISO 6346, fourth letter U, J, Z) or a European
      loading unit (ILU, EN 13044, fourth letter A, B, D, E, K), also with its size behind (``CSQU3054383 45G1``).
    - ``trailer_id``: any other number is the fleet's own. It has no check digit, and gets null, not false; its marks
      and spaces go, since the same number is painted with them and without.
    - other types keep their marks: in ``12.5`` they mean something.
    """
    upper = _upper(code)
    if type_ == VIN:
        return _vin(code, upper)
    compact = _MARKS.sub("", upper.strip(_AROUND))
    container = compact if _CONTAINER.fullmatch(compact) else _without_size(upper, compact)
    if container is not None and (type_ == TRAILER or container[3] in _CONTAINER_SYSTEMS):
        system = _CONTAINER_SYSTEMS.get(container[3])
        return CodeCheck(code, container, system, _fits(container) if system else None, repaired=False)
    plain = _OWN_MARKS.sub("", upper) if type_ == TRAILER else upper
    return CodeCheck(code, plain or upper, None, None, repaired=False)


def _vin(code: str, upper: str) -> CodeCheck:
    compact = _MARKS.sub("", upper.strip(_AROUND))
    vin = compact.translate(_VIN_REPAIRS)
    if not _VIN.fullmatch(vin):
        rest = compact[-_VIN_LENGTH:].strip(_AROUND)
        vin = rest.translate(_VIN_REPAIRS)
        before = compact[: len(compact) - len(rest)].strip(_AROUND)
        if before not in _VIN_PREFIXES or not _VIN.fullmatch(vin):
            return CodeCheck(code, upper.replace(" ", ""), None, None, repaired=False)
        compact = rest
    return CodeCheck(code, vin, VIN, vin_check_digit(vin) == vin[_VIN_CHECK_AT], vin != compact)


def _without_size(upper: str, compact: str) -> str | None:
    """Return the container of a container and its size; glued together, only where the check digit says so."""
    found = _WITH_SIZE.fullmatch(compact)
    if found is None or found[1][3] not in _CONTAINER_SYSTEMS:
        return None
    last = _MARKS.split(upper.strip(_AROUND))[-1]
    stands_apart = found[2].endswith(last) and len(last) < len(compact)
    return found[1] if stands_apart or _fits(found[1]) else None


def size_behind(code: str) -> str | None:
    """Return a container's size and type as they were read behind its number (``45G1``); ``None`` where none were.

    :param code: as it was read, with whatever stands around it.
    """
    upper = _upper(code)
    compact = _MARKS.sub("", upper.strip(_AROUND))
    return compact[-_SIZE_SIGNS:] if _without_size(upper, compact) else None


def _fits(container: str) -> bool:
    return iso6346_check_digit(container[:10]) == int(container[10])


def _upper(code: str) -> str:
    """Return ``code`` in capitals and single spaces, without what nobody sees; no sign becomes two."""
    if code.isascii() and code.isprintable():  # as nearly all are, and a table has millions
        return " ".join(code.upper().split())
    plain = unicodedata.normalize("NFC", "".join(map(_plain, unicodedata.normalize("NFC", code))))
    shown = (char for char in plain if char.isspace() or not is_blank(char))
    text = "".join(char.upper() if len(char.upper()) == 1 else char for char in shown)
    return " ".join(_DASHES.sub("-", text).split())


def _plain(char: str) -> str:
    """Return the plain form of a sign (NFKC); an accent that stands alone stays, lest it join a letter."""
    plain = unicodedata.normalize("NFKC", char)
    return char if len(plain) > 1 and plain[0] == " " else plain


def vin_check_digit(vin: str) -> str:
    """Return the check digit (``0`` to ``9`` or ``X``) that position 9 of ``vin`` should hold (49 CFR 565.15).

    :raises ValueError: where ``vin`` is not 17 characters: capital letters without I, O, Q, and digits.
    """
    if not _VIN.fullmatch(vin):
        message = f"{vin!r} is no VIN: 17 characters, capital letters without I, O and Q, and digits"
        raise ValueError(message)
    total = sum(map(mul, vin.encode().translate(_VIN_TABLE), _VIN_WEIGHTS))
    return "0123456789X"[total % 11]


def iso6346_check_digit(code10: str) -> int:
    """Return the check digit of four letters and six digits (ISO 6346; EN 13044 counts alike).

    :raises ValueError: for anything else.
    """
    if not _CONTAINER_STEM.fullmatch(code10):
        message = f"{code10!r} is not four capital letters and six digits"
        raise ValueError(message)
    values = (_LETTERS[char] if char in _LETTERS else int(char) for char in code10)
    return sum(value << place for place, value in enumerate(values)) % 11 % 10
