"""Validate rows: convert the texts of a row to the values of a track, and collect the reasons to reject it.

A row is rejected for any of these reasons: a number cannot be parsed or is outside its range; a year cannot be parsed;
a feature in ``non_null_columns`` is missing; the title is missing. A missing title is accepted if the row has a track
id and the file has no column of titles. A rejected row is stored as it was read, with all reasons.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql.pandas.types import from_arrow_schema

from segue import schema
from segue.ingest import parsing
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.genre_lists import split_genres
from segue.ingest.musical_details import parse_details

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
MAX_QUOTED_LENGTH = 80
"""Maximum number of characters of a value that a rejection reason quotes."""
_DIGEST_LENGTH = 32
_SEPARATOR = "\u001f"
_DIVISORS = {
    ("fraction", "percent"): 100.0,
    ("fraction", "tenths"): 10.0,
    ("fraction", "thirds"): 3.0,
    ("popularity", "fraction"): 0.01,
    ("duration_s", "ms"): 1000.0,
    ("duration_s", "min"): 1 / 60,
}
"""Divisors to convert numbers from a file's unit to the unit of ``tracks``, by (column, unit in the file).

``fraction`` as a column means all fractions in ``tracks``. Pairs that are not listed have the divisor 1.
"""
_PLACEHOLDER_NUMBERS = frozenset({0.0, -1.0, -99.0, -999.0, -9999.0})
"""Placeholders for a missing number, in columns whose range excludes them."""

VALUE_COLUMNS = (
    *("track_id", *schema.TEXTS, "genres", "year", *(feature.name for feature in schema.NUMBERS)),
    *schema.DETAILS,
)
VALUE_TYPES: dict[str, pa.DataType] = {
    **{"genres": pa.list_(pa.string()), "year": pa.int32(), "explicit": pa.bool_()},
    **dict.fromkeys(("key", "mode", "time_signature"), pa.int32()),
    **{feature.name: pa.float64() for feature in schema.NUMBERS},
}
ARROW_SCHEMA = pa.schema(
    [("source_file", pa.string()), ("raw", pa.string()), ("row_hash", pa.string())]
    + [("reasons", pa.list_(pa.string()))]
    + [(name, VALUE_TYPES.get(name, pa.string())) for name in VALUE_COLUMNS]
)
VALIDATED_ROWS = from_arrow_schema(ARROW_SCHEMA)
"""Spark schema of validated rows: file, raw text, hash, reasons to reject the row, and values by column of ``tracks``.

The list of reasons is empty for a valid row.
"""


def text_digest(text: str) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGEST_LENGTH]


def track_identity(values: Mapping[str, Any]) -> str:
    """Derive a track id, 32 hexadecimal digits, from title, artist, album, year and duration.

    ``values`` is a dict by column of ``tracks``. Texts are converted to lower case with single spaces, and missing
    values to empty texts; the duration is cut to whole seconds. The id is the ``text_digest`` of the results, joined by
    the unit separator U+001F.
    """
    texts = [" ".join((values[name] or "").lower().split()) for name in ("title", "artist", "album")]
    year, duration = values["year"], values["duration_s"]
    numbers = ["" if year is None else str(year), "" if duration is None else str(int(duration))]
    return text_digest(_SEPARATOR.join(texts + numbers))


@dataclass(frozen=True, slots=True)
class Scale:
    """The conversion of a column's numbers from the unit of a file to the unit of ``tracks``.

    Attributes
    ----------
    feature : the column in ``tracks``, with unit and range
    divisor : number by which the numbers of the file are divided
    range : the valid range in the unit of the file, as text for messages
    """

    feature: schema.Feature
    divisor: float
    range: str

    def convert(self, number: float) -> float:
        """Convert a number from the unit of the file to the unit of the feature in ``tracks``."""
        # 4.1 minutes divided by 1/60 are 245.99999999999997 seconds, which would change the track's identity
        return number / self.divisor if self.divisor >= 1 else round(number / self.divisor, 9)

    def convert_each(self, numbers: Numbers) -> Numbers:
        """Convert an array of numbers like ``convert``; NaN stays NaN."""
        if self.divisor >= 1:
            return numbers / self.divisor
        return np.array([self.convert(number) for number in numbers.tolist()], dtype=np.float64)

    def accepts(self, value: float) -> bool:
        """Return whether a converted value lies in the feature's range."""
        low, high = self.feature.low, self.feature.high
        above = value > low if self.feature.low_is_open else value >= low
        return above and (value < math.inf if high is None else value <= high)

    def accepts_each(self, values: Numbers) -> Flags:
        """Return for each converted value whether it lies in the feature's range, as a boolean array; False for NaN."""
        low, high = self.feature.low, self.feature.high
        above = values > low if self.feature.low_is_open else values >= low
        return above & (values < math.inf if high is None else values <= high)


