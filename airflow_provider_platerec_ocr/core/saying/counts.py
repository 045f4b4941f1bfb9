"""Numbers with what they count, in the plural where they need it. Pure, and the only place that knows the rule.

Every sentence that counts goes through here, so that nobody reads "1 calls" or "1 dead letters"; a test looks for such
pairs in all that the product can say.
"""

from __future__ import annotations

_SIBILANTS = ("s", "x", "z", "ch", "sh")
_VOWELS = "aeiou"


def plural_of(thing: str) -> str:
    """Return the plural of an English noun, or of words that end in one: ``try`` gives ``tries``."""
    if thing.endswith("y") and thing[-2:-1] not in _VOWELS:
        return f"{thing[:-1]}ies"
    return f"{thing}es" if thing.endswith(_SIBILANTS) else f"{thing}s"


def count_of(number: int, thing: str, things: str = "") -> str:
    """Return the number with its thing: ``1 call``, ``2,000 calls``, ``0 tries``.

    :param things: the plural, where it is no plain one (``call in doubt``, ``calls in doubt``).
    """
    return f"{number:,} {thing if number == 1 else things or plural_of(thing)}"


def agree(number: int, one: str, many: str) -> str:
    """Return the word that goes with the number: ``agree(n, "is", "are")``."""
    return one if number == 1 else many
