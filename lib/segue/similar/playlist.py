"""What goes with a whole list of tracks.

Every seed ranks the catalogue by distance, the nearest first, other releases of a recording left out; its first
hundred count. A track's score is the sum over the seeds of 1 / (60 + its rank there), known as reciprocal rank fusion:
what is near to many seeds comes first, and one seed far from all others still has its say. In order of (score, distance
to the nearest seed, track_id) tracks are taken that the rules allow, and that are no release of a seed.

References
----------
G. V. Cormack, C. L. A. Clarke, S. Büttcher (2009), "Reciprocal rank fusion outperforms Condorcet and individual rank
learning methods", SIGIR '09, 758-759.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.functions import arrow_udf

from segue.similar import arrays, space
from segue.similar.arrays import Place
from segue.similar.candidates import Candidates
from segue.similar.choice import NOBODY, Rules, choose_one
from segue.similar.recordings import title_keys
from segue.similar.scaling import Scaling
from segue.similar.seeds import Known, Seed
from segue.similar.space import Options

RANKED, DAMPING = 100, 60
REASONS = 3
_TRACKS_AT_ONCE = 100_000
_FOUND = "seed int, track_id string, distance double, artist bigint, recording bigint"


@dataclass(frozen=True, slots=True)
class Recommended:
    """One track that goes with a list."""

    track_id: str
    score: float
    distance: float
    """To the nearest seed, in scaled units."""
    because_of: list[tuple[str, float]]
    """The nearest of the seeds that it is near to, with the distances."""


def known_tracks(tracks: DataFrame, seeds: Sequence[Seed]) -> list[Known]:
    """Return the tracks that seeds may mean (runs a Spark job)."""
    ids, titles = {seed.id for seed in seeds}, {title for seed in seeds for title, _ in seed.names}

    @arrow_udf(returnType="boolean")  # type: ignore[call-overload]
    def named(track_ids: pa.Array, names: pa.Array) -> pa.Array:
        keys = title_keys([name or "" for name in names.to_pylist()])
        pairs = zip(track_ids.to_pylist(), keys, strict=True)
        return pa.array([one in ids or key in titles for one, key in pairs], pa.bool_())

    wanted: Column = named("track_id", "title")
    rows = tracks.where(wanted).select("track_id", "title", "artist", "popularity").collect()
    return [Known(row.track_id, row.title or "", row.artist or "", row.popularity) for row in rows]


def fit_playlist(
    tracks: DataFrame, scaling: Scaling, options: Options, seed_ids: Sequence[str], length: int
) -> list[Recommended]:
    """Return the tracks that go with some seeds, the best first.

    Parameters
    ----------
    tracks : columns of ``labeled_tracks``
    scaling : what ``fit_scaling`` learned of them
    options : which tracks may be recommended
    seed_ids : tracks of the catalogue; releases of one recording count once
    length : how many tracks are wanted at the most
    """
    prepared = space.prepared(tracks, scaling, options)
    table = prepared.where(F.col("track_id").isin(list(seed_ids))).toArrow()
    seeds = arrays.place(space.with_points(table, scaling))
    blocks = np.array(table.sort_by("track_id").column("block").to_pylist(), dtype=object)
    _, once = np.unique(seeds.tracks.recording, return_index=True)
    seeds, blocks = seeds.take(np.sort(once)), blocks[np.sort(once)]
    rules = replace(options.rules, length=RANKED, per_artist=0)
    found = prepared.where("candidate").mapInArrow(_nearest(seeds, blocks, scaling, rules), _FOUND).toArrow()
    return _merged(found, seeds.ids.to_pylist(), replace(options.rules, length=length))


def _nearest(
    seeds: Place, blocks: np.ndarray, scaling: Scaling, rules: Rules
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what finds the nearest of some tracks to every seed; the nearest of all are among those of each part."""

    def near(table: pa.Table) -> Iterator[pa.RecordBatch]:
        names = table.column("block").to_numpy()
        for block in set(blocks.tolist()) - {None}:
            place = arrays.place(space.with_points(table.filter(pa.array(names == block)), scaling))
            place = place.take(np.flatnonzero(~np.isin(place.tracks.recording, seeds.tracks.recording)))
            if not len(place.tracks):
                continue
            asked = np.flatnonzero(blocks == block)
            lists = Candidates(place.tracks, rules).nearest(seeds.tracks.take(asked))
            there = lists.index != NOBODY
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


def _merged(found: pa.Table, seed_ids: Sequence[str], rules: Rules) -> list[Recommended]:
    """Return the recommendations of all seeds together."""
    order = [("seed", "ascending"), ("distance", "ascending"), ("track_id", "ascending")]
    rows = found.sort_by(order)
    seed, artist, recording = (rows.column(name).to_numpy() for name in ("seed", "artist", "recording"))
    ids, distances = rows.column("track_id").to_pylist(), rows.column("distance").to_pylist()
    shares: dict[str, list[tuple[float, str, float]]] = {}
    keys: dict[str, tuple[int, int]] = {}
    every = Rules(length=RANKED, per_artist=0)
    for number, seed_id in enumerate(seed_ids):
        own = np.flatnonzero(seed == number)
        for rank, row in enumerate(own[choose_one(artist[own], recording[own], every)], 1):
            shares.setdefault(ids[row], []).append((distances[row], seed_id, 1 / (DAMPING + rank)))
            keys[ids[row]] = (artist[row], recording[row])
    # fsum is exact, so that the order of the seeds has no say
    scored = [
        Recommended(
            name,
            math.fsum(part for *_, part in near),
            min(near)[0],
            [(who, gap) for gap, who, _ in sorted(near)[:REASONS]],
        )
        for name, near in shares.items()
    ]
    scored.sort(key=lambda one: (-one.score, one.distance, one.track_id))
    codes = np.array([keys[one.track_id] for one in scored], dtype=np.int64).reshape(-1, 2)
    return [scored[index] for index in choose_one(codes[:, 0], codes[:, 1], rules)]
