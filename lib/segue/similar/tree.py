"""Neighbours by one k-d tree that every worker has whole: the fastest way while it fits."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from segue.similar import arrays
from segue.similar.arrays import Place
from segue.similar.candidates import Candidates, tree_of
from segue.similar.choice import NOBODY, Rules
from segue.similar.lists import similar_column
from segue.similar.scaling import Scaling
from segue.similar.space import with_points
from segue.similar.why import telling_features

SIMILAR = "array<struct<track_id: string, distance: double, same_cluster: boolean, why: array<string>>>"
ROWS = f"track_id string, similar {SIMILAR}"
_TRACKS_A_TASK = 32_768


@dataclass(frozen=True, slots=True)
class Block:
    """Tracks whose neighbours are among themselves, in the order of the leaves of a tree."""

    place: Place
    candidates: Candidates
    index: NDArray[np.int64] | None
    """Which of the tracks the candidates are; None: all."""

    def rows(self, wanted: slice, features: tuple[str, ...]) -> pa.RecordBatch:
        """Return the rows of some of the tracks."""
        place = self.place
        asked = place.tracks.take(wanted)
        found = self.candidates.nearest(asked)
        there = found.index != NOBODY
        index = found.index[there]
        index = index if self.index is None else self.index[index]
        lengths = there.sum(axis=1)
        own = np.repeat(np.arange(len(place.tracks))[wanted], lengths)
        similar = similar_column(
            lengths,
            place.ids.take(pa.array(index)),
            found.distance[there],
            place.cluster[own] == place.cluster[index],
            telling_features(place.ranks[own], place.ranks[index]),
            features,
        )
        return pa.RecordBatch.from_arrays([place.ids[wanted], similar], names=["track_id", "similar"])


def by_tree(prepared: DataFrame, scaling: Scaling, rules: Rules) -> DataFrame:
    """Return ``track_id`` and ``similar`` of every track.

    Parameters
    ----------
    prepared : columns of ``space.prepared``; comes to the driver whole
    scaling : what makes them coordinates
    rules : what a list may hold
    """
    blocks = _blocks(with_points(prepared.toArrow(), scaling), rules)
    features = scaling.features
    starts = np.cumsum([0, *(len(block.place.tracks) for block in blocks)])

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            positions = batch.column(0)
            if not len(positions):
                continue
            first, stop = positions[0].as_py(), positions[-1].as_py() + 1
            for at in range(int(np.searchsorted(starts, first, "right")) - 1, len(blocks)):
                low, high = max(first, starts[at]), min(stop, starts[at + 1])
                if low < high:
                    yield blocks[at].rows(slice(low - starts[at], high - starts[at]), features)

    n_tracks = int(starts[-1])
    # neighbours in the order stand together in space: what one needs of the tree the next has in the cache
    positions = prepared.sparkSession.range(0, n_tracks, 1, max(1, -(-n_tracks // _TRACKS_A_TASK)))
    return positions.mapInArrow(answer, ROWS)


def _blocks(table: pa.Table, rules: Rules) -> list[Block]:
    found = []
    for part in arrays.by_value(table, "block"):
        place = arrays.place(part)
        place = place.take(tree_of(place.tracks.points).indices)
        some = None if place.candidate.all() else np.flatnonzero(place.candidate)
        candidates = Candidates(place.tracks if some is None else place.tracks.take(some), rules)
        found.append(Block(place, candidates, some))
    return found
