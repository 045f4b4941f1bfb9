"""What is to be deleted, and how it is told from everything else, whatever file it stands in.

A request names a code, an image or a fingerprint. Whatever belongs to the same content goes with it: a photograph that
shows a VIN has an answer, a row and lines in several files, and only some of them spell the VIN.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from airflow_provider_platerec_ocr.core.images.spellings import spellings

_SIGNS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FOLDED = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyzOQIoqi", b"ABCDEFGH1JKLMN0P0RSTUVWXYZ001001")
_BETWEEN = bytes(sign for sign in range(256) if sign not in _SIGNS + _SIGNS.lower())
_ALIKE = {"0": "[0OQ]", "1": "[1I]"}
FROM_LENGTH = 11
"""Signs from which on a code is looked for in any text, as VINs and containers are; shorter ones may be part of
anything, so they are compared with whole codes only."""
MASK = "(forgotten)"
"""What stands where a code or an image stood in a text that is kept."""


def folded(text: str | bytes) -> bytes:
    """Return letters and digits alone, in capitals, those that no VIN holds (O, Q, I) as what they are read for."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return data.translate(_FOLDED, _BETWEEN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be deleted."""

    codes: frozenset[bytes] = frozenset()
    """Codes, :func:`folded`."""
    images: frozenset[str] = frozenset()
    """Images by name, in any version and spelling."""
    fingerprints: frozenset[str] = frozenset()
    """Paid calls."""
    versions: frozenset[tuple[str, str | None]] = field(default=frozenset())
    """Images in one version: what was read under another version of the same name is other content."""

    @classmethod
    def of(cls, *, code: str | None = None, image: str | None = None, fingerprint: str | None = None) -> Wanted:
        """Return what a person names."""
        codes = {folded(code)} if code else set()
        return cls(
            frozenset(codes - {b""}),
            spellings(image) if image else frozenset(),
            frozenset([fingerprint] if fingerprint else ()),
        )

    def with_found(self, fingerprints: set[str], versions: set[tuple[str, str | None]]) -> Wanted:
        """Return the same with what was found to belong to it."""
        return Wanted(self.codes, self.images, self.fingerprints | fingerprints, self.versions | versions)

    def has_code(self, code: str | None) -> bool:
        """Return whether a code is one that is wanted."""
        return code is not None and bool(self.codes) and folded(code) in self.codes

    def has_image(self, image: str | None, version: str | None = None) -> bool:
        """Return whether an image is one that is wanted."""
        return image is not None and (image in self.images or (image, version) in self.versions)

    def in_text(self, text: str | bytes | None) -> bool:
        """Return whether a text spells a wanted code that is long enough to be looked for anywhere."""
        if not text or not self.codes:
            return False
        hay = folded(text)
        return any(len(code) >= FROM_LENGTH and code in hay for code in self.codes)

    def maybe_in(self, data: bytes) -> bool:
        """Return whether the content of a JSON file may be about it; where this is false, it is not."""
        if self.codes:
            hay = folded(data)
            if any(code in hay for code in self.codes):
                return True
        return any(needle in data for needle in self._needles())

    def masked(self, text: str) -> str:
        """Return a text in which wanted codes, images and fingerprints no longer stand."""
        for name in sorted(self.images | {image for image, _ in self.versions} | self.fingerprints, key=len)[::-1]:
            text = text.replace(name, MASK)
        for code in self.codes:
            if len(code) >= FROM_LENGTH:
                signs = (_ALIKE.get(sign, re.escape(sign)) for sign in code.decode())
                text = re.sub(r"[\W_]{0,3}".join(signs), MASK, text, flags=re.IGNORECASE)
        return text

    def _needles(self) -> set[bytes]:
        names = self.images | {image for image, _ in self.versions}
        spelled = {json.dumps(name, ensure_ascii=plain)[1:-1] for name in names for plain in (True, False)}
        return {text.encode("utf-8", "surrogatepass") for text in spelled | self.fingerprints}
