"""What comes from photographs and from names of files, made short enough for a page. Pure."""

from __future__ import annotations

from airflow_provider_platerec_ocr.core.redact import whole_text
from airflow_provider_platerec_ocr.core.saying.counts import count_of

CODE_SIGNS, NAME_SIGNS = 60, 200
"""Characters of a code and of a file's name that are shown."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""Media type of an Excel file."""


def cut(text: str | None, signs: int) -> str:
    """Return a text on one line, at most ``signs`` characters of it, and how long it was where it is cut."""
    head = " ".join(whole_text((text or "")[: 4 * signs]).split())
    if len(head) <= signs and len(text or "") <= 4 * signs:
        return head
    return f"{head[:signs]}… ({count_of(len(text or ''), 'character')})"


def page_number(text: str, last: int) -> int:
    """Return a page's number from an address: from 1 to the last that can be shown, whatever stands there."""
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit()):
        return 1
    return max(1, int(plain)) if len(plain) < len(str(last)) else min(last, int(plain[:9]))
