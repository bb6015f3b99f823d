"""Choose the header by which each member of nested JSON objects, or field of Parquet structs, is matched to a column.

A nested member is named by its path, such as ``track.album.name``. It is matched by its whole path, by its last two
names or by its last name, the first of them that a source defines.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from segue.ingest.column_matching import ColumnLayout, Source, match_columns, normalise_header
from segue.ingest.units import SampleValues

_ENTITIES = frozenset(
    ("album", "albums", "artist", "artists", "playlist", "owner", "user", "addedby", "context", "linkedfrom", "show")
)
"""Normalised names of members that describe something else than the track: it has another name, id and popularity."""
_SHARED = frozenset(("releasedate", "releaseyear", "year", "genre", "genres", "isrc"))
"""Normalised names whose value in an album or artist holds for the track too."""


def known_headers(sources: Iterable[Source]) -> frozenset[str]:
    """Return the normalised headers that any source defines."""
    return frozenset(name for source in sources for name in source.headers)


def count_known(names: Iterable[str], known: Collection[str]) -> int:
    """Return how many different known headers a list of member names matches; ``known`` as ``known_headers``."""
    distinct = list(dict.fromkeys(names))
    return sum(normalise_header(header) in known for header in member_headers(distinct, known))


def order_members(names: Iterable[str]) -> tuple[str, ...]:
    """Return member names with the less nested first, and members of audio features last at their depth.

    The order decides which of two members is matched to a column. The id of a track is preferred to that of its audio
    features, which are null where the API knows none. Otherwise names stay in their order.
    """
    return tuple(sorted(names, key=lambda name: (name.count("."), "feature" in name.rpartition(".")[0].lower())))


def member_headers(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Return for each member name the header to match it by, an empty text for one that must not be matched.

    Parameters
    ----------
    names : sequence of str
        Distinct names in the order of ``order_members``; the levels of a nested one are separated by dots.
    known : collection of str
        Normalised headers, as ``known_headers`` returns them.
    """
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    taken: set[str] = set()
    headers = []
    for name in names:
        candidates, misspelt = ([], "") if name in parents else _candidates(name)
        free = [header for header in candidates if normalise_header(header) not in taken]
        header = next((header for header in free if normalise_header(header) in known), misspelt)
        taken.add(normalise_header(header))
        headers.append(header)
    return headers


def _candidates(name: str) -> tuple[list[str], str]:
    """Return the headers by which a member may be matched exactly, the most specific first, and that for misspellings.

    The latter is empty for members of an album or artist: ``album.popularity`` is no misspelt popularity.
    """
    *parents, last = name.split(".")
    if not parents:
        return [name], name
    joined = f"{parents[-1]}_{last}"
    if normalise_header(parents[-1]) in _ENTITIES:
        return [name, joined, *([last] if normalise_header(last) in _SHARED else [])], ""
    return [name, joined, last], last


def match_members(
    names: Sequence[str], sample: SampleValues, sources: Sequence[Source], fallback: SampleValues = ()
) -> ColumnLayout:
    """Return the column layout of JSON objects or Parquet files, whose columns may be nested.

    ``names`` are in the order of ``order_members``; they are the headers of the layout. For the other parameters see
    ``column_matching.match_columns``.
    """
    headers = member_headers(names, known_headers(sources))
    layout = match_columns(headers, sample, sources, fallback)
    columns = {name: replace(column, header=names[column.index]) for name, column in layout.columns.items()}
    matched = {column.index for column in columns.values()}
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    ignored = tuple(n for index, n in enumerate(names) if index not in matched and n.strip() and n not in parents)
    return replace(layout, columns=columns, ignored=ignored)
