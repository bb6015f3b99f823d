"""Every track's nearest others, exact, by the way that its number asks for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from segue.similarity import arrays, coordinates
from segue.similarity.arrays import TrackArrays
from segue.similarity.candidates import Candidates, build_tree
from segue.similarity.coordinates import Scaling, SimilarityOptions, with_points
from segue.similarity.lists import ROWS, similar_column
from segue.similarity.partitioned import TRACKS_A_CELL, partitioned_neighbours
from segue.similarity.reasons import distinctive_features
from segue.similarity.rules import NO_TRACK, Rules

log = logging.getLogger(__name__)
TREE, CELLS, AUTO = "tree", "cells", "auto"
MAX_TREE_VALUES = 10_000_000
"""Coordinates in a tree that every worker shall hold: with what belongs to it some 300 MB."""


@contextmanager
def similar_lists(
    tracks: DataFrame,
    scaling: Scaling,
    options: SimilarityOptions,
    *,
    n_tracks: int | None = None,
    tracks_a_cell: int = TRACKS_A_CELL,
) -> Iterator[DataFrame]:
    """Return ``track_id`` and ``similar`` of every track; what was kept on the way is given free at the end.

    Distances are Euclidean, and lists are in order of (distance, track_id): the same whatever the partitions, the
    order of the rows and the method.

    Parameters
    ----------
    tracks : columns of ``labeled_tracks``
    scaling : what ``fit_scaling`` learned of them
    options : which tracks may be recommended, and how they are found
    n_tracks : how many, where that is known: otherwise they are counted, but for the method ``tree``
    tracks_a_cell : about how many tracks a worker shall hold at a time by the method ``cells``
    """
    prepared = coordinates.prepare_tracks(tracks, scaling, options)
    if n_tracks is None and options.method != TREE:
        n_tracks = tracks.count()
    if n_tracks is None or chosen_method(n_tracks, scaling, options) == TREE:
        yield tree_neighbours(prepared, scaling, options.rules)
    else:
        with partitioned_neighbours(prepared, n_tracks, scaling, options.rules, tracks_a_cell) as rows:
            yield rows


def chosen_method(n_tracks: int, scaling: Scaling, options: SimilarityOptions) -> str:
    """Return the method: as the options say, or by size."""
    if options.method != AUTO:
        return options.method
    method = TREE if n_tracks * len(scaling.features) <= MAX_TREE_VALUES else CELLS
    log.info("neighbours of %d tracks in %d features by %s", n_tracks, len(scaling.features), method)
    return method


_TRACKS_A_TASK = 32_768


@dataclass(frozen=True, slots=True)
class TreeBlock:
    """Tracks whose neighbours are among themselves, in the order of the leaves of a tree."""

    place: TrackArrays
    candidates: Candidates
    index: NDArray[np.int64] | None
    """Which of the tracks the candidates are; None: all."""

    def rows(self, wanted: slice, features: tuple[str, ...]) -> pa.RecordBatch:
        """Return the rows of some of the tracks."""
        place = self.place
        asked = place.tracks.take(wanted)
        found = self.candidates.nearest(asked)
        there = found.index != NO_TRACK
        index = found.index[there]
        index = index if self.index is None else self.index[index]
        lengths = there.sum(axis=1)
        own = np.repeat(np.arange(len(place.tracks))[wanted], lengths)
        similar = similar_column(
            lengths,
            place.ids.take(pa.array(index)),
            found.distance[there],
            place.cluster[own] == place.cluster[index],
            distinctive_features(place.ranks[own], place.ranks[index]),
            features,
        )
        return pa.RecordBatch.from_arrays([place.ids[wanted], similar], names=["track_id", "similar"])


def tree_neighbours(prepared: DataFrame, scaling: Scaling, rules: Rules) -> DataFrame:
    """Return ``track_id`` and ``similar`` of every track.

    Parameters
    ----------
    prepared : columns of ``coordinates.prepare_tracks``; comes to the driver whole
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


def _blocks(table: pa.Table, rules: Rules) -> list[TreeBlock]:
    found = []
    for part in arrays.split_by_value(table, "block"):
        place = arrays.track_arrays(part)
        place = place.take(build_tree(place.tracks.points).indices)
        some = None if place.candidate.all() else np.flatnonzero(place.candidate)
        candidates = Candidates(place.tracks if some is None else place.tracks.take(some), rules)
        found.append(TreeBlock(place, candidates, some))
    return found
