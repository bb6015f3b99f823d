"""A list of tracks that somebody likes, as a file has it; no Spark here.

Plain text has one track a line: a track id, a title, or "title - artist" (either way round); empty lines and lines
that begin with # say nothing. A CSV file, as playlist exports are, has a header that names a column of ids or of
titles, and perhaps one of artists. An id counts where the catalogue has it, and else the title. Titles are compared as
releases of recordings are; of several tracks the most popular is meant, then the one with the smallest id.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.functions import arrow_udf

from segue.similarity import arrays, coordinates
from segue.similarity.arrays import TrackArrays
from segue.similarity.candidates import Candidates
from segue.similarity.coordinates import Scaling, SimilarityOptions
from segue.similarity.recordings import artist_key, fold_text, normalise_words, title_key, title_keys
from segue.similarity.rules import NO_TRACK, Rules, select_one

_IDS = {"track id", "id", "uri", "track uri", "spotify uri", "spotify id", "spotify track id"}
_TITLES = {"title", "name", "track", "track name", "song", "song name", "song title"}
_ARTISTS = {"artist", "artists", "artist name", "artist names", "artist name s", "track artist"}
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Seed:
    """One track of the list: what its line says, and what may be meant by it."""

    text: str
    id: str
    names: tuple[tuple[str, str | None], ...]
    """Keys of title and artist, the likeliest first; None where any artist will do."""


@dataclass(frozen=True, slots=True)
class CatalogueTrack:
    """A track of the catalogue that a seed may mean."""

    track_id: str
    title: str
    artist: str
    popularity: float | None


def read_seeds(text: str) -> list[Seed]:
    """Return the tracks that a file names, in its order."""
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    delimiter = max(_DELIMITERS, key=lines[0].count) if lines else ","
    header = [normalise_words(fold_text(name)) for name in next(csv.reader(lines[:1], delimiter=delimiter), [])]
    columns = [_first(header, names) for names in (_IDS, _TITLES, _ARTISTS)]
    if len(header) > 1 and (columns[0], columns[1]) != (None, None):
        rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        next(rows)
        return [_of_row(*(row[c].strip() if c is not None and c < len(row) else "" for c in columns)) for row in rows]
    if len(header) == 1 and header[0] in ("track id", "track uri", "uri"):
        lines = lines[1:]
    return [_of_line(line.strip()) for line in lines if not line.lstrip().startswith("#")]


def resolve_seeds(seeds: Sequence[Seed], known: Iterable[CatalogueTrack]) -> tuple[list[str], list[str]]:
    """Return the ids of the tracks that are meant, each once, and the lines that mean none.

    Parameters
    ----------
    seeds : what a file names
    known : every track whose id or whose title's key is one of the seeds'
    """
    by_popularity = sorted(known, key=lambda track: (-(track.popularity or 0.0), track.track_id))
    ids = {track.track_id for track in by_popularity}
    by_title: dict[str, list[CatalogueTrack]] = {}
    for track in by_popularity:
        by_title.setdefault(title_key(track.title), []).append(track)
    found: dict[str, None] = {}
    strangers = []
    for seed in seeds:
        meant = seed.id if seed.id in ids else _by_name(seed, by_title)
        if meant is None:
            strangers.append(seed.text)
        else:
            found[meant] = None
    return list(found), strangers


def _by_name(seed: Seed, by_title: Mapping[str, Sequence[CatalogueTrack]]) -> str | None:
    for title, artist in seed.names:
        for track in by_title.get(title, ()):
            if artist is None or artist in [artist_key(one) for one in track.artist.split(";")]:
                return track.track_id
    return None


def _of_line(line: str) -> Seed:
    names: list[tuple[str, str | None]] = [(title_key(line), None)]
    parts = line.split(" - ")
    for at in range(1, len(parts)):
        head, tail = " - ".join(parts[:at]), " - ".join(parts[at:])
        names += [(title_key(head), artist_key(tail)), (title_key(tail), artist_key(head))]
    return Seed(line, _bare_id(line), tuple(names))


def _of_row(identity: str, title: str, artist: str) -> Seed:
    text = " - ".join(part for part in (title, artist) if part) or identity
    # exports join artists by commas, which also stand in names: the whole, then the first
    artists = dict.fromkeys([artist_key(artist), artist_key(artist.split(",")[0])]) if artist else {None: None}
    return Seed(text, _bare_id(identity), tuple((title_key(title), who) for who in artists) if title else ())


def _bare_id(text: str) -> str:
    """Return the id in an id, a URI or a link."""
    if "open.spotify.com/track/" in text:
        text = text.split("/track/", 1)[1].split("?", 1)[0]
    return text.removeprefix("spotify:track:").strip()


def _first(header: Sequence[str], names: set[str]) -> int | None:
    return next((index for index, name in enumerate(header) if name in names), None)


MAX_RANK, DAMPING = 100, 60
REASONS = 3
_TRACKS_AT_ONCE = 100_000
_FOUND = "seed int, track_id string, distance double, artist bigint, recording bigint"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One track that goes with a list."""

    track_id: str
    score: float
    distance: float
    """To the nearest seed, in scaled units."""
    because_of: list[tuple[str, float]]
    """The nearest of the seeds that it is near to, with the distances."""


