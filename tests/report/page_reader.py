"""A page as its reader gets it: elements with their texts, in order."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_EMPTY = {"meta", "link", "input", "br", "img"}


@dataclass
class Element:
    """One element, with all the text below it."""

    tag: str
    attributes: dict[str, str | None]
    parents: tuple[str, ...]
    """Tags and ids around it, the outermost first."""
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
        around = tuple(name for one in self._open for name in (one.tag, one["id"]) if name)
        found = Element(tag, dict(attrs), around)
        self.elements.append(found)
        if tag not in _EMPTY:
            self._open.append(found)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.pieces.append(data)

    def all(self, *tags: str, within: str | None = None) -> list[Element]:
        """Return elements with one of these tags, below the tag or id ``within``."""
        return [one for one in self.elements if one.tag in tags and (within is None or within in one.parents)]

    def classed(self, name: str, within: str | None = None) -> list[Element]:
        """Return elements of a class."""
        return [
            one
            for one in self.elements
            if name in (one["class"] or "").split() and (within is None or within in one.parents)
        ]

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.elements if one["id"]]

    @property
    def scripts(self) -> list[str]:
        """What runs."""
        return [one.raw for one in self.all("script") if one["type"] is None]

    @property
    def data(self) -> dict[str, Any]:
        """What the JSON blocks hold, by their ids."""
        return {one["id"]: json.loads(one.raw) for one in self.all("script") if one["type"] == "application/json"}

    @property
    def words(self) -> str:
        """What can be read or heard."""
        silent = {one.raw for one in self.all("script", "style")}
        (body,) = self.all("body")
        pieces = [piece for piece in body.pieces if piece not in silent]
        return " ".join(" ".join([*pieces, *(one["aria-label"] or "" for one in self.elements)]).split())
