"""Find seeds in a catalogue. Seeds are tracks listed by a user, to make a playlist of similar tracks.

A seed is looked up by its id, then by its ISRC, then by its title and artist, until one matches. Titles are compared
without notes such as "Remastered 2009" (``title_keys.title_key``), so a title also finds other releases of the
recording. Of several matching tracks, the most popular one is selected, on a tie the one with the smallest id. A track
of an unknown artist matches any artist, but only if no other track matches.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from rapidfuzz import fuzz, process

from segue.similarity.title_keys import artist_key, artist_keys, fold_text, normalise_words, title_key, title_keys

_TRACK_URI = re.compile(r"(?:spotify:track:|open\.spotify\.com/(?:[\w-]+/)*track/)([0-9A-Za-z]+)")
_LOCAL_URI = re.compile(r"spotify:local:([^:]*):[^:]*:([^:]*)(?::\d*)?$")
_ID = re.compile(r"[0-9A-Za-z]{22}|(?=.*\d)[0-9A-Za-z]{16,64}")
"""Pattern of an id: 22 letters or digits (Spotify), or 16 to 64 with at least one digit (a hash)."""
_DASH = re.compile(r"\s+[\u2010-\u2015\u2212]\s+")
_BY = re.compile(r"\s+by\s+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,4}[.)]\s+")
_DELIMITERS = ",;\t|"
_MAX_CELLS = _MAX_SPLITS = 8
_MAX_QUERY_LENGTH = 200
MIN_SIMILARITY = 65.0
"""Minimum ``fuzz.ratio`` of rapidfuzz, 0 to 100, of a title to suggest for a track missing in the catalogue."""
_CLOSEST = "seed int, score double, track_id string, title string, artist string"
Names = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Seed:
    """A track named in a user's file, and the values to look it up by: an id, an ISRC, or titles with artists."""

    text: str
    """The track as written in the file, for messages."""
    id: str
    """Text to look up as a track id. For a line without a recognisable id, this is the whole line."""
    names: Names
    """Pairs (``title_key``, ``artist_key``) to try in this order; an artist of None matches any."""
    isrc: str = ""
    """ISRC in capitals without hyphens; "" if there is none."""


@dataclass(frozen=True, slots=True)
class CatalogueTrack:
    """A track of the catalogue that may match a seed."""

    track_id: str
    title: str
    artist: str
    popularity: float | None
    isrc: str = ""


def parse_line(line: str) -> Seed:
    """Parse one line of a list of tracks into a Seed.

    A line can be:

    * an id, a URI or a link;
    * a title, or "title by artist";
    * title and artist in either order, separated by a dash between blanks; each such dash is tried;
    * fields separated by comma, semicolon, tab or bar: two are title and artist, one may be an id or a link.

    A number before the title, as in "1. Help!", is dropped only if the title with the number is not in the catalogue.

    >>> parse_line("Help! by The Beatles").names
    (('help by the beatles', None), ('help', 'beatles'))
    """
    if local := _LOCAL_URI.match(line):
        artist, title = (unquote_plus(part) for part in local.groups())
        return Seed(f"{title} - {artist}", line, ((title_key(title), artist_key(artist) or None),))
    delimiter = max(_DELIMITERS, key=line.count)
    cells = [cell.strip().strip('"') for cell in line.split(delimiter)][:_MAX_CELLS]
    identifier = next((cell for cell in cells if is_track_uri(cell) or _ID.fullmatch(cell)), line)
    names: list[tuple[str, str | None]] = []
    for text in dict.fromkeys([line, _NUMBER.sub("", line, count=1) if _NUMBER.match(line) else line]):
        names.append((title_key(text), None))
        dashed = _DASH.sub(" - ", text)
        for head, tail in _splits(dashed, " - "):
            names += [(title_key(head), artist_key(tail)), (title_key(tail), artist_key(head))]
        names += [(title_key(head), artist_key(tail)) for head, tail in _splits(_BY.sub(" by ", text), " by ")]
    named = [cell for cell in cells if cell and cell != identifier]
    if identifier != line or len(cells) > 1:
        names += [(title_key(title), artist_key(artist)) for title in named for artist in named if title is not artist]
    return Seed(line, _parse_id(identifier), tuple(dict.fromkeys(names)))


