"""One row of texts becomes the values of a track, and every reason why it is none. Plain Python, called by the workers.

A row is rejected for a value that cannot be read or lies outside its range, whichever column it stands in, and for a
missing title, artist or required feature: nothing is guessed, and the raw row is kept with every reason.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segue import schema
from segue.ingest import parsing
from segue.ingest.column_matching import ColumnLayout

QUOTED_UP_TO = 80
_DIGITS = 32
_SEPARATOR = "\u001f"
_DIVISORS = {
    ("fraction", "percent"): 100.0,
    ("popularity", "fraction"): 0.01,
    ("duration_s", "ms"): 1000.0,
    ("duration_s", "min"): 1 / 60,
}


def text_digest(text: str) -> str:
    """Return the first 32 hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS]


def track_identity(values: Mapping[str, Any]) -> str:
    """Return an id made of what makes a track the same one in another file.

    It is the digest of title, artist and album in lower case with single spaces, the year, and the
    whole seconds of the duration, joined by the unit separator U+001F; what is missing is empty.
    """
    texts = [" ".join((values[name] or "").lower().split()) for name in ("title", "artist", "album")]
    year, duration = values["year"], values["duration_s"]
    numbers = ["" if year is None else str(year), "" if duration is None else str(int(duration))]
    return text_digest(_SEPARATOR.join(texts + numbers))


@dataclass(frozen=True, slots=True)
class _Scale:
    """How the numbers of one column are written in one file."""

    feature: schema.Feature
    divisor: float
    range: str

    def accepts(self, value: float) -> bool:
        low, high = self.feature.low, self.feature.high
        above = value > low if self.feature.low_is_open else value >= low
        return above and (value < math.inf if high is None else value <= high)


class RowValidator:
    """Turns the rows of one layout into values and reasons."""

    def __init__(self, layout: ColumnLayout, required: Sequence[str]) -> None:
        self._layout = layout
        self._required = frozenset(required)
        self._scales = [_scale(feature, layout) for feature in schema.NUMBERS]

    def __call__(self, texts: Mapping[str, str | None]) -> tuple[dict[str, Any], list[str]]:
        """Return the values by canonical column, and the reasons why the row is no track."""
        reasons: list[str] = []
        values = self._texts(texts, reasons)
        values["year"] = _year(texts.get("year"), reasons)
        for scale in self._scales:
            values[scale.feature.name] = self._number(scale, texts.get(scale.feature.name), reasons)
        values["track_id"] = values["track_id"] or track_identity(values)
        return values, reasons

    def _texts(self, texts: Mapping[str, str | None], reasons: list[str]) -> dict[str, Any]:
        own = parsing.clean_text(texts.get("track_id"))
        genres = parsing.parse_list(parsing.clean_text(texts.get("genre")))
        values = {
            "track_id": parsing.parse_track_id(own) if own else None,
            # guard: title-without-fallback
            # -> "title": parsing.clean_text(texts.get("title")) or (None if "title" in self._layout.columns else own),
            "title": parsing.clean_text(texts.get("title")),
            "artist": parsing.JOINED_BY.join(parsing.parse_list(parsing.clean_text(texts.get("artist")))) or None,
            "album": parsing.clean_text(texts.get("album")),
            "genre": genres[0] if genres else None,
            "genres": sorted(set(genres)),
        }
        # a file without such a column at all is no fault of its rows: what another delivery says of the id stays
        if values["title"] is None and ("title" in self._layout.columns or values["track_id"] is None):
            reasons.append("title missing")
        if values["artist"] is None and "artist" in self._layout.columns:
            reasons.append("artist missing")
        return values

    def _number(self, scale: _Scale, text: str | None, reasons: list[str]) -> float | None:
        name = scale.feature.name
        if text is None or parsing.is_missing(text):
            if name in self._required:
                reasons.append(f"{name} missing")
            return None
        value = parsing.parse_duration(text) if name == "duration_s" and ":" in text else None
        if value is None:
            written = parsing.parse_number(text, decimal_comma=self._layout.decimal_comma)
            if written is None:
                reasons.append(f"{name} {quote(text)!r} is not a number")
                return None
            # minutes with few decimals are whole seconds, were it not for rounding
            value = written / scale.divisor if scale.divisor >= 1 else round(written / scale.divisor, 9)
        if not scale.accepts(value):
            reasons.append(f"{name} {quote(text.strip())} outside {scale.range}")
            return None
        return value


def quote(text: str) -> str:
    """Return a text short enough to stand in a reason."""
    return text if len(text) <= QUOTED_UP_TO else text[:QUOTED_UP_TO] + "…"


def _scale(feature: schema.Feature, layout: ColumnLayout) -> _Scale:
    """Return how the layout writes a feature; ranges in reasons are those of the unit that the reader sees."""
    found = layout.columns.get(feature.name)
    kind = "fraction" if feature.unit == "fraction" else feature.name
    divisor = _DIVISORS.get((kind, found.unit or ""), 1.0) if found else 1.0
    high = None if feature.high is None else feature.high * divisor
    written = schema.Feature(feature.name, "", feature.low * divisor, high, feature.low_is_open)
    return _Scale(feature, divisor, written.range)


def _year(text: str | None, reasons: list[str]) -> int | None:
    if text is None or parsing.is_missing(text):
        return None
    value = parsing.parse_year(text.strip())
    if value is None:
        reasons.append(f"year {quote(text)!r} is not a year")
    return value or None
