"""Every track's nearest others, exact, by the way that its number asks for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame

from segue.similar import space
from segue.similar.cells import TRACKS_A_CELL, by_cells
from segue.similar.scaling import Scaling
from segue.similar.space import Options
from segue.similar.tree import by_tree

log = logging.getLogger(__name__)

TREE, CELLS, AUTO = "tree", "cells", "auto"
MOST_IN_TREE = 10_000_000
"""Coordinates in a tree that every worker shall hold: with what belongs to it some 300 MB."""


@contextmanager
def similar_lists(
    tracks: DataFrame,
    scaling: Scaling,
    options: Options,
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
    prepared = space.prepared(tracks, scaling, options)
    if n_tracks is None and options.method != TREE:
        n_tracks = tracks.count()
    if n_tracks is None or chosen_method(n_tracks, scaling, options) == TREE:
        yield by_tree(prepared, scaling, options.rules)
    else:
        with by_cells(prepared, n_tracks, scaling, options.rules, tracks_a_cell) as rows:
            yield rows


def chosen_method(n_tracks: int, scaling: Scaling, options: Options) -> str:
    """Return the method: as the options say, or by size."""
    if options.method != AUTO:
        return options.method
    method = TREE if n_tracks * len(scaling.features) <= MOST_IN_TREE else CELLS
    log.info("neighbours of %d tracks in %d features by %s", n_tracks, len(scaling.features), method)
    return method