def _splits(text: str, separator: str) -> Iterator[tuple[str, str]]:
    """Yield the texts before and after each of the first eight separators: "a - b - c" gives (a, b - c), (a - b, c).

    Pairs with an empty text are left out.
    """
    parts = text.split(separator)
    for index in range(1, min(len(parts), _MAX_SPLITS + 1)):
        head, tail = separator.join(parts[:index]).strip(), separator.join(parts[index:]).strip()
        if head and tail:
            yield head, tail


def parse_row(identifier: str, title: str, artist: str, isrc: str = "") -> Seed:
    """Return the Seed for one track in a file, such as a row of a CSV file; a missing field is an empty string.

    ``identifier`` is an id, a URI or a link.
    """
    if _LOCAL_URI.match(identifier) and not title:
        return parse_line(identifier)
    text = " - ".join(part for part in (title, artist) if part) or identifier or isrc
    # exports join artists by commas, but a name can contain a comma: try the whole field, then its first part
    artists = dict.fromkeys([artist_key(artist), artist_key(artist.split(",")[0])]) if artist else {None: None}
    names = tuple((title_key(title), key) for key in artists) if title else ()
    return Seed(text, _parse_id(identifier), names, normalise_isrc(isrc))


def is_track_uri(text: str) -> bool:
    """Return whether a text holds the URI of a Spotify track, or a link to one."""
    return bool(_TRACK_URI.search(text) or _LOCAL_URI.match(text))


def normalise_isrc(isrc: str | None) -> str:
    """Return an ISRC in capitals, with letters and digits only; "" for None.

    >>> normalise_isrc("gb-aye-69-00531")
    'GBAYE6900531'
    """
    return "".join(letter for letter in (isrc or "").upper() if letter.isalnum())


def _parse_id(text: str) -> str:
    """Return the track id in a Spotify URI or link. Any other text is returned without surrounding blanks."""
    match = _TRACK_URI.search(text)
    return match[1] if match else text.strip()


def collect_matches(tracks: DataFrame, seeds: Sequence[Seed]) -> list[CatalogueTrack]:
    """Collect the tracks with the id, the ISRC or the ``title_key`` of any seed. Runs one Spark job.

    ``tracks`` is a DataFrame with track_id, title, artist, popularity and, optionally, isrc.
    """
    ids, titles = {seed.id for seed in seeds}, {title for seed in seeds for title, _ in seed.names}
    isrcs = {seed.isrc for seed in seeds} - {""}

    @arrow_udf(returnType="boolean")  # type: ignore[call-overload, untyped-decorator]
    def matches(track_ids: pa.Array, names: pa.Array, codes: pa.Array) -> pa.Array:
        keys = title_keys([name or "" for name in names.to_pylist()])
        rows = zip(track_ids.to_pylist(), keys, codes.to_pylist(), strict=True)
        return pa.array([one in ids or key in titles or normalise_isrc(code) in isrcs for one, key, code in rows])

    isrc = (F.col("isrc") if "isrc" in tracks.columns else F.lit(None)).cast("string").alias("isrc")
    selected = tracks.select("track_id", "title", "artist", "popularity", isrc)
    is_match: Column = matches("track_id", "title", "isrc")
    return [
        CatalogueTrack(row.track_id, row.title or "", row.artist or "", row.popularity, normalise_isrc(row.isrc))
        for row in selected.where(is_match).collect()
    ]


def resolve_seeds(seeds: Sequence[Seed], index: "SeedIndex") -> tuple[list[str], list[Seed]]:
    """Find the track of the catalogue for each seed (a track listed by the user), by id, ISRC, or title and artist.

    Parameters
    ----------
    seeds : sequence of Seed
    index : SeedIndex
        Made from the result of ``collect_matches``.

    Returns
    -------
    ids : list of str
        Distinct ids of the selected tracks, in the order of the seeds.
    unmatched : list of Seed
        The seeds without a track.
    """
    matched: dict[str, None] = {}
    unmatched = []
    for seed in seeds:
        track_id = index.find(seed)
        if track_id is None:
            unmatched.append(seed)
        else:
            matched[track_id] = None
    return list(matched), unmatched


