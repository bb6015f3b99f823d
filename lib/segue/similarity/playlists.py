"""Read a list of tracks from a file, find the tracks in a catalogue, and recommend tracks that are similar to them.

A plain text file has one track per line: a track id, a title, or title and artist in either order, joined by " - ".
Empty lines and lines that begin with # are skipped. A CSV file, such as an exported playlist, has a header that names
a column of ids or of titles, and optionally one of artists. A track is looked up by its id, and if the catalogue does
not have it, by its title. Titles are compared without notes such as "Remastered 2009" (``recordings.title_key``), so a
title also finds other releases of the recording. Of several matches the most popular one is selected, of equally
popular ones that with the smallest id.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from segue.similarity import arrays, coordinates
from segue.similarity.arrays import TrackBatch
from segue.similarity.coordinates import Scaling, SimilarityOptions
from segue.similarity.kd_tree import CandidateTree
from segue.similarity.recordings import artist_key, fold_text, normalise_words, title_key, title_keys
from segue.similarity.rules import NO_TRACK, Rules, select_one

_ID_HEADERS = {"track id", "id", "uri", "track uri", "spotify uri", "spotify id", "spotify track id"}
_TITLE_HEADERS = {"title", "name", "track", "track name", "song", "song name", "song title"}
_ARTIST_HEADERS = {"artist", "artists", "artist name", "artist names", "artist name s", "track artist"}
_DELIMITERS = ",;\t"
MAX_RANK, RANK_OFFSET = 100, 60
MAX_NEAREST_SEEDS = 3
TRACKS_PER_SEARCH = 100_000
_NEIGHBOURS_OF_SEEDS = "seed int, track_id string, distance double, artist bigint, recording bigint"


@dataclass(frozen=True, slots=True)
class Seed:
    """A track that a user's file names, and what it is looked up by: an id, or else titles with artists."""

    text: str
    """The track as the file has it, for messages."""
    id: str
    """Text to look up as a track id; in plain text, where any line may be an id, the whole line."""
    names: tuple[tuple[str, str | None], ...]
    """Pairs of title key and artist key to try in this order; None matches any artist."""


