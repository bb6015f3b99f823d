"""Validate rows: convert the texts of a row to the values of a track, and collect the reasons to reject it.

A row is rejected for a number or year that cannot be parsed or lies outside its range, and for a missing title or
required feature. A rejected row is stored as it was read, with all of its reasons.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema

from segue import schema
from segue.ingest import parsing
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.genre_lists import split_genres
from segue.ingest.musical_details import parse_details

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
"""Divisors that convert numbers of a file to the units of ``tracks``, by (column, unit in the file); 1 where none is
listed. The key ``fraction`` applies to all columns that are fractions in ``tracks``."""
_PLACEHOLDER_NUMBERS = frozenset({0.0, -1.0, -99.0, -999.0, -9999.0})
"""Placeholders for a missing number, in columns whose range excludes them."""

VALUE_COLUMNS = (
    *("track_id", *schema.TEXTS, "genres", "year", *(feature.name for feature in schema.NUMBERS)),
    *schema.DETAILS,
)
_VALUE_TYPES: dict[str, pa.DataType] = {
    **{"genres": pa.list_(pa.string()), "year": pa.int32(), "explicit": pa.bool_()},
    **dict.fromkeys(("key", "mode", "time_signature"), pa.int32()),
    **{feature.name: pa.float64() for feature in schema.NUMBERS},
}
_ARROW_SCHEMA = pa.schema(
    [("source_file", pa.string()), ("raw", pa.string()), ("row_hash", pa.string())]
    + [("reasons", pa.list_(pa.string()))]
    + [(name, _VALUE_TYPES.get(name, pa.string())) for name in VALUE_COLUMNS]
)
VALIDATED_ROWS = from_arrow_schema(_ARROW_SCHEMA)
"""The schema that every reader returns: file, raw text and hash of a row, the reasons to reject it (none for a valid
row), and its values by canonical column."""


def text_digest(text: str) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGEST_LENGTH]


def track_identity(values: Mapping[str, Any]) -> str:
    """Return a track id derived from the values that identify a track across files.

    The id is the digest of title, artist and album (in lower case, with single spaces), the year, and the whole
    seconds of the duration, joined by the unit separator U+001F. Missing values are empty.
    """
    texts = [" ".join((values[name] or "").lower().split()) for name in ("title", "artist", "album")]
    year, duration = values["year"], values["duration_s"]
    numbers = ["" if year is None else str(year), "" if duration is None else str(int(duration))]
    return text_digest(_SEPARATOR.join(texts + numbers))


@dataclass(frozen=True, slots=True)
class _Scale:
    """The conversion of one column's numbers from a file's unit, and the column's range in that unit."""

    feature: schema.Feature
    divisor: float
    range: str

    def accepts(self, value: float) -> bool:
        """Return whether a converted value lies in the feature's range."""
        low, high = self.feature.low, self.feature.high
        above = value > low if self.feature.low_is_open else value >= low
        return above and (value < math.inf if high is None else value <= high)


