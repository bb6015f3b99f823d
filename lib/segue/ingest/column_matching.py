"""Load the definitions of sources, match a file's headers to canonical columns, and infer units not declared.

A source is a published file format: ``conf/sources/*.toml`` maps its headers to canonical columns (those of the table
``tracks``) and units.
"""

import difflib
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from segue import schema
from segue.errors import SettingsError
from segue.ingest.units import UNITS, SampleValues, decide_units

COLUMNS = ("track_id", *schema.TEXTS, "year", *(number.name for number in schema.NUMBERS), *schema.DETAILS)
"""The canonical columns that a header can be mapped to."""


@dataclass(frozen=True, slots=True)
class Source:
    """A known file format: its name, and a dict from normalised header to (canonical column, declared unit).

    Where the unit is None, it is inferred from the values of a file. ``read_again`` is whether files that were read
    without this source are read again.
    """

    name: str
    headers: dict[str, tuple[str, str | None]]
    read_again: bool = True


def normalise_header(header: str) -> str:
    """Normalise a header to NFKC, fold its case, and keep only letters, digits and ``%``.

    >>> normalise_header("Energy_%"), normalise_header("Beats Per Minute (BPM)")
    ('energy%', 'beatsperminutebpm')
    """
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or letter == "%")


def load_sources(folder: Traversable, *, name: str = "auto") -> list[Source]:
    """Return a list of the sources defined in a folder, sorted by name.

    Parameters
    ----------
    folder : Traversable
        Holds one ``.toml`` file per source; other files are ignored.
    name : str
        The only source to return, or ``auto`` for all.

    Raises
    ------
    SettingsError
        If a definition is invalid or no source has the requested name; lists every fault of every file.
    """
    faults: list[str] = []
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    sources = [_load_source(file, faults) for file in files]
    names = [source.name for source in sources]
    if name != "auto" and name not in names:
        faults.append(f"ingest.source is {name!r}, expected auto or one of {', '.join(sorted(names))}")
    if faults:
        raise SettingsError(faults)
    return sorted((s for s in sources if name in ("auto", s.name)), key=lambda source: source.name)


def _load_source(file: Traversable, faults: list[str]) -> Source:
    """Return the Source that a TOML file defines, and append a message for each fault of the file to ``faults``."""
    path = f"conf/sources/{file.name}"
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: not TOML in UTF-8: {error}")
        return Source(file.name, {})
    name, headers, read_again = content.get("name"), content.get("headers"), content.get("read_again", True)
    if not isinstance(read_again, bool):
        faults.append(f"{path}: read_again is {read_again!r}, expected true or false")
    if not isinstance(name, str) or not isinstance(headers, dict):
        faults.append(f"{path}: expected a text `name` and a table `headers`")
        return Source(file.name, {})
    columns: dict[str, tuple[str, str | None]] = {}
    for header, value in headers.items():
        entry = value if isinstance(value, dict) else {"column": value}
        fault = _header_fault(header, entry)
        if fault:
            faults.append(f"{path}: {header!r} {fault}")
        else:
            columns[normalise_header(header)] = (entry["column"], entry.get("unit"))
    return Source(name, columns, read_again)


def _header_fault(header: str, entry: dict[str, Any]) -> str | None:
    """Return what is wrong with the entry of a header in a source definition, as a message, or None if it is valid."""
    column, unit = entry.get("column"), entry.get("unit")
    if not normalise_header(header):
        return "has no letter or digit, expected a column name"
    if unknown := entry.keys() - {"column", "unit"}:
        return f"has the keys {_join(sorted(unknown))}, expected only column and unit"
    if column not in COLUMNS:
        return f"is {column!r}, expected one of {_join(COLUMNS)}"
    if unit is not None and unit not in UNITS.get(column, ()):
        expected = f"one of {_join(UNITS[column])}" if column in UNITS else "none"
        return f"has unit {unit!r}, expected {expected}"
    return None


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)


