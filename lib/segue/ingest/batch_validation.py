"""Validate many rows at once, column by column, with the same results as ``validation.RowValidator``.

Arrow's functions handle cells of the usual form, such as printable ASCII and numbers like ``-7.25``. The parsers of
``RowValidator`` handle all other cells, one call per distinct text where texts repeat. Invalid rows are only marked
here: ``RowValidator`` lists the reasons to reject them.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segue import schema
from segue.ingest import musical_details, parsing
from segue.ingest.columns.genre_lists import split_genres
from segue.ingest.validation import VALUE_TYPES, Flags, RowValidator, Scale, parse_optional_year, track_identity

_BEYOND_PRINTABLE = "[^ -~]"
_LIST_END = r"[\])}]\z"
_PLAIN_ID = r"\A[0-9A-Za-z_-]+\z"
_PLAIN_NUMBER = r"\A-?[0-9]{1,15}(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?\z"
"""Pattern of numbers that Arrow and Python's ``float`` parse alike: both round to the nearest double."""
_PLAIN_ISRC = r"\A[A-Z]{2}[A-Z0-9]{3}[0-9]{7}\z"
_MISSING_TEXTS = pa.array(sorted(parsing.MISSING_TEXTS), pa.string())
_MISSING_NAMES = pa.array(sorted(parsing.MISSING_NAMES), pa.string())
_MISSING_VALUES = pa.array(sorted(parsing.MISSING_VALUES), pa.string())
_UNKNOWN_ARTISTS = pa.array(sorted(parsing.MISSING_VALUES | parsing.UNKNOWN_ARTISTS), pa.string())
_year = lru_cache(maxsize=4096)(parse_optional_year)


