"""Which columns of a file are what, and in which units: from its header, and from values where that leaves it open."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segue.ingest.source_definitions import Source, normalise_header
from segue.ingest.units import SampleValues, decide_units

CLOSE = 0.8
"""How alike a misspelt header must be to a known one, as difflib measures it."""
OTHER_ENDINGS = ("id", "ids", "uri", "url", "href", "key", "link", "number", "count", "rank", "type")
"""What a header ends in that means something else, however alike it is to a known one."""


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """Where a canonical column stands in the file, under which header, and in which unit."""

    index: int
    header: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """What a header means: the columns found, the headers that nobody knows, and what was decided."""

    source: str
    columns: Mapping[str, MatchedColumn]
    ignored: tuple[str, ...] = ()
    decimal_comma: bool = False
    decisions: tuple[str, ...] = field(default=())


def match_headers(header: Sequence[str], sources: Sequence[Source]) -> tuple[str, dict[str, MatchedColumn]]:
    """Return the source that knows most of the headers, and the columns found with its help.

    What that source does not know is looked up in the others, and what none knows is compared
    for spelling. A column is taken once: an exact header before a misspelt one, then the first.
    """
    plains = [normalise_header(name) for name in header]
    best_first = sorted(sources, key=lambda source: -sum(name in source.headers for name in plains))
    found: dict[str, MatchedColumn] = {}
    for source in best_first:
        for index, name in enumerate(plains):
            column, unit = source.headers.get(name, (None, None))
            if column and column not in found and index not in {f.index for f in found.values()}:
                found[column] = MatchedColumn(index, header[index], unit)
    for index, column, unit in _misspelt(plains, best_first):
        if column not in found and index not in {f.index for f in found.values()}:
            found[column] = MatchedColumn(index, header[index], unit)
    return best_first[0].name if best_first else "", found


def _misspelt(plains: Sequence[str], sources: Sequence[Source]) -> list[tuple[int, str, str | None]]:
    """Return which headers are alike to known ones, the likest first: position, column, unit."""
    alike = [
        (-difflib.SequenceMatcher(a=known, b=name).ratio(), index, rank, known)
        for index, name in enumerate(plains)
        if len(name) > 4 and not name.endswith(OTHER_ENDINGS)
        for rank, source in enumerate(sources)
        for known in difflib.get_close_matches(name, source.headers, n=1, cutoff=CLOSE)
    ]
    return [(index, *sources[rank].headers[known]) for _, index, rank, known in sorted(alike)]


def match_columns(
    header: Sequence[str], sample: SampleValues, sources: Sequence[Source], others: SampleValues = ()
) -> ColumnLayout:
    """Return what the header means.

    Parameters
    ----------
    header : the column names, in the order of the file
    sample : some rows of the file as lists of text, aligned with the header; None is missing
    sources : the known sources
    others : rows of other files with this header, which decide what ``sample`` leaves open
    """
    name, found = match_headers(header, sources)
    misspelt = {c: f for c, f in found.items() if not any(normalise_header(f.header) in s.headers for s in sources)}
    decisions = [f"column {f.header!r} taken for {c}" for c, f in misspelt.items()]
    if "track_id" in found and normalise_header(found["track_id"].header) == "id":
        texts = [row[found["track_id"].index] for row in sample]
        if all(text is None or text.strip().isdecimal() for text in texts):
            decisions.append(f"column {found['track_id'].header!r} holds row numbers, no track ids: not used")
            number = found["track_id"].index
            name, found = match_headers([*header[:number], "", *header[number + 1 :]], sources)
    units = decide_units({c: (f.index, f.unit) for c, f in found.items()}, sample, others)
    columns = {c: MatchedColumn(f.index, f.header, units.units.get(c, f.unit)) for c, f in found.items()}
    taken = {f.index for f in columns.values()}
    ignored = tuple(text for index, text in enumerate(header) if index not in taken and text.strip())
    return ColumnLayout(name, columns, ignored, units.decimal_comma, (*decisions, *units.decisions))
