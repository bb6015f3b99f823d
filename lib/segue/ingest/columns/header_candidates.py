"""Find the columns of a file that may be a canonical column, by their names and values, and choose among them.

A member of nested JSON objects, or a field of Parquet structs, is named by its path, such as ``track.album.name``. The
path is matched as a dotted header.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from segue import schema
from segue.ingest.columns import column_values
from segue.ingest.columns.sources import Source, fold_accents, normalise_header
from segue.ingest.columns.units import NUMBER_NAMES, SampleValues

UNRELATED_SUFFIXES = ("id", "ids", "uri", "url", "href", "key", "link", "number", "count", "rank", "type")
"""Endings of headers with another meaning than the defined header they resemble, such as ``artist_id``."""
UNRELATED_PREFIXES = ("album", "artist", "playlist")
"""Beginnings of headers with another meaning than a defined header without them, such as ``album_popularity``."""
TRACK_OBJECTS = frozenset(
    ["track", "tracks", "song", "songs", "recording", "recordings", "item", "items", "node", "row", "record",
     "result", "results", "value", "data", "fields", "attributes", "info", "meta", "metadata", "tags", "features",
     "audiofeatures", "audioproperties", "analysis", "echonest", "spotify", "source"]
)  # fmt: skip
"""Names of objects that hold a track: their members, such as ``track.name``, are properties of the track."""
_MIN_MISSPELT_LENGTH = 5
_FEATURE_NAMES = frozenset(feature.name for feature in schema.FEATURES) - {"duration_s"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column of a file that may be a canonical column.

    ``distance`` is 0 for an equal name, 1 for an equal last part of a dotted name, and more for a misspelling.
    """

    distance: float
    rank: int
    index: int
    column: str
    unit: str | None
    source: Source
    fit: int = column_values.FITS

    @property
    def is_misspelt(self) -> bool:
        return self.distance > 1

    def sort_key(self) -> tuple[float, ...]:
        contradicts = self.fit == column_values.CONTRADICTS
        return contradicts, self.distance, self.source.built_in, -self.fit, self.rank, self.index

    def name_key(self) -> tuple[float, ...]:
        """Return the sort key of a file whose values are not known."""
        return self.distance, self.source.built_in, self.rank, self.index


def lookup_names(header: str) -> Iterator[tuple[str, bool]]:
    """Yield the normalised names, without accents, under which a header is looked up: the whole one first.

    A header with dots is also looked up without its first parts, as its members have been put into columns. The flag
    with each name says whether it is meant for audio features alone. It is true of the last part where the part before
    it is none of ``TRACK_OBJECTS``: an ``artist.id`` or a ``label.name`` is no property of a track, a tempo always is.

    >>> list(lookup_names("track.album.name"))
    [('trackalbumname', False), ('albumname', False), ('name', True)]
    >>> list(lookup_names("audio_features.tempo"))
    [('audiofeaturestempo', False), ('tempo', False)]
    """
    parts = [name for part in header.split(".") if (name := fold_accents(normalise_header(part)))]
    yield "".join(parts), False
    for start in range(1, len(parts)):
        yield "".join(parts[start:]), start == len(parts) - 1 and parts[start - 1] not in TRACK_OBJECTS


def rank_sources(header: Sequence[str], sources: Sequence[Source]) -> list[Source]:
    """Return the sources in descending order of the number of headers that they define; on a tie file formats first."""
    names = [fold_accents(normalise_header(name)) for name in header]
    return sorted(sources, key=lambda source: (-sum(name in source.by_name for name in names), source.exact))


def find_candidates(header: Sequence[str], sources: Sequence[Source], sample: SampleValues) -> list[Candidate]:
    """Return all candidates for all columns, by ``sort_key``. Without a sample, all values count as fitting."""
    candidates = [
        Candidate(min(part, 1), rank, index, *source.by_name[name], source)
        for index, names in enumerate(list(lookup_names(text)) for text in header)
        for rank, source in enumerate(sources)
        for part, (name, features_only) in enumerate(names)
        if name in source.by_name and (not features_only or source.by_name[name][0] in _FEATURE_NAMES)
    ]
    matched = {candidate.index for candidate in candidates}
    others = {
        index: fold_accents(normalise_header(text))
        for index, text in enumerate(header)
        if index not in matched
        and not any(part.lower().startswith(UNRELATED_PREFIXES) for part in text.split(".")[:-1])
    }
    candidates += _misspelt_headers(others, sources)
    if sample:
        candidates = _with_fit(candidates, header, sample)
    return sorted(candidates, key=Candidate.sort_key)


def _with_fit(candidates: Sequence[Candidate], header: Sequence[str], sample: SampleValues) -> list[Candidate]:
    """Return the candidates with their ``fit``, which is not computed for the only candidate for a column of numbers.

    The values of a header that a user defined contradict no column.
    """
    positions: dict[str, set[int]] = {}
    for candidate in candidates:
        positions.setdefault(candidate.column, set()).add(candidate.index)
    fits = {
        (index, column): column_values.fit_values(
            column, normalise_header(header[index]), column_values.column_texts(sample, index), len(sample)
        )
        for column, indices in positions.items()
        if len(indices) > 1 or column not in NUMBER_NAMES
        for index in indices
    }
    lowest = {True: column_values.CONTRADICTS, False: column_values.POOR}
    return [replace(c, fit=max(fits.get((c.index, c.column), c.fit), lowest[c.source.built_in])) for c in candidates]


def _misspelt_headers(names: Mapping[int, str], sources: Sequence[Source]) -> Iterator[Candidate]:
    """Yield the candidates among headers that resemble a defined one. ``names``: normalised headers by position."""
    for index, name in names.items():
        if len(name) < _MIN_MISSPELT_LENGTH or name.endswith(UNRELATED_SUFFIXES):
            continue
        for rank, source in enumerate(sources):
            if defined := source.similar_name(name):
                if any(name.startswith(p) and not defined.startswith(p) for p in UNRELATED_PREFIXES):
                    continue
                ratio = difflib.SequenceMatcher(a=defined, b=name).ratio()
                yield Candidate(3 - ratio, rank, index, *source.by_name[defined], source)


def choose_columns(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return the first candidate of every column, where a header that is one column is no other."""
    chosen: dict[str, Candidate] = {}
    matched: set[int] = set()
    for candidate in candidates:
        if candidate.column not in chosen and candidate.index not in matched:
            chosen[candidate.column] = candidate
            matched.add(candidate.index)
    return chosen


def known_headers(sources: Iterable[Source]) -> frozenset[str]:
    """Return the normalised headers, without accents, that any source defines."""
    return frozenset(name for source in sources for name in source.by_name)


def count_known(names: Iterable[str], known: Collection[str]) -> int:
    """Return how many different known headers a list of member names matches; ``known`` as ``known_headers``."""
    looked_up = (next((name for name, _ in lookup_names(member) if name in known), None) for member in names)
    return len({name for name in looked_up if name})


def order_members(names: Iterable[str]) -> tuple[str, ...]:
    """Return member names with the less nested first, and members of audio features last at their depth.

    The order decides which of two members is matched to a column. The id of a track is preferred to that of its audio
    features, which are null where the API knows none. Otherwise names stay in their order.
    """
    return tuple(sorted(names, key=lambda name: (name.count("."), "feature" in name.rpartition(".")[0].lower())))


def leaf_headers(names: Sequence[str]) -> list[str]:
    """Return the names with an empty text for each that has members itself: an object is no value of a column."""
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return ["" if name in parents else name for name in names]