class RowValidator:
    """Validates single rows, for files with one ColumnLayout.

    Parameters
    ----------
    layout : ColumnLayout
        The columns of the files, with their units.
    non_null_columns : sequence of str
        Audio features without which a row is rejected.
    """

    def __init__(self, layout: ColumnLayout, non_null_columns: Sequence[str]) -> None:
        self.layout = layout
        self.non_null_columns = frozenset(non_null_columns)
        self.scales = [_scale(feature, layout) for feature in schema.NUMBERS]
        self._has_details = any(name in layout.columns for name in schema.DETAILS)
        self._no_details = dict.fromkeys(schema.DETAILS)

    def validate(self, texts: Mapping[str, str | None]) -> tuple[dict[str, Any], list[str]]:
        """Validate a row; return a dict of its values, and a list of reasons to reject it (empty if valid).

        ``texts`` are the texts of the row by column of ``tracks``, such as ``{"bpm": "120.5"}``. The values have the
        keys ``VALUE_COLUMNS``, and are in the units of ``tracks``.
        """
        reasons: list[str] = []
        values = self._text_values(texts, reasons)
        values["year"] = self._year(texts.get("year"), reasons)
        for scale in self.scales:
            values[scale.feature.name] = self.number(scale, texts.get(scale.feature.name), reasons)
        # before placeholders are removed: otherwise a placeholder that a new version adds would change stored ids
        values["track_id"] = values["track_id"] or track_identity(values)
        _remove_placeholders(values)
        values |= self._no_details
        if self._has_details:
            values |= parse_details(texts)
        return values, reasons

    def _text_values(self, texts: Mapping[str, str | None], reasons: list[str]) -> dict[str, Any]:
        genres = split_genres(parsing.clean_text(texts.get("genre")), self.layout.genre_separator)
        values = {
            "track_id": parsing.given_track_id(texts.get("track_id")),
            # guard: title-without-fallback -> "title": parsing.clean_text(texts.get("title") or texts.get("track_id")),
            "title": parsing.clean_text(texts.get("title")),
            "artist": parsing.ARTIST_SEPARATOR.join(parsing.parse_list(parsing.clean_text(texts.get("artist"))))
            or None,
            "album": parsing.clean_text(texts.get("album")),
            "genre": genres[0] if genres else None,
            "genres": sorted(genres),
        }
        # in a file without a column of titles, a row may update a track by its id; the stored title remains
        is_untitled = values["title"] is None or values["title"] in parsing.MISSING_NAMES
        if is_untitled and ("title" in self.layout.columns or values["track_id"] is None):
            reasons.append("title missing")
        return values

    def _year(self, text: str | None, reasons: list[str]) -> int | None:
        year, is_valid = parse_optional_year(text)
        if not is_valid:
            reasons.append(f"year {quote(text or '')!r} is not a year")
        return year

    def number(self, scale: Scale, text: str | None, reasons: list[str]) -> float | None:
        """Parse a number; return it in the unit of ``tracks``, or None if missing or invalid.

        If the row must be rejected for this number, appends the reason to ``reasons``.
        """
        name = scale.feature.name
        if text is None or parsing.is_missing(text):
            self._add_missing(name, text, reasons)
            return None
        value = number = parsing.parse_duration(text) if name == "duration_s" and ":" in text else None
        if value is None:
            number = parsing.parse_number(text, decimal_comma=self.layout.decimal_comma)
            if number is None:
                reasons.append(f"{name} {quote(text)!r} is not a number")
                return None
            value = scale.convert(number)
        if not scale.accepts(value):
            if number in _PLACEHOLDER_NUMBERS:
                self._add_missing(name, text, reasons)
            else:
                reasons.append(f"{name} {quote(text.strip())} outside {scale.range}")
            return None
        return value

    def _add_missing(self, name: str, text: str | None, reasons: list[str]) -> None:
        """Append a reason to reject the row, such as "bpm missing (N/A)", if ``name`` is in ``non_null_columns``.

        ``text`` is None, empty, or a text for a missing value, such as "N/A" or 0.
        """
        if name in self.non_null_columns:
            placeholder = (text or "").strip()
            reasons.append(f"{name} missing ({quote(placeholder)})" if placeholder else f"{name} missing")


def _remove_placeholders(values: dict[str, Any]) -> None:
    """Replace placeholders for a missing title, album or artist, such as "#N/A" or "Unknown Artist", by None."""
    for name in ("title", "album"):
        if values[name] in parsing.MISSING_NAMES:
            values[name] = None
    if values["artist"] and parsing.is_unknown_artist(values["artist"]):
        values["artist"] = None


def quote(text: str) -> str:
    """Cut a value to ``MAX_QUOTED_LENGTH`` characters, for a rejection reason. A cut value ends with an ellipsis."""
    return text if len(text) <= MAX_QUOTED_LENGTH else text[:MAX_QUOTED_LENGTH] + "…"


def _scale(feature: schema.Feature, layout: ColumnLayout) -> Scale:
    """Return the Scale to convert a feature's numbers from the unit in ``layout`` to the unit of ``tracks``."""
    column = layout.columns.get(feature.name)
    kind = "fraction" if feature.unit == "fraction" else feature.name
    divisor = _DIVISORS.get((kind, column.unit or ""), 1.0) if column else 1.0
    high = None if feature.high is None else feature.high * divisor
    in_file = schema.Feature(feature.name, "", feature.low * divisor, high, feature.low_is_open)
    return Scale(feature, divisor, in_file.range)


def parse_optional_year(text: str | None) -> tuple[int | None, bool]:
    """Parse a year; return (year, True), (None, True) if missing or unknown, (None, False) if the text is no year."""
    if text is None or parsing.is_missing(text):
        return None, True
    value = parsing.parse_year(text.strip())
    return value or None, value is not None