@dataclass(frozen=True, slots=True)
class CatalogueTrack:
    """A track of the catalogue that may be the one that a user's file names."""

    track_id: str
    title: str
    artist: str
    popularity: float | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended track, with its score and the seeds (tracks that the user listed) nearest to it."""

    track_id: str
    score: float
    distance: float
    """Distance to the nearest seed, in scaled units."""
    because_of: list[tuple[str, float]]
    """Ids and distances of the nearest seeds that have the track among their neighbours."""


def read_seeds(text: str) -> list[Seed]:
    """Parse the text of a user's file into a list of Seed, one per listed track, in the order of the file.

    >>> [seed.names for seed in read_seeds("# mine\\nHelp!\\n")]
    [(('help', None),)]
    """
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    delimiter = max(_DELIMITERS, key=lines[0].count) if lines else ","
    header = [normalise_words(fold_text(name)) for name in next(csv.reader(lines[:1], delimiter=delimiter), [])]
    columns = [_first_index(header, names) for names in (_ID_HEADERS, _TITLE_HEADERS, _ARTIST_HEADERS)]
    if len(header) > 1 and (columns[0], columns[1]) != (None, None):
        rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        next(rows)
        return [
            _parse_row(*(row[c].strip() if c is not None and c < len(row) else "" for c in columns)) for row in rows
        ]
    if len(header) == 1 and header[0] in ("track id", "track uri", "uri"):
        lines = lines[1:]
    return [_parse_line(line.strip()) for line in lines if not line.lstrip().startswith("#")]


def _first_index(header: Sequence[str], names: set[str]) -> int | None:
    return next((index for index, name in enumerate(header) if name in names), None)


def _parse_line(line: str) -> Seed:
    """Return the Seed of a line of plain text: a title, or title and artist divided at any of its " - "."""
    names: list[tuple[str, str | None]] = [(title_key(line), None)]
    parts = line.split(" - ")
    for index in range(1, len(parts)):
        head, tail = " - ".join(parts[:index]), " - ".join(parts[index:])
        names += [(title_key(head), artist_key(tail)), (title_key(tail), artist_key(head))]
    return Seed(line, _parse_id(line), tuple(names))


def _parse_row(identifier: str, title: str, artist: str) -> Seed:
    """Return the Seed of a CSV row; a field that is missing is an empty string."""
    text = " - ".join(part for part in (title, artist) if part) or identifier
    # exports join artists by commas, which names contain too: try the whole field, then its first part
    artists = dict.fromkeys([artist_key(artist), artist_key(artist.split(",")[0])]) if artist else {None: None}
    return Seed(text, _parse_id(identifier), tuple((title_key(title), key) for key in artists) if title else ())


def _parse_id(text: str) -> str:
    """Return the track id that a Spotify URI or link contains; any other text unchanged."""
    if "open.spotify.com/track/" in text:
        text = text.split("/track/", 1)[1].split("?", 1)[0]
    return text.removeprefix("spotify:track:").strip()


def collect_matches(tracks: DataFrame, seeds: Sequence[Seed]) -> list[CatalogueTrack]:
    """Return a list of the tracks with the id of a seed, or its title apart from release notes. Runs one Spark job.

    ``tracks`` is a DataFrame with track_id, title, artist and popularity.
    """
    ids, titles = {seed.id for seed in seeds}, {title for seed in seeds for title, _ in seed.names}

    @arrow_udf(returnType="boolean")  # type: ignore[call-overload, untyped-decorator]
    def matches(track_ids: pa.Array, names: pa.Array) -> pa.Array:
        keys = title_keys([name or "" for name in names.to_pylist()])
        pairs = zip(track_ids.to_pylist(), keys, strict=True)
        return pa.array([track_id in ids or key in titles for track_id, key in pairs], pa.bool_())

    is_match: Column = matches("track_id", "title")
    rows = tracks.where(is_match).select("track_id", "title", "artist", "popularity").collect()
    return [CatalogueTrack(row.track_id, row.title or "", row.artist or "", row.popularity) for row in rows]


def resolve_seeds(seeds: Sequence[Seed], tracks: Iterable[CatalogueTrack]) -> tuple[list[str], list[str]]:
    """Select for each seed (a track that the user listed) the track of the catalogue: by id, else by title and artist.

    Parameters
    ----------
    seeds : sequence of Seed
    tracks : iterable of CatalogueTrack
        From ``collect_matches``.

    Returns
    -------
    ids : list of str
        Distinct ids of the selected tracks, in the order of the seeds.
    unmatched : list of str
        The seeds without a track, as the file has them.
    """
    by_popularity = sorted(tracks, key=lambda track: (-(track.popularity or 0.0), track.track_id))
    ids = {track.track_id for track in by_popularity}
    by_title: dict[str, list[CatalogueTrack]] = {}
    for track in by_popularity:
        by_title.setdefault(title_key(track.title), []).append(track)
    matched: dict[str, None] = {}
    unmatched = []
    for seed in seeds:
        track_id = seed.id if seed.id in ids else _match_name(seed, by_title)
        if track_id is None:
            unmatched.append(seed.text)
        else:
            matched[track_id] = None
    return list(matched), unmatched


def _match_name(seed: Seed, by_title: Mapping[str, Sequence[CatalogueTrack]]) -> str | None:
    for title, artist in seed.names:
        for track in by_title.get(title, ()):
            if artist is None or artist in [artist_key(name) for name in track.artist.split(";")]:
                return track.track_id
    return None


def fit_playlist(
    tracks: DataFrame,
    scaling: Scaling,
    options: SimilarityOptions,
    seed_ids: Sequence[str],
    length: int,
    *,
    tracks_per_search: int = TRACKS_PER_SEARCH,
) -> list[Recommendation]:
    """Recommend tracks that are similar to several seeds, the tracks that a user listed. Runs two Spark jobs.

    The score of a track is that of reciprocal rank fusion: the sum of 1 / (60 + rank) over the seeds that have the
    track among their 100 nearest, where rank is its position, from 1.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``
    scaling : Scaling
        From ``coordinates.fit_scaling``.
    options : SimilarityOptions
        Rules, and which tracks can be recommended. ``rules.length`` is not used, and ``rules.per_artist`` limits the
        result, not each seed's neighbours.
    seed_ids : sequence of str
        Ids of tracks; of several releases of a recording, only the one with the smallest id is used.
    length : int
        Maximum number of recommendations.
    tracks_per_search : int
        Approximate number of tracks that a Python worker holds at a time.

    Returns
    -------
    list of Recommendation
        Highest score first; at equal score in order of the distance to the nearest seed, then of track_id.

    References
    ----------
    G. V. Cormack, C. L. A. Clarke, S. Buettcher (2009), "Reciprocal rank fusion outperforms Condorcet and individual
    rank learning methods", Proc. SIGIR, 758-759.
    """
    prepared = coordinates.prepare_tracks(tracks, scaling, options)
    table = prepared.where(F.col("track_id").isin(list(seed_ids))).toArrow()
    seeds = arrays.track_batch(coordinates.with_points(table, scaling))
    blocks = np.array(table.sort_by("track_id").column("block").to_pylist(), dtype=object)
    _, first = np.unique(seeds.tracks.recording, return_index=True)
    seeds, blocks = seeds.take(np.sort(first)), blocks[np.sort(first)]
    rules = replace(options.rules, length=MAX_RANK, per_artist=0)
    search = _search_partition(seeds, blocks, scaling, rules, tracks_per_search)
    neighbours = prepared.where("candidate").mapInArrow(search, _NEIGHBOURS_OF_SEEDS).toArrow()
    return _fuse_ranks(neighbours, seeds.ids.to_pylist(), replace(options.rules, length=length))


def _search_partition(
    seeds: TrackBatch, blocks: NDArray[Any], scaling: Scaling, rules: Rules, tracks_per_search: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function for mapInArrow that finds each seed's nearest neighbours among the tracks of a partition.

    It maps rows of ``coordinates.prepare_tracks`` to rows of ``_NEIGHBOURS_OF_SEEDS``, and searches about
    ``tracks_per_search`` tracks at a time. ``segue.similarity.neighbours`` explains why each seed's neighbours among
    all tracks are among those that it has in the parts. ``blocks`` are the seeds' genres with ``same_genre``, else "".
    """

    def search_table(table: pa.Table) -> Iterator[pa.RecordBatch]:
        names = table.column("block").to_numpy()
        for block in set(blocks.tolist()) - {None}:
            tracks = arrays.track_batch(coordinates.with_points(table.filter(pa.array(names == block)), scaling))
            tracks = tracks.take(np.flatnonzero(~np.isin(tracks.tracks.recording, seeds.tracks.recording)))
            if not len(tracks.tracks):
                continue
            seed = np.flatnonzero(blocks == block)
            result = CandidateTree(tracks.tracks, rules).nearest(seeds.tracks.take(seed))
            is_neighbour = result.index != NO_TRACK
            index = result.index[is_neighbour]
            columns = {
                "seed": pa.array(np.repeat(seed, is_neighbour.sum(axis=1)).astype(np.int32)),
                "track_id": tracks.ids.take(pa.array(index)),
                "distance": pa.array(result.distance[is_neighbour]),
                "artist": pa.array(tracks.tracks.artist[index]),
                "recording": pa.array(tracks.tracks.recording[index]),
            }
            yield pa.RecordBatch.from_pydict(columns)

    def search(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pending: list[pa.RecordBatch] = []
        for batch in batches:
            pending.append(batch)
            if sum(map(len, pending)) >= tracks_per_search:
                yield from search_table(pa.Table.from_batches(pending))
                pending = []
        if sum(map(len, pending)):
            yield from search_table(pa.Table.from_batches(pending))

    return search


def _fuse_ranks(neighbours: pa.Table, seed_ids: Sequence[str], rules: Rules) -> list[Recommendation]:
    """Return a list of Recommendation, best first, from a table of every seed's nearest tracks.

    ``neighbours`` has the columns of ``_NEIGHBOURS_OF_SEEDS``; its column ``seed`` holds positions in ``seed_ids``.
    """
    rows = neighbours.sort_by([("seed", "ascending"), ("distance", "ascending"), ("track_id", "ascending")])
    seed, artist, recording = (rows.column(name).to_numpy() for name in ("seed", "artist", "recording"))
    ids, distances = rows.column("track_id").to_pylist(), rows.column("distance").to_pylist()
    shares: dict[str, list[tuple[float, str, float]]] = {}
    codes: dict[str, tuple[int, int]] = {}
    for number, seed_id in enumerate(seed_ids):
        own = np.flatnonzero(seed == number)
        ranked = own[select_one(artist[own], recording[own], Rules(length=MAX_RANK, per_artist=0))]
        for rank, row in enumerate(ranked, 1):
            shares.setdefault(ids[row], []).append((distances[row], seed_id, 1 / (RANK_OFFSET + rank)))
            codes[ids[row]] = (artist[row], recording[row])
    recommendations = [_recommend(track_id, parts) for track_id, parts in shares.items()]
    recommendations.sort(key=lambda one: (-one.score, one.distance, one.track_id))
    ordered = np.array([codes[one.track_id] for one in recommendations], dtype=np.int64).reshape(-1, 2)
    return [recommendations[index] for index in select_one(ordered[:, 0], ordered[:, 1], rules)]


def _recommend(track_id: str, shares: Sequence[tuple[float, str, float]]) -> Recommendation:
    """Return a track's Recommendation from one (distance, seed id, share of the score) per seed near to it."""
    nearest = [(seed_id, distance) for distance, seed_id, _ in sorted(shares)[:MAX_NEAREST_SEEDS]]
    # fsum rounds once, so the score does not depend on the order of the seeds
    return Recommendation(track_id, math.fsum(share for *_, share in shares), nearest[0][1], nearest)
