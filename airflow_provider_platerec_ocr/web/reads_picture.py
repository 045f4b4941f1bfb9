"""The picture that stands where there is none: a sentence in a frame, in grey that can be read on light and on dark."""

from __future__ import annotations

import textwrap
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 240, 160
_SIGNS = 26
_LINE = 18


def placeholder(why: str) -> str:
    """Return an SVG that says why there is no picture.

    :param why: in a few words; it is escaped.
    """
    lines = textwrap.wrap(f"No picture: {why}", _SIGNS)[: HEIGHT // _LINE - 1]
    top = (HEIGHT - _LINE * len(lines)) // 2 + _LINE - 5
    texts = "".join(
        f'<text x="{WIDTH // 2}" y="{top + number * _LINE}" text-anchor="middle">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img"><title>{escape(f"No picture: {why}")}</title>'
        f'<rect width="100%" height="100%" fill="#52525b"/>'
        f'<g fill="#ffffff" font-family="sans-serif" font-size="14">{texts}</g></svg>'
    )
