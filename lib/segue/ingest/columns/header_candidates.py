"""Find which columns of a file match canonical columns (columns of ``tracks``) by name, and choose one for each.

Names are compared with format definitions (``Source`` objects, from ``conf/sources/*.toml``), which map headers to
canonical columns. Members of nested JSON objects and fields of Parquet structs are named by their path, such as
``track.album.name``; a path is matched like a header with dots.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from segue import schema
from segue.ingest.columns import column_values
from segue.ingest.columns.sources import Source, fold_accents, normalise_header
from segue.ingest.columns.units import NUMBER_NAMES, SampleValues

UNRELATED_SUFFIXES = ("id", "ids", "uri", "url", "href", "key", "link", "number", "count", "rank", "type")
"""Endings that change the meaning of a header: ``artist_id`` resembles ``artist``, but is no misspelling of it."""
UNRELATED_PREFIXES = ("album", "artist", "playlist")
"""Beginnings that change the meaning of a header: ``album_popularity`` is not the popularity of the track."""
TRACK_OBJECTS = frozenset(
    ["track", "tracks", "song", "songs", "recording", "recordings", "item", "items", "node", "row", "record",
     "result", "results", "value", "data", "fields", "attributes", "info", "meta", "metadata", "tags", "features",
     "audiofeatures", "audioproperties", "analysis", "echonest", "spotify", "source"]
)  # fmt: skip
"""Names of JSON objects or structs that hold a track, so that members such as ``track.name`` describe the track."""
_MIN_MISSPELT_LENGTH = 5
_FEATURE_NAMES = frozenset(feature.name for feature in schema.FEATURES) - {"duration_s"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible match of a column of a file to a canonical column (a column of the table ``tracks``).

    Attributes
    ----------
    distance : 0 for an equal name, 1 for an equal last part of a dotted name, from 2 to 2.2 for a misspelling
    rank : position of ``source`` in the order of ``rank_sources``
    index : position of the column in the file, from 0
    column : the canonical column
    unit : the unit that ``source`` declares for the header, or None
    source : the format definition (``conf/sources/*.toml``) with the matching header
    fit : how well the values fit the canonical column, from ``column_values.CONTRADICTS`` to ``FITS_BEST``
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
        """Return a sort key by values and name; the best candidate has the smallest key."""
        contradicts = self.fit == column_values.CONTRADICTS
        return contradicts, self.distance, self.source.built_in, -self.fit, self.rank, self.index

    def name_key(self) -> tuple[float, ...]:
        """Return a sort key by name only, without ``fit``; the candidate with the best name has the smallest key."""
        return self.distance, self.source.built_in, self.rank, self.index


def lookup_names(header: str) -> Iterator[tuple[str, bool]]:
    """Yield the names to look a header up by in format definitions, as pairs (name, features_only), longest first.

    Names are normalised, without accents. A dotted header is looked up as a whole, then without its first part, then
    without its first two parts, and so on. If ``features_only`` is true, the name may match audio features only.
    ``features_only`` is true for the last part of a dotted header, unless the part before it is one of
    ``TRACK_OBJECTS``: the id in ``artist.id`` is no track id, whereas a tempo belongs to the track in any object.

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
    """Sort format definitions (``conf/sources/*.toml``) by the number of the file's headers in each, largest first.

    On a tie, definitions that also match misspellings come before ``exact`` ones.
    """
    names = [fold_accents(normalise_header(name)) for name in header]
    return sorted(sources, key=lambda source: (-sum(name in source.by_name for name in names), source.exact))


def find_candidates(header: Sequence[str], sources: Sequence[Source], sample: SampleValues) -> list[Candidate]:
    """Return every possible match of a header to a canonical column (column of ``tracks``), the best first.

    Parameters
    ----------
    header : the column names in the order of the file
    sources : the format definitions in the order of ``rank_sources``
    sample : rows of the file as text, shape (n_rows, n_columns); if empty, every ``Candidate.fit`` is FITS
    """
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
    """Return the candidates in the same order, with ``fit`` computed from the sampled values.

    If only one column of the file can be bpm, or another number column, its ``fit`` is not computed; ``decide_units``
    checks its values later. For headers in a user's own format definition, ``fit`` is at least ``POOR``.
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
    """Yield a Candidate for each header of the file that resembles a header in a format definition.

    ``names`` maps the positions of columns in the file to their normalised headers.
    """
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
    """Choose a column of the file for each canonical column; return a dict from canonical column to Candidate.

    Earlier candidates have priority over later ones. Each column of the file is chosen at most once.
    """
    chosen: dict[str, Candidate] = {}
    matched: set[int] = set()
    for candidate in candidates:
        if candidate.column not in chosen and candidate.index not in matched:
            chosen[candidate.column] = candidate
            matched.add(candidate.index)
    return chosen


def known_headers(sources: Iterable[Source]) -> frozenset[str]:
    """Return the headers in all format definitions (``conf/sources/*.toml``), normalised and without accents."""
    return frozenset(name for source in sources for name in source.by_name)


def count_known(names: Iterable[str], known: Collection[str]) -> int:
    """Return how many of the headers ``known``, a result of ``known_headers``, are matched by at least one name."""
    looked_up = (next((name for name, _ in lookup_names(member) if name in known), None) for member in names)
    return len({name for name in looked_up if name})


def order_members(names: Iterable[str]) -> tuple[str, ...]:
    """Sort dotted names of JSON members or struct fields by the number of dots, smallest first.

    Of names with equally many dots, members of objects with "feature" in their name come last; otherwise the order
    stays. Reason: of two names with the same last part, the first is matched. The id of a track thereby precedes the id
    of its audio features, which is null if the Spotify API has no features for the track.
    """
    return tuple(sorted(names, key=lambda name: (name.count("."), "feature" in name.rpartition(".")[0].lower())))


def leaf_headers(names: Sequence[str]) -> list[str]:
    """Replace each name that is the parent of another (``album`` of ``album.name``) by "", which matches no column."""
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return ["" if name in parents else name for name in names]
