"""Parse a page into its elements with their texts, in order."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_EMPTY = {"meta", "link", "input", "br", "img"}


@dataclass
class Element:
    """One element, with the text of all elements inside it."""

    tag: str
    attributes: dict[str, str | None]
    parents: tuple[str, ...]
    """Tags and ids of the enclosing elements, outermost first."""
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    @property
    def raw(self) -> str:
        return "".join(self.pieces)

    def __getitem__(self, name: str) -> str | None:
        return self.attributes.get(name)


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parents = tuple(name for element in self._open for name in (element.tag, element["id"]) if name)
        element = Element(tag, dict(attrs), parents)
        self.elements.append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)

    def all(self, *tags: str, within: str | None = None) -> list[Element]:
        """Return the elements with one of the names ``tags``, inside the element with the tag or id ``within``."""
        return [
            element
            for element in self.elements
            if element.tag in tags and (within is None or within in element.parents)
        ]

    def classed(self, name: str, within: str | None = None) -> list[Element]:
        """Return the elements with the CSS class ``name``, inside the element with the tag or id ``within``."""
        return [
            element
            for element in self.elements
            if name in (element["class"] or "").split() and (within is None or within in element.parents)
        ]

    @property
    def ids(self) -> list[str]:
        return [element["id"] for element in self.elements if element["id"]]

    @property
    def scripts(self) -> list[str]:
        """The scripts that run."""
        return [element.raw for element in self.all("script") if element["type"] is None]

    @property
    def data(self) -> dict[str, Any]:
        """The parsed JSON blocks, by id."""
        return {
            element["id"]: json.loads(element.raw)
            for element in self.all("script")
            if element["type"] == "application/json"
        }

    @property
    def words(self) -> str:
        """The visible text, and the labels for screen readers."""
        silent = {element.raw for element in self.all("script", "style")}
        (body,) = self.all("body")
        pieces = [piece for piece in body.pieces if piece not in silent]
        return " ".join(" ".join([*pieces, *(element["aria-label"] or "" for element in self.elements)]).split())