class RowValidator:
    """Validates the rows of files with one column layout.

    Parameters
    ----------
    layout : ColumnLayout
        The columns of the file, with their units.
    non_null_columns : sequence of str
        Features that every track must have.
    """

    def __init__(self, layout: ColumnLayout, non_null_columns: Sequence[str]) -> None:
        self._layout = layout
        self._non_null_columns = frozenset(non_null_columns)
        self._scales = [_scale(feature, layout) for feature in schema.NUMBERS]
        self._has_details = any(name in layout.columns for name in schema.DETAILS)
        self._no_details = dict.fromkeys(schema.DETAILS)

    def validate(self, texts: Mapping[str, str | None]) -> tuple[dict[str, Any], list[str]]:
        """Return a dict of a row's values by canonical column, and a list of reasons to reject it (empty: valid).

        ``texts`` holds the texts of the row by canonical column.
        """
        reasons: list[str] = []
        values = self._text_values(texts, reasons)
        values["year"] = _year(texts.get("year"), reasons)
        for scale in self._scales:
            values[scale.feature.name] = self._number(scale, texts.get(scale.feature.name), reasons)
        # of the names as they are written: an id does not change if another name counts as a placeholder
        values["track_id"] = values["track_id"] or track_identity(values)
        _remove_placeholders(values)
        values |= self._no_details
        if self._has_details:
            values |= parse_details(texts)
        return values, reasons

    def _text_values(self, texts: Mapping[str, str | None], reasons: list[str]) -> dict[str, Any]:
        uri = parsing.clean_text(texts.get("track_id"))
        genres = split_genres(parsing.clean_text(texts.get("genre")), self._layout.genre_separator)
        values = {
            "track_id": None if parsing.is_missing(uri) else parsing.parse_track_id(uri or ""),
            # guard: title-without-fallback
            # -> "title": parsing.clean_text(texts.get("title")) or (None if "title" in self._layout.columns else uri),
            "title": parsing.clean_text(texts.get("title")),
            "artist": parsing.ARTIST_SEPARATOR.join(parsing.parse_list(parsing.clean_text(texts.get("artist"))))
            or None,
            "album": parsing.clean_text(texts.get("album")),
            "genre": genres[0] if genres else None,
            "genres": sorted(genres),
        }
        # in a file without the column, rows may update a track by its id: the stored title remains
        is_untitled = values["title"] is None or values["title"] in parsing.MISSING_NAMES
        if is_untitled and ("title" in self._layout.columns or values["track_id"] is None):
            reasons.append("title missing")
        return values

    def _number(self, scale: _Scale, text: str | None, reasons: list[str]) -> float | None:
        name = scale.feature.name
        if text is None or parsing.is_missing(text):
            self._add_missing(name, text, reasons)
            return None
        value = number = parsing.parse_duration(text) if name == "duration_s" and ":" in text else None
        if value is None:
            number = parsing.parse_number(text, decimal_comma=self._layout.decimal_comma)
            if number is None:
                reasons.append(f"{name} {quote(text)!r} is not a number")
                return None
            # 4.1 minutes divided by 1/60 are 245.99999999999997 seconds, which would change the track's identity
            value = number / scale.divisor if scale.divisor >= 1 else round(number / scale.divisor, 9)
        if not scale.accepts(value):
            if number in _PLACEHOLDER_NUMBERS:
                self._add_missing(name, text, reasons)
            else:
                reasons.append(f"{name} {quote(text.strip())} outside {scale.range}")
            return None
        return value

    def _add_missing(self, name: str, text: str | None, reasons: list[str]) -> None:
        """Add a reason to reject a row that has no value of a feature but a placeholder, if the feature is required."""
        if name in self._non_null_columns:
            placeholder = (text or "").strip()
            reasons.append(f"{name} missing ({quote(placeholder)})" if placeholder else f"{name} missing")


def _remove_placeholders(values: dict[str, Any]) -> None:
    """Replace placeholders for a missing title, album or artist by None."""
    for name in ("title", "album"):
        if values[name] in parsing.MISSING_NAMES:
            values[name] = None
    if values["artist"] and parsing.is_unknown_artist(values["artist"]):
        values["artist"] = None


def quote(text: str) -> str:
    """Return a value as a rejection reason quotes it: cut to ``MAX_QUOTED_LENGTH`` characters and an ellipsis."""
    return text if len(text) <= MAX_QUOTED_LENGTH else text[:MAX_QUOTED_LENGTH] + "…"


def _scale(feature: schema.Feature, layout: ColumnLayout) -> _Scale:
    """Return how a feature's numbers are converted, and their range in the file's unit, which reasons quote."""
    column = layout.columns.get(feature.name)
    kind = "fraction" if feature.unit == "fraction" else feature.name
    divisor = _DIVISORS.get((kind, column.unit or ""), 1.0) if column else 1.0
    high = None if feature.high is None else feature.high * divisor
    in_file = schema.Feature(feature.name, "", feature.low * divisor, high, feature.low_is_open)
    return _Scale(feature, divisor, in_file.range)


def _year(text: str | None, reasons: list[str]) -> int | None:
    if text is None or parsing.is_missing(text):
        return None
    value = parsing.parse_year(text.strip())
    if value is None:
        reasons.append(f"year {quote(text)!r} is not a year")
    return value or None


class RowCollector:
    """Validates rows and collects them into Arrow batches with the schema ``VALIDATED_ROWS``."""

    def __init__(self, non_null_columns: Sequence[str]) -> None:
        self._non_null_columns = non_null_columns
        self._validators: dict[ColumnLayout, RowValidator] = {}
        self._rows: list[list[Any]] = []

    def add(self, source_file: str, raw: str, layout: ColumnLayout, texts: Mapping[str, str | None] | str) -> None:
        """Validate and add a row, given its texts by canonical column, or in their place the reason to reject it."""
        if isinstance(texts, str):
            values, reasons = dict.fromkeys(VALUE_COLUMNS), [texts]
        else:
            if layout not in self._validators:
                self._validators[layout] = RowValidator(layout, self._non_null_columns)
            values, reasons = self._validators[layout].validate(texts)
        self._rows.append([source_file, raw, text_digest(raw), reasons, *(values[name] for name in VALUE_COLUMNS)])

    def batches(self, min_rows: int = 1) -> Iterator[pa.RecordBatch]:
        """Yield the collected rows as one batch, and clear them, if there are at least ``min_rows``."""
        if len(self._rows) >= min_rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, _ARROW_SCHEMA, strict=True)]
            self._rows = []
            yield pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)
