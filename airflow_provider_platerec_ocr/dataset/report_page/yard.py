"""The yard on the page of a run: a section for each list that the day's reads were held against.

A reconciliation comes after the page was written, from another task. So the page has a place for it, between two marks,
and what goes there replaces what the same task said before. The rest of the page stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.images.page_marks import ATTRIBUTE
from airflow_provider_platerec_ocr.dataset.report_page.page import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN, END = "<!-- yard -->", "<!-- end of yard -->"
"""Lines of the page between which the sections stand."""
_FOOT = "<footer>"
"""Before it go the sections on pages of older versions."""


@dataclass(frozen=True, slots=True)
class YardRow:
    """A unit, or a code that is no unit's."""

    mark: str
    """See :func:`~...core.images.page_marks.mark_of`."""
    status: str
    tone: str
    """``bad`` where it wants somebody's eyes."""
    code: str
    read: str
    """What was read instead, and which characters, or which units it may be."""
    seen: str
    """The first of its images, and how many more there are."""
    when: str
    what: str
    """What the code says of what carries it."""
    own: str
    """The list's own columns."""


@dataclass(frozen=True, slots=True)
class YardSection:
    """What one reconciliation comes to."""

    key: str
    """Of :func:`key_of`."""
    title: str
    words: Sequence[str]
    tiles: Sequence[tuple[str, str, str, str]]
    """Label, value, note and tone of each."""
    rows: Sequence[YardRow]
    left_out: str
    """A sentence where there are more rows; else empty."""

    @property
    def says_what(self) -> bool:
        """Whether something is known of what carries a code."""
        return any(each.what for each in self.rows)


def key_of(*names: str) -> str:
    """Return what tells the section of one task from those of others."""
    return sha256("\0".join(names).encode()).hexdigest()[:16]


def with_section(page: str, section: YardSection) -> str | None:
    """Return a page with the section in its place; ``None`` where it is none of our pages."""
    first, last = f"<!-- yard {section.key} -->", f"<!-- end of yard {section.key} -->"
    drawn = environment().get_template("yard.html.jinja").render(view=section, about=ATTRIBUTE)
    text = f"{first}\n{drawn.strip()}\n{last}\n"
    page = re.sub(rf"{re.escape(first)}\n.*?{re.escape(last)}\n", "", page, flags=re.DOTALL)
    if END in page:
        return page.replace(END, text + END, 1)
    if _FOOT in page:
        return page.replace(_FOOT, f"{BEGIN}\n{text}{END}\n{_FOOT}", 1)
    return None