class BatchValidator:
    """Validates batches of rows by columns, for files with one ColumnLayout.

    Parameters
    ----------
    row_validator : the RowValidator of these files; it has their layout, and parses the numbers that Arrow cannot parse
    """

    def __init__(self, row_validator: RowValidator) -> None:
        self._row_validator = row_validator
        self._layout = row_validator.layout

    def validate(self, texts: Mapping[str, pa.Array], n_rows: int) -> tuple[dict[str, pa.Array], Flags]:
        """Validate rows by columns; return their values, and which rows are valid.

        Parameters
        ----------
        texts : mapping of str to pa.Array, each of length ``n_rows``
            The texts of the rows, by column of ``tracks``. Numbers may be arrays of doubles instead.
        n_rows : int
            Number of rows.

        Returns
        -------
        values : dict of str to pa.Array, each of length ``n_rows``
            Values by column of ``tracks``, in the units of ``tracks``; arbitrary in invalid rows.
        valid : boolean numpy array of length ``n_rows``
        """
        values: dict[str, pa.Array] = {}
        valid = np.ones(n_rows, dtype=bool)
        for scale in self._row_validator.scales:
            name = scale.feature.name
            values[name] = self._numbers(scale, texts.get(name), valid)
        values["year"] = self._years(texts.get("year"), valid)
        values["genre"], values["genres"] = self._genres(texts.get("genre"), n_rows)
        names = {name: _cleaned(texts.get(name), n_rows) for name in ("title", "artist", "album")}
        names["artist"] = _mapped(names["artist"], _matches(names["artist"], _LIST_END), _joined_artists)
        values["track_id"] = _track_ids(texts.get("track_id"), n_rows)
        values["title"] = _without(names["title"], names["title"], _MISSING_NAMES)
        is_untitled = _flags(values["title"].is_null())
        if "title" not in self._layout.columns:
            is_untitled &= _flags(values["track_id"].is_null())
        valid &= ~is_untitled
        values["track_id"] = _with_identities(values["track_id"], names, values, valid)
        values["album"] = _without(names["album"], names["album"], _MISSING_NAMES)
        values["artist"] = _without(names["artist"], pc.ascii_lower(names["artist"]), _UNKNOWN_ARTISTS)
        return values | _details(texts, n_rows), valid

    def _numbers(self, scale: Scale, texts: pa.Array | None, valid: Flags) -> pa.Array:
        """Convert one number column to an array of doubles in the unit of ``tracks``, null where missing or invalid.

        ``texts`` are the texts of the column, or doubles, one per row; None if the files do not have the column. Sets
        ``valid``, an array with a boolean per row, to False for the rows to reject.
        """
        is_required = scale.feature.name in self._row_validator.non_null_columns
        if texts is None:
            if is_required:
                valid[:] = False
            return pa.nulls(len(valid), pa.float64())
        numbers = texts if pa.types.is_floating(texts.type) else self._plain_numbers(texts)
        values = scale.convert_each(numbers.to_numpy(zero_copy_only=False))
        is_null = ~scale.accepts_each(values)
        others = np.flatnonzero(is_null)
        if not is_required:
            others = others[_flags(texts.is_valid())[others]]
        parsed: dict[str | None, tuple[float | None, bool]] = {}
        other_texts = map(_as_text, texts.take(pa.array(others)).to_pylist())
        for index, text in zip(others.tolist(), other_texts, strict=True):
            if text not in parsed:
                reasons: list[str] = []
                parsed[text] = self._row_validator.number(scale, text, reasons), not reasons
            value, is_valid = parsed[text]
            if not is_valid:
                valid[index] = False
            elif value is not None:
                values[index], is_null[index] = value, False
        return pa.array(values, pa.float64(), mask=is_null)

    def _plain_numbers(self, texts: pa.Array) -> pa.Array:
        """Parse numbers of the usual form, such as -7.25, to an array of doubles. All other texts become null.

        If the file's numbers have decimal commas, the first comma of a text is read as a point.
        """
        usual = pc.replace_substring(texts, ",", ".", max_replacements=1) if self._layout.decimal_comma else texts
        plain = pc.if_else(pc.match_substring_regex(usual, _PLAIN_NUMBER), usual, pa.scalar(None, pa.string()))
        return pc.cast(plain, pa.float64())

    def _years(self, texts: pa.Array | None, valid: Flags) -> pa.Array:
        """Parse years; return an int32 array, null where unknown. Sets ``valid`` to False where a text is no year."""
        if texts is None:
            return pa.nulls(len(valid), pa.int32())
        parsed, indices = _parsed_each(texts, _year)
        valid &= np.array([is_valid for _, is_valid in parsed], dtype=bool)[indices.to_numpy()]
        return pa.array([year for year, _ in parsed], pa.int32()).take(indices)

    def _genres(self, texts: pa.Array | None, n_rows: int) -> tuple[pa.Array, pa.Array]:
        """Return two arrays with a value per row: the first genre, or null, and the sorted list of all genres."""
        list_type = VALUE_TYPES["genres"]
        if texts is None:
            no_genres = pa.ListArray.from_arrays(np.zeros(n_rows + 1, dtype=np.int32), pa.array([], pa.string()))
            return pa.nulls(n_rows, pa.string()), no_genres.cast(list_type)
        separator = self._layout.genre_separator
        parsed, indices = _parsed_each(texts, lambda text: split_genres(parsing.clean_text(text), separator))
        first = pa.array([genres[0] if genres else None for genres in parsed], pa.string())
        return first.take(indices), pa.array([sorted(genres) for genres in parsed], list_type).take(indices)


def _as_text(cell: str | float | None) -> str | None:
    return str(cell) if isinstance(cell, float) else cell


def _flags(array: pa.Array) -> Flags:
    """Convert an Arrow array of booleans to numpy; null becomes False."""
    flags: Flags = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return flags


def _matches(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(texts, pattern), False)


def _mapped(texts: pa.Array, mask: pa.Array, parse: Callable[[str], str | None]) -> pa.Array:
    """Replace each text by ``parse(text)`` where ``mask``, a boolean per text, is true."""
    others = texts.filter(mask).to_pylist()
    return pc.replace_with_mask(texts, mask, pa.array(map(parse, others), pa.string())) if others else texts


def _without(texts: pa.Array, compared: pa.Array, placeholders: pa.Array) -> pa.Array:
    """Replace texts by null if they are placeholders for a missing value, such as "n/a".

    ``compared`` has the same texts in the form in which they are compared with ``placeholders``, such as lower case.
    """
    return pc.if_else(pc.is_in(compared, value_set=placeholders), pa.scalar(None, pa.string()), texts)


