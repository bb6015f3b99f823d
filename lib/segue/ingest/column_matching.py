"""Match the headers of a file to canonical columns, and decide the units that the headers leave open."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segue.ingest.source_definitions import Source, normalise_header
from segue.ingest.units import SampleValues, decide_units

MIN_SIMILARITY = 0.8
"""The lowest ``difflib`` ratio, in [0, 1], at which a header counts as a misspelling of a defined one."""
UNRELATED_SUFFIXES = ("id", "ids", "uri", "url", "href", "key", "link", "number", "count", "rank", "type")
"""Endings of headers with another meaning than the defined header they resemble, such as ``artist_id``."""
_MIN_MISSPELT_LENGTH = 5


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """The position, header and unit of a canonical column in a file. The unit is None where it has no choice."""

    index: int
    header: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """The columns of a file.

    Attributes
    ----------
    source : name of the source that defines most of the headers
    columns : the matched columns by canonical name
    ignored : headers that match no column
    decimal_comma : whether numbers are written with a decimal comma
    decisions : a sentence for the log about each decision that the headers alone did not settle
    """

    source: str
    columns: Mapping[str, MatchedColumn]
    ignored: tuple[str, ...] = ()
    decimal_comma: bool = False
    decisions: tuple[str, ...] = ()


def match_headers(header: Sequence[str], sources: Sequence[Source]) -> tuple[str, dict[str, MatchedColumn]]:
    """Return the name of the source that defines most of the headers, and the matched columns.

    Headers which that source does not define are looked up in the other sources, and the remaining ones are compared
    by spelling. Each column is matched once: to an exact header before a misspelt one, then to the first in the file.
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
    """Return position, column and unit of headers that resemble defined ones, the most similar first."""
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
    """Return the column layout of a file.

    Parameters
    ----------
    header : sequence of str
        The column names in the order of the file.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text, aligned with the header; None is a missing value.
    sources : sequence of Source
        The source definitions.
    fallback : sequence of rows, shape (n_rows, n_columns)
        Rows of all files with this header, which decide the units where ``sample`` is inconclusive.
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
    return all(text is None or text.strip().isdecimal() for text in texts)
