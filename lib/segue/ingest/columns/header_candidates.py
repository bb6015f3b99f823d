"""Match the headers of a file to columns of the table ``tracks`` by name, and choose one header per column.

Headers are compared with format definitions (``Source`` objects, from ``conf/sources/*.toml``), which map headers to
columns of ``tracks``. Members of nested JSON objects and fields of Parquet structs are named by their path, such as
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
"""Names of JSON objects or structs for a track. Their members describe the track: ``track.name`` is its title."""
_MIN_MISSPELT_LENGTH = 5
_FEATURE_NAMES = frozenset(feature.name for feature in schema.FEATURES) - {"duration_s"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible match of a column of a file to a column of the table ``tracks``.

    Attributes
    ----------
    distance : 0 for an equal name, 1 for a name that is equal without its first dotted parts, 2 to 2.2 for a
        misspelling
    rank : position of ``source`` in the result of ``rank_sources``, from 0
    index : position of the column in the file, from 0
    column : the column of ``tracks``
    unit : the unit that ``source`` declares for the header, or None
    source : the format definition (``conf/sources/*.toml``) with the matching header
    fit : how well the values fit ``column``, from ``column_values.CONTRADICTS`` to ``FITS_BEST``
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
        """Return a sort key by name alone; the candidate with the best name has the smallest key."""
        return self.distance, self.source.built_in, self.rank, self.index


def lookup_names(header: str) -> Iterator[tuple[str, bool]]:
    """Yield the names by which a header is looked up in format definitions, as pairs (name, features_only).

    A dotted header is looked up as a whole, then without its first part, then without its first two parts, and so on.
    Names are normalised, without accents.

    If ``features_only`` is true, the name may match only audio features other than ``duration_s``. It is true for the
    last part of a dotted header, unless the part before it is in ``TRACK_OBJECTS``. So ``id`` in ``artist.id`` is no
    track id.

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

    On a tie, definitions with ``exact`` set, which match no misspellings, come last.
    """
    names = [fold_accents(normalise_header(name)) for name in header]
    return sorted(sources, key=lambda source: (-sum(name in source.by_name for name in names), source.exact))


def find_candidates(header: Sequence[str], sources: Sequence[Source], sample: SampleValues) -> list[Candidate]:
    """Return every possible match of a header to a column of ``tracks``, the best first.

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

    A number column of ``tracks``, such as ``bpm``, with only one possible column of the file is an exception: ``fit``
    is unchanged, and ``decide_units`` checks the values later. For headers in a user's own format definition, ``fit``
    is at least ``POOR``.
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
    """Yield a Candidate for each pair of a header and a format definition with a similar header.

    Left out are short headers, and those whose beginning or ending changes the meaning, such as ``_id``. ``names`` maps
    the positions of columns in the file to their normalised headers.
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
    """Choose a column of the file for each column of ``tracks``; return a dict from column of ``tracks`` to Candidate.

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
    """Count the headers in ``known``, a result of ``known_headers``, that match one name or more.

    The names may be dotted paths of JSON members, such as ``track.name``.
    """
    looked_up = (next((name for name, _ in lookup_names(member) if name in known), None) for member in names)
    return len({name for name in looked_up if name})


def order_members(names: Iterable[str]) -> tuple[str, ...]:
    """Sort dotted names of JSON members or struct fields by the number of dots, smallest first.

    With equally many dots, members of objects with "feature" in their name come last. Reason: the first of several
    matching names is chosen. So the id of a track is preferred to that of its audio features, which may be null.

    >>> order_members(["audio_features.id", "track.id", "name"])
    ('name', 'track.id', 'audio_features.id')
    """
    return tuple(sorted(names, key=lambda name: (name.count("."), "feature" in name.rpartition(".")[0].lower())))


def leaf_headers(names: Sequence[str]) -> list[str]:
    """Replace each parent of another name by "", which matches no column.

    >>> leaf_headers(["album", "album.name", "tempo"])
    ['', 'album.name', 'tempo']
    """
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return ["" if name in parents else name for name in names]
