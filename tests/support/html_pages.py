"""Looks at a page of HTML as a browser would take it apart: its elements, its text, and what it asks others for."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

EMPTY = {"meta", "link", "img", "br", "hr", "input", "rect", "path", "base"}
"""Elements without an end of their own, those of SVG that we write so among them."""
ASKING = {"src", "href", "action", "data", "poster", "srcset", "formaction", "xlink:href"}
"""Attributes by which a page asks for something."""


@dataclass(frozen=True)
class Element:
    """One element, with the text within it."""

    tag: str
    attributes: dict[str, str]
    within: tuple[str, ...]
    """Tags around it, outermost first."""
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, as one."""
        return "".join(self.texts)


class Page(HTMLParser):
    """A page that was taken apart.

    :raises AssertionError: an element is closed that was not opened, or never closed.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert [each.tag for each in self._open] == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(each.tag for each in self._open))
        self.elements.append(element)
        if tag not in EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag in EMPTY:
            return
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        """Take a text."""
        for element in self._open:
            element.texts.append(data)

    def all(self, tag: str) -> list[Element]:
        """Return the elements of one kind."""
        return [each for each in self.elements if each.tag == tag]

    @property
    def text(self) -> str:
        """What a reader reads, styles left out."""
        (body,) = self.all("body")
        return body.text

    @property
    def asks_for(self) -> list[str]:
        """What it would ask somebody for, ``data:`` URIs and places on the page itself left out."""
        found = [value for each in self.elements for name, value in each.attributes.items() if name in ASKING]
        return [value for value in found if not value.startswith(("data:", "#"))]
