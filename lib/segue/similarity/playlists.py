"""Recommend tracks similar to several seeds. A seed is a track listed by the user."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.core.spark_helpers import persisted
from segue.similarity import arrays, coordinates, releases
from segue.similarity.arrays import TrackBatch
from segue.similarity.kd_tree import CandidateTree
from segue.similarity.rules import NO_TRACK, Rules, exceeds_cap, select_one
from segue.similarity.scaling import Scaling, SimilarityOptions

log = logging.getLogger(__name__)

MAX_RANK, RANK_OFFSET = 100, 60
"""Number of nearest tracks scored per seed, and the constant in the score 1 / (``RANK_OFFSET`` + rank)."""
MAX_NEAREST_SEEDS = 3
"""Maximum number of nearest seeds listed with a recommended track."""
TRACKS_PER_SEARCH = 100_000
_NEIGHBOURS_OF_SEEDS = "seed int, track_id string, distance double, artist bigint, recording bigint"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended track, with its score and the nearest seeds (tracks listed by the user)."""

    track_id: str
    score: float
    """Sum over the seeds of 1 / (60 + the track's rank among the 100 nearest of the seed); higher is better."""
    distance: float
    """Distance to the nearest seed, in scaled units."""
    because_of: list[tuple[str, float]]
    """The nearest seeds as pairs (id, distance), nearest first, at most three. A seed counts only if the track is among
    its 100 nearest."""


def fit_playlist(
    tracks: DataFrame,
    scaling: Scaling,
    options: SimilarityOptions,
    seed_ids: Sequence[str],
    length: int,
    *,
    tracks_per_search: int = TRACKS_PER_SEARCH,
) -> list[Recommendation]:
    """Recommend tracks similar to several seeds (tracks listed by the user). Runs a few Spark jobs.

    Tracks are scored by reciprocal rank fusion. A track at position ``rank`` (from 1) among the 100 nearest of a seed
    gets 1 / (60 + rank); its score is the sum over the seeds.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``
    scaling : Scaling
        From ``fit_scaling``.
    options : SimilarityOptions
        Rules, and which tracks can be recommended. ``rules.length`` is ignored; ``rules.per_artist`` limits the
        final list.
    seed_ids : sequence of str
        Ids of tracks. If several are releases of one recording, only the smallest id is used. An id missing in
        ``tracks`` is ignored.
    length : int
        Maximum number of recommendations.
    tracks_per_search : int
        Approximate number of tracks in the memory of a Python worker at a time.

    Returns
    -------
    list of Recommendation
        Highest score first; at equal score in order of the distance to the nearest seed, then of track_id. The list
        has no seeds and, unless ``options.other_releases`` is true, no other releases of their recordings.

    References
    ----------
    G. V. Cormack, C. L. A. Clarke, S. Buettcher (2009), "Reciprocal rank fusion outperforms Condorcet and individual
    rank learning methods", Proc. SIGIR, 758-759.
    """
    coordinates.log_unknown_keys(tracks, options)
    columns = coordinates.release_columns(tracks, scaling)
    recorded = releases.with_recordings(coordinates.prepare_tracks(tracks, scaling, options), columns)
    with persisted(recorded) as prepared:
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
    """Return a function for mapInArrow that finds each seed's nearest neighbours among the tracks of a partition.

    The function maps rows of ``releases.with_recordings`` to rows of ``_NEIGHBOURS_OF_SEEDS``. Tracks of the seeds' own
    recordings are left out. A partition is searched in parts of about ``tracks_per_search`` tracks. This loses no
    neighbour: a track among a seed's nearest in the catalogue is also among the seed's nearest in the part that
    contains the track (proof in ``segue.similarity.neighbours``). ``blocks`` has one value per seed: its genre with
    ``same_genre``, else "".
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
    """Combine every seed's nearest tracks into one list of Recommendation, highest score first.

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
    selected = select_one(ordered[:, 0], ordered[:, 1], rules)
    if exceeds_cap(ordered[selected, 0], np.array([len(selected)]), rules)[0]:
        log.info(
            "recommend: too few artists near the seeds for %d tracks with recommend.per_artist = %d; "
            "the list has more tracks by one artist", len(selected), rules.per_artist,
        )  # fmt: skip
    return [recommendations[index] for index in selected]


def _recommend(track_id: str, shares: Sequence[tuple[float, str, float]]) -> Recommendation:
    """Return the Recommendation of a track.

    ``shares`` has a triple (distance, id, 1 / (60 + rank)) for each seed with the track among its nearest. The sum of
    the third values is the score.
    """
    nearest = [(seed_id, distance) for distance, seed_id, _ in sorted(shares)[:MAX_NEAREST_SEEDS]]
    # fsum rounds once, so the score does not depend on the order of the seeds
    return Recommendation(track_id, math.fsum(share for *_, share in shares), nearest[0][1], nearest)
