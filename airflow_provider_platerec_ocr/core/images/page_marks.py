"""What a page that people open says of single images, so that a deletion finds it: by its marks, not by its looks.

A page is lines of HTML. A line about one image (a row of a table, a picture with its words) carries a mark with
everything that the image is known by, and goes as a whole. In all other lines names and codes are masked where they
stand between tags. This is the only place that knows how; :mod:`~airflow_provider_platerec_ocr.dataset.report_page`
writes the marks.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.core.images.wanted import Wanted

ATTRIBUTE = "data-about"
"""Attribute of HTML that holds a mark."""
BEGIN = "<main"
"""Where the part of a page begins that may name images; styles stand before."""
HEAD_BYTES = 2_000
"""Bytes at a page's beginning in which it says when it was written."""
WRITTEN_AT = "platerec-ocr-written-at"
"""Name of the ``meta`` element that says so."""
_WRITTEN_AT = re.compile(rf'<meta name="{WRITTEN_AT}" content="([^"]*)"')
_MARK = re.compile(rf'<(?:tr|figure)\b[^>]* {ATTRIBUTE}="([^"]*)"')
_TAG = re.compile(r"(<[^>]*>)")
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
"""Characters that are not seen, or that turn the direction of what is: a name with them could look like another one."""


def mark_of(
    *,
    image: str | None,
    version: str | None = None,
    fingerprint: str | None = None,
    name: str | None = None,
    codes: Iterable[str | None] = (),
) -> str:
    """Return the mark of a line, as text; it is plain ASCII on one line, whatever the image is called."""
    facts = {"image": image, "version": version, "fingerprint": fingerprint, "name": name}
    return json.dumps(facts | {"codes": [code for code in codes if code]}, separators=(",", ":"))


def visible(text: str) -> str:
    """Return a text on one line, with a sign in the place of each character that nobody would see."""
    return _INVISIBLE.sub("\ufffd", text)


def without(page: str, wanted: Wanted) -> tuple[str, int]:
    """Return a page that no longer says anything of what is wanted, and how many of its lines and texts have gone."""
    head, begin, body = page.partition(BEGIN)
    if not begin:
        return page, 0
    names = wanted.images | {image for image, _ in wanted.versions}
    masking = replace(wanted, images=names | {visible(name) for name in names}, versions=frozenset())
    lines, gone = [], 0
    for line in body.split("\n"):
        found = _MARK.search(line)
        if found is None:
            line, number = _masked(line, masking)  # noqa: PLW2901  # the line as it is from here on
            gone += number
        elif _is_about(_facts(found[1]), line, wanted):
            gone += 1
            continue
        lines.append(line)
    return head + begin + "\n".join(lines), gone


def written_at(head: str) -> str | None:
    """Return when a page was written, as it says itself; ``None`` where it is somebody else's."""
    found = _WRITTEN_AT.search(head)
    return found[1] if found else None


def _facts(mark: str) -> dict[str, Any]:
    try:
        facts = json.loads(html.unescape(mark))
    except ValueError:  # somebody else's
        return {}
    return facts if isinstance(facts, dict) else {}


def _is_about(facts: dict[str, Any], line: str, wanted: Wanted) -> bool:
    if wanted.has_image(facts.get("image"), facts.get("version")) or facts.get("name") in wanted.images:
        return True
    if facts.get("fingerprint") in wanted.fingerprints or any(map(wanted.has_code, facts.get("codes") or ())):
        return True
    return any(wanted.in_text(html.unescape(text)) for text in _TAG.split(line)[::2])


def _masked(line: str, wanted: Wanted) -> tuple[str, int]:
    parts, number = _TAG.split(line), 0
    for place in range(0, len(parts), 2):
        plain = html.unescape(parts[place])
        new = wanted.masked(plain)
        if new != plain:
            parts[place], number = html.escape(new), number + 1
    return "".join(parts), number