def _parsed_each(texts: pa.Array, parse: Callable[[str], Any]) -> tuple[list[Any], pa.Array]:
    """Call ``parse`` once per distinct text; return (results, indices): row i has the result ``results[indices[i]]``.

    A null in ``texts`` is parsed as an empty text.
    """
    encoded = pc.fill_null(texts, "").dictionary_encode()
    return [parse(text) for text in encoded.dictionary.to_pylist()], encoded.indices


def _cleaned(texts: pa.Array | None, n_rows: int) -> pa.Array:
    """Clean ``n_rows`` texts with the same result as ``parsing.clean_text``. All null if ``texts`` is None."""
    if texts is None:
        return pa.nulls(n_rows, pa.string())
    trimmed = pc.ascii_trim(texts, " ")
    cleaned = _without(trimmed, trimmed, _MISSING_TEXTS)
    unusual = _matches(texts, _BEYOND_PRINTABLE)
    others = texts.filter(unusual).to_pylist()
    if not others:
        return cleaned
    return pc.replace_with_mask(cleaned, unusual, pa.array(map(parsing.clean_text, others), pa.string()))


def _joined_artists(text: str) -> str | None:
    return parsing.ARTIST_SEPARATOR.join(parsing.parse_list(text)) or None


def _track_ids(texts: pa.Array | None, n_rows: int) -> pa.Array:
    """Return an array of ``n_rows`` track ids, null where a row has none. All null if the file has no such column."""
    if texts is None:
        return pa.nulls(n_rows, pa.string())
    is_plain = _matches(texts, _PLAIN_ID)
    given = _without(texts, pc.ascii_lower(texts), _MISSING_VALUES)
    return _mapped(given, pc.and_(pc.invert(is_plain), given.is_valid()), parsing.given_track_id)


def _with_identities(
    track_ids: pa.Array, names: Mapping[str, pa.Array], values: Mapping[str, pa.Array], valid: Flags
) -> pa.Array:
    """Replace the null track ids of valid rows by the ids that ``track_identity`` derives from other values.

    ``names`` holds the cleaned titles, artists and albums, ``values`` the years and durations. All arrays have one
    entry per row.
    """
    lacking = np.flatnonzero(_flags(track_ids.is_null()) & valid)
    if not len(lacking):
        return track_ids
    columns = {**names, **{name: values[name] for name in ("year", "duration_s")}}
    rows = pa.table([array.take(pa.array(lacking)) for array in columns.values()], list(columns)).to_pylist()
    mask = np.zeros(len(valid), dtype=bool)
    mask[lacking] = True
    return pc.replace_with_mask(track_ids, pa.array(mask), pa.array(map(track_identity, rows), pa.string()))


def _details(texts: Mapping[str, pa.Array], n_rows: int) -> dict[str, pa.Array]:
    """Parse key, mode, time_signature, isrc and explicit (``schema.DETAILS``); return a dict from name to array.

    ``texts`` maps columns of ``tracks`` to arrays of ``n_rows`` texts. Each returned array has ``n_rows`` values, null
    where unknown. The values are the same as those of ``musical_details.parse_details``.
    """
    values = {name: pa.nulls(n_rows, VALUE_TYPES.get(name, pa.string())) for name in schema.DETAILS}
    for name, parse in musical_details.PARSERS.items():
        if name in texts and name != "isrc":
            parsed, indices = _parsed_each(texts[name], parse)
            values[name] = pa.array(parsed, VALUE_TYPES[name]).take(indices)
    if "isrc" in texts:
        codes = texts["isrc"]
        unusual = pc.invert(_matches(codes, _PLAIN_ISRC))
        values["isrc"] = _mapped(codes, pc.and_(unusual, codes.is_valid()), musical_details.parse_isrc)
    if "key" in texts:
        parsed, indices = _parsed_each(texts["key"], musical_details.parse_key)
        values["key"] = pa.array([key for key, _ in parsed], pa.int32()).take(indices)
        modes = pa.array([mode for _, mode in parsed], pa.int32()).take(indices)
        values["mode"] = pc.coalesce(values["mode"], modes)
    return values