def known_tracks(tracks: DataFrame, seeds: Sequence[Seed]) -> list[CatalogueTrack]:
    """Return the tracks that seeds may mean (runs a Spark job)."""
    ids, titles = {seed.id for seed in seeds}, {title for seed in seeds for title, _ in seed.names}

    @arrow_udf(returnType="boolean")  # type: ignore[call-overload]
    def named(track_ids: pa.Array, names: pa.Array) -> pa.Array:
        keys = title_keys([name or "" for name in names.to_pylist()])
        pairs = zip(track_ids.to_pylist(), keys, strict=True)
        return pa.array([one in ids or key in titles for one, key in pairs], pa.bool_())

    wanted: Column = named("track_id", "title")
    rows = tracks.where(wanted).select("track_id", "title", "artist", "popularity").collect()
    return [CatalogueTrack(row.track_id, row.title or "", row.artist or "", row.popularity) for row in rows]


def fit_playlist(
    tracks: DataFrame, scaling: Scaling, options: SimilarityOptions, seed_ids: Sequence[str], length: int
) -> list[Recommendation]:
    """Return the tracks that go with some seeds, the best first.

    Parameters
    ----------
    tracks : columns of ``labeled_tracks``
    scaling : what ``fit_scaling`` learned of them
    options : which tracks may be recommended
    seed_ids : tracks of the catalogue; releases of one recording count once
    length : how many tracks are wanted at the most
    """
    prepared = coordinates.prepare_tracks(tracks, scaling, options)
    table = prepared.where(F.col("track_id").isin(list(seed_ids))).toArrow()
    seeds = arrays.track_arrays(coordinates.with_points(table, scaling))
    blocks = np.array(table.sort_by("track_id").column("block").to_pylist(), dtype=object)
    _, once = np.unique(seeds.tracks.recording, return_index=True)
    seeds, blocks = seeds.take(np.sort(once)), blocks[np.sort(once)]
    rules = replace(options.rules, length=MAX_RANK, per_artist=0)
    found = prepared.where("candidate").mapInArrow(_nearest(seeds, blocks, scaling, rules), _FOUND).toArrow()
    return _merged(found, seeds.ids.to_pylist(), replace(options.rules, length=length))


def _nearest(
    seeds: TrackArrays, blocks: np.ndarray, scaling: Scaling, rules: Rules
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what finds the nearest of some tracks to every seed; the nearest of all are among those of each part."""

    def near(table: pa.Table) -> Iterator[pa.RecordBatch]:
        names = table.column("block").to_numpy()
        for block in set(blocks.tolist()) - {None}:
            place = arrays.track_arrays(coordinates.with_points(table.filter(pa.array(names == block)), scaling))
            place = place.take(np.flatnonzero(~np.isin(place.tracks.recording, seeds.tracks.recording)))
            if not len(place.tracks):
                continue
            asked = np.flatnonzero(blocks == block)
            lists = Candidates(place.tracks, rules).nearest(seeds.tracks.take(asked))
            there = lists.index != NO_TRACK
            index = lists.index[there]
            columns = {
                "seed": pa.array(np.repeat(asked, there.sum(axis=1)).astype(np.int32)),
                "track_id": place.ids.take(pa.array(index)),
                "distance": pa.array(lists.distance[there]),
                "artist": pa.array(place.tracks.artist[index]),
                "recording": pa.array(place.tracks.recording[index]),
            }
            yield pa.RecordBatch.from_pydict(columns)

    def find(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        for batch in batches:
            held.append(batch)
            if sum(map(len, held)) >= _TRACKS_AT_ONCE:
                yield from near(pa.Table.from_batches(held))
                held = []
        if sum(map(len, held)):
            yield from near(pa.Table.from_batches(held))

    return find


def _merged(found: pa.Table, seed_ids: Sequence[str], rules: Rules) -> list[Recommendation]:
    """Return the recommendations of all seeds together."""
    order = [("seed", "ascending"), ("distance", "ascending"), ("track_id", "ascending")]
    rows = found.sort_by(order)
    seed, artist, recording = (rows.column(name).to_numpy() for name in ("seed", "artist", "recording"))
    ids, distances = rows.column("track_id").to_pylist(), rows.column("distance").to_pylist()
    shares: dict[str, list[tuple[float, str, float]]] = {}
    keys: dict[str, tuple[int, int]] = {}
    every = Rules(length=MAX_RANK, per_artist=0)
    for number, seed_id in enumerate(seed_ids):
        own = np.flatnonzero(seed == number)
        for rank, row in enumerate(own[select_one(artist[own], recording[own], every)], 1):
            shares.setdefault(ids[row], []).append((distances[row], seed_id, 1 / (DAMPING + rank)))
            keys[ids[row]] = (artist[row], recording[row])
    # fsum is exact, so that the order of the seeds has no say
    scored = [
        Recommendation(
            name,
            math.fsum(part for *_, part in near),
            min(near)[0],
            [(who, gap) for gap, who, _ in sorted(near)[:REASONS]],
        )
        for name, near in shares.items()
    ]
    scored.sort(key=lambda one: (-one.score, one.distance, one.track_id))
    codes = np.array([keys[one.track_id] for one in scored], dtype=np.int64).reshape(-1, 2)
    return [scored[index] for index in select_one(codes[:, 0], codes[:, 1], rules)]
