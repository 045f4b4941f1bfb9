"""Check digits of VINs and freight containers, and made-up codes that satisfy them.

Written from the standards (49 CFR 565.15 for VINs, ISO 6346 for containers) and not shared with the client's own rules.
Pure; knows nothing of images or HTTP.
"""

from __future__ import annotations

import hashlib

VIN_LENGTH = 17
VIN_ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
VIN_CHECK_POSITION = 8

_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
) | {str(digit): digit for digit in range(10)}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)

CONTAINER_LENGTH = 11
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MULTIPLES_OF_11 = (11, 22, 33)
_CONTAINER_VALUES = dict(
    zip(_LETTERS, (value for value in range(10, 39) if value not in _MULTIPLES_OF_11), strict=True)
) | {str(digit): digit for digit in range(10)}


def vin_check_digit(vin: str) -> str:
    """Compute the character that belongs at position 9 of a VIN.

    :param vin: 17 characters of the VIN alphabet; what stands at position 9 has weight 0.
    :raises KeyError: for a character that no VIN contains (I, O, Q, punctuation).
    """
    total = sum(_VIN_VALUES[char] * weight for char, weight in zip(vin, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11]


def is_vin_checked(vin: str) -> bool:
    """Tell whether 17 characters carry the right check digit; anything that is no VIN gives False."""
    if len(vin) != VIN_LENGTH or any(char not in _VIN_VALUES for char in vin):
        return False
    return vin[VIN_CHECK_POSITION] == vin_check_digit(vin)


def container_check_digit(code: str) -> str:
    """Compute the 11th character of a container code from its first ten (four letters, six digits).

    :raises KeyError: for a character other than A-Z and 0-9.
    """
    return str(_container_remainder(code) % 10)


def _container_remainder(code: str) -> int:
    return sum(_CONTAINER_VALUES[char] << index for index, char in enumerate(code[:10])) % 11


def is_container_checked(code: str) -> bool:
    """Tell whether 11 characters are four letters and seven digits, the last of which is the check digit."""
    if len(code) != CONTAINER_LENGTH or not (code[:4].isalpha() and code[4:].isdigit() and code.isascii()):
        return False
    return code[10] == container_check_digit(code)


def made_up_vin(seed: bytes) -> str:
    """Derive a VIN with the right check digit from any bytes; it starts with 1 (made in the United States)."""
    number = int.from_bytes(hashlib.sha256(b"vin" + seed).digest(), "big")
    chars = ["1"]
    for _ in range(VIN_LENGTH - 1):
        number, index = divmod(number, len(VIN_ALPHABET))
        chars.append(VIN_ALPHABET[index])
    chars[-4:] = [str(ord(char) % 10) for char in chars[-4:]]
    vin = "".join(chars)
    return vin[:VIN_CHECK_POSITION] + vin_check_digit(vin) + vin[VIN_CHECK_POSITION + 1 :]


def made_up_container(seed: bytes) -> str:
    """Derive a container code (``ABCU1234560``) with the right check digit from any bytes.

    ISO 6346 advises against serial numbers whose remainder is 10, so the next number is taken then.
    """
    number = int.from_bytes(hashlib.sha256(b"trailer_id" + seed).digest(), "big")
    owner = ""
    for _ in range(3):
        number, index = divmod(number, len(_LETTERS))
        owner += _LETTERS[index]
    serial = number % 1_000_000
    while _container_remainder(f"{owner}U{serial:06}") == 10:  # noqa: PLR2004 - the remainder the standard avoids
        serial = (serial + 1) % 1_000_000
    stem = f"{owner}U{serial:06}"
    return stem + container_check_digit(stem)