class SeedIndex:
    """Finds the track for a seed (a track listed by the user) among tracks of the catalogue.

    Parameters
    ----------
    tracks : iterable of CatalogueTrack
        From ``collect_matches``.
    """

    def __init__(self, tracks: Iterable[CatalogueTrack]) -> None:
        by_popularity = sorted(tracks, key=lambda track: (-(track.popularity or 0.0), track.track_id))
        self._ids = {track.track_id for track in by_popularity}
        self._by_isrc = {track.isrc: track.track_id for track in reversed(by_popularity) if track.isrc}
        self._by_title: dict[str, list[CatalogueTrack]] = {}
        for track in by_popularity:
            self._by_title.setdefault(title_key(track.title), []).append(track)

    def find(self, seed: Seed) -> str | None:
        """Return the id of the track for a seed, by id, ISRC, or title and artist; None if no track matches."""
        if seed.id in self._ids:
            return seed.id
        if seed.isrc in self._by_isrc:
            return self._by_isrc[seed.isrc]
        named = self._find_name(seed)
        return named[0].track_id if named else None

    def find_ambiguous(self, seed: Seed) -> CatalogueTrack | None:
        """Return the track selected for a seed by its title alone, if several artists have this title; else None."""
        named = None if seed.id in self._ids or seed.isrc in self._by_isrc else self._find_name(seed)
        if named is None or named[1] is not None:
            return None
        artists = {artist_key(track.artist) for track in self._by_title[title_key(named[0].title)]}
        return named[0] if len(artists) > 1 else None

    def _find_name(self, seed: Seed) -> tuple[CatalogueTrack, str | None] | None:
        """Find a track by the names of a seed, pairs of title and artist. Return the track and the artist of the pair.

        The artist is None if the pair is a title alone. Returns None if no track matches.
        """
        for is_unknown in (False, True):
            for title, artist in seed.names:
                for track in self._by_title.get(title, ()):
                    if is_unknown and not track.artist.strip():
                        return track, artist
                    if not is_unknown and (artist is None or artist in _artists_of(track)):
                        return track, artist
        return None


def _artists_of(track: CatalogueTrack) -> set[str]:
    """Return the ``artist_key`` of each artist of a track: for "A, B; C", the keys of "A, B", "A", "B" and "C"."""
    names = track.artist.split(";")
    return {artist_key(part) for name in names for part in (name, *name.split(","))}


def closest_titles(tracks: DataFrame, seeds: Sequence[Seed]) -> list[str | None]:
    """Find the track with the most similar title for each seed: return "title - artist". Runs one Spark job.

    A seed can be read in several ways, so its whole text and every title in ``Seed.names`` are compared with a track's
    title, and with its title and artist. The similarity is the highest ``fuzz.ratio`` of rapidfuzz, on normalised text.
    The entry of a seed is None if no track has a similarity of at least ``MIN_SIMILARITY``. Of equally similar tracks,
    the smallest id is selected.

    ``tracks`` is a DataFrame with track_id, title and artist.
    """
    queries = [
        (number, text[:_MAX_QUERY_LENGTH])
        for number, seed in enumerate(seeds)
        for text in dict.fromkeys(
            [normalise_words(fold_text(seed.text[:_MAX_QUERY_LENGTH])), *(title for title, _ in seed.names)]
        )
        if text
    ]

    def search(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = batch.take(pc.sort_indices(batch.column("track_id")))
            ids, titles, artists = (rows.column(name).to_pylist() for name in ("track_id", "title", "artist"))
            keys = title_keys([title or "" for title in titles])
            both = [f"{key} {name}" for key, name in zip(keys, artist_keys([a or "" for a in artists]), strict=True)]
            best: dict[int, tuple[float, int]] = {}
            for number, text in queries:
                for choices in (keys, both):
                    match = process.extractOne(text, choices, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
                    if match is not None:
                        best[number] = max(best.get(number, (0.0, 0)), (match[1], -match[2]))
            rows_out = [(n, score, ids[-i], titles[-i], artists[-i]) for n, (score, i) in sorted(best.items())]
            columns = zip(*rows_out, strict=True) if rows_out else ((),) * 5
            yield pa.RecordBatch.from_arrays(
                [pa.array(c, t) for c, t in zip(columns, (pa.int32(), pa.float64(), *[pa.string()] * 3), strict=True)],
                names=["seed", "score", "track_id", "title", "artist"],
            )

    closest = tracks.select("track_id", "title", "artist").mapInArrow(search, _CLOSEST).collect()
    result: list[str | None] = [None] * len(seeds)
    for row in sorted(closest, key=lambda row: (-row.score, row.track_id)):
        if result[row.seed] is None:
            result[row.seed] = " - ".join(part for part in (row.title, row.artist) if part)
    return result