MIN_SIMILARITY = 0.8
"""The lowest ``difflib`` ratio, in [0, 1], at which a header counts as a misspelling of a defined one."""
UNRELATED_SUFFIXES = ("id", "ids", "uri", "url", "href", "key", "link", "number", "count", "rank", "type")
"""Endings of headers with another meaning than the defined header they resemble, such as ``artist_id``."""
_MIN_MISSPELT_LENGTH = 5


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """A column of a file that was matched to a canonical one: its position from 0, its header and its unit.

    The unit is None before it is inferred, and for columns that have no choice of units.
    """

    index: int
    header: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """How the columns of a file are read: which canonical column each one is, and in which unit.

    Attributes
    ----------
    source : name of the source that defines most of the headers
    columns : the matched columns by canonical name
    ignored : headers that match no column
    decimal_comma : whether numbers are written with a decimal comma
    genre_separator : the separator of genres, None where each text is one genre or a list in brackets
    decisions : a sentence for the log about each guess: a misspelt header, an id of row numbers, an inferred unit
    """

    source: str
    columns: Mapping[str, MatchedColumn]
    ignored: tuple[str, ...] = ()
    decimal_comma: bool = False
    decisions: tuple[str, ...] = ()
    genre_separator: str | None = None


def match_headers(header: Sequence[str], sources: Sequence[Source]) -> tuple[str, dict[str, MatchedColumn]]:
    """Return the name of the source that defines most headers, and a dict from canonical column to MatchedColumn.

    Headers which that source does not define are looked up in the other sources, and the remaining ones are compared
    by spelling. Each column is matched once: to an exact header before a misspelt one, then to the first in the file.
    The unit of a matched column is the declared one, None where none is declared.
    """
    names = [normalise_header(name) for name in header]
    ranked = sorted(sources, key=lambda source: -sum(name in source.headers for name in names))
    exact = [
        (index, *source.headers[name])
        for source in ranked
        for index, name in enumerate(names)
        if name in source.headers
    ]
    columns: dict[str, MatchedColumn] = {}
    matched: set[int] = set()
    for index, column, unit in [*exact, *_misspelt_headers(names, ranked)]:
        if column not in columns and index not in matched:
            columns[column] = MatchedColumn(index, header[index], unit)
            matched.add(index)
    return ranked[0].name if ranked else "", columns


def _misspelt_headers(names: Sequence[str], sources: Sequence[Source]) -> list[tuple[int, str, str | None]]:
    """Return (position, canonical column, unit) of the headers that resemble a defined one, the most similar first.

    ``names`` holds the normalised headers of a file.
    """
    similar = [
        (-difflib.SequenceMatcher(a=defined, b=name).ratio(), index, rank, defined)
        for index, name in enumerate(names)
        if len(name) >= _MIN_MISSPELT_LENGTH and not name.endswith(UNRELATED_SUFFIXES)
        for rank, source in enumerate(sources)
        for defined in difflib.get_close_matches(name, source.headers, n=1, cutoff=MIN_SIMILARITY)
    ]
    return [(index, *sources[rank].headers[defined]) for _, index, rank, defined in sorted(similar)]


def match_columns(
    header: Sequence[str], sample: SampleValues, sources: Sequence[Source], fallback: SampleValues = ()
) -> ColumnLayout:
    """Return the column layout of a file: its headers matched to columns, each with its declared or inferred unit.

    Parameters
    ----------
    header : sequence of str
        The column names in the order of the file.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text, aligned with the header; None is a missing value.
    sources : sequence of Source
        The source definitions.
    fallback : sequence of rows, shape (n_rows, n_columns)
        Rows of all files with this header, from which units are inferred where ``sample`` is inconclusive.
    """
    source, columns = match_headers(header, sources)
    defined = {name for each in sources for name in each.headers}
    decisions = [
        f"column {column.header!r} read as {name}"
        for name, column in columns.items()
        if normalise_header(column.header) not in defined
    ]
    track_id = columns.get("track_id")
    if track_id and normalise_header(track_id.header) == "id" and _are_row_numbers(sample, track_id.index):
        decisions.append(f"column {track_id.header!r} ignored: it holds row numbers, expected track ids")
        source, columns = match_headers([*header[: track_id.index], "", *header[track_id.index + 1 :]], sources)
    units = decide_units({name: (c.index, c.unit) for name, c in columns.items()}, sample, fallback)
    columns = {name: MatchedColumn(c.index, c.header, units.units.get(name, c.unit)) for name, c in columns.items()}
    matched = {column.index for column in columns.values()}
    ignored = tuple(text for index, text in enumerate(header) if index not in matched and text.strip())
    return ColumnLayout(source, columns, ignored, units.decimal_comma, (*decisions, *units.decisions))


def _are_row_numbers(sample: SampleValues, index: int) -> bool:
    texts = (row[index] for row in sample)
    return bool(sample) and all(text is None or text.strip().isdecimal() for text in texts)
