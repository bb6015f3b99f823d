"""Find every track's exact nearest neighbours, under rules on artists, recordings, years and musical keys.

Definition. The candidates for the list of a track q are all tracks that can be recommended; with ``same_genre``, only
those in the genre of q. They are taken in order of (Euclidean distance to q, track_id). A candidate is skipped in these
cases:

* its year is too far from the year of q, or its key is incompatible with the key of q;
* its recording is that of q, or is in the list already;
* its artist is in the list ``per_artist`` times already.

Any other candidate is appended, until the list has ``length`` tracks. A list still short after the last candidate is
filled with the nearest candidates excluded only by ``per_artist``, at most one of each recording. Then the list is
sorted again by (distance, track_id).

Search in a k-d tree (``kd_tree``). It is unknown in advance how many candidates the rules skip, so the number m of
candidates to fetch is raised step by step.

1. The m nearest candidates are fetched from a k-d tree [1]_, and the list is selected among them. At first, m is
   ``length`` + 2, at least 12; m starts higher if many of the lists before needed more.
2. Every candidate not fetched is at least as far from q as the m-th. So the list is final if it is full, and its last
   distance is below that of the m-th. It is also final if all candidates are fetched.
3. Otherwise m is doubled, up to 512. After that, the list is selected from all candidates.

A list left short by the limit on artists is filled in the same way. Of many candidates at one point, the tree contains
only as many as a list can use (``rules.drop_redundant_coincident``); otherwise m would have to exceed the number of
candidates at this point. The distances of fetched candidates are computed again, in float64, and squares are added in
the order of the features; so every tree gives the same lists to the last bit. The rule on keys excludes most
candidates; to keep m small, there is then one tree for each key of q, with the candidates in compatible keys.

Method ``tree``: every worker searches in trees of the whole catalogue. The driver builds them and sends them to the
workers; with the rule on keys, the workers build them. Expected O(n log n) for a fixed number of features; the driver
and every worker hold all coordinates.

Method ``cells`` (``partitioned``): for catalogues that do not fit into the memory of a worker.

1. A sample gives the centres of cells; every track is a member of the cell with the nearest centre.
2. Every track is copied into each other cell that can hold a track within ``overlap_radius`` of it. The list of each
   member q is found by a tree of the members and copies of its cell. The list is final if it is full and its last
   distance r is at most ``overlap_radius``, because the cell of q holds every track within r of q.
3. Otherwise the list of q is also found in every other cell that can hold a track within r of q (r is infinity if the
   list is not full, or was filled). Let a be the centre of the cell of q, and b the centre of another cell. The plane
   midway between a and b separates q from the members of cell b. So each of these members is at least as far from q as
   the plane, whose distance from q is (|q - b|^2 - |q - a|^2) / (2 |a - b|).
4. The lists of q from all these cells are merged: a list is selected from their union, in the same order and by the
   same rules.

Why merging lists is exact. The rules on year, key and the recording of q exclude a candidate whatever the other
candidates are. The other limits (one track per recording, ``per_artist`` per artist, ``length`` in all) apply to nested
sets, as all tracks of a recording have one artist (``releases``): they define a laminar matroid [2]_. In a matroid,
greedy selection [3]_ rejects a candidate exactly if it is in the span of the candidates before it, and more candidates
before it only enlarge the span. So a candidate that is rejected among those of one cell is rejected among those of all
cells, and every track of the final list is in the list of its cell. Likewise, with more candidates a full list stays
full within its last distance r, so no candidate beyond r is needed; a list that was filled can still change, so its r
is infinity.

The same is true of the tracks with which lists are filled. Let S be the selection from all candidates before it is
filled, and T the same selection from the candidates of one cell. Suppose that a track e of the cell is one of the
tracks that fill the final list, but is neither in T nor among the tracks that fill T. Then the cell's list is full
without e, so each track d that fills this list is nearer than e. If the recording of d is not in S, this recording
fills the final list. If it is in S, then S lacks the recording of a track of T by the same artist, as S has at most
``per_artist`` recordings of the artist and T has as many without d. This track is nearer than d, so its recording fills
the final list. So e and at least as many other recordings as fill the cell's list fill the final list. But S has at
least as many tracks as T, so the final list has no more positions to fill than the cell's list: a contradiction.

References
----------
.. [1] J. H. Friedman, J. L. Bentley, R. A. Finkel (1977), "An algorithm for finding best matches in logarithmic
   expected time", ACM Trans. Math. Softw. 3(3), 209-226. Implementation: scipy.spatial.cKDTree.
.. [2] J. Oxley (2011), "Matroid theory", 2nd ed., Oxford University Press.
.. [3] J. Edmonds (1971), "Matroids and the greedy algorithm", Math. Program. 1, 127-136.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.similarity import arrays, coordinates, releases
from segue.similarity.coordinates import with_points
from segue.similarity.kd_tree import build_tree
from segue.similarity.lists import SIMILAR_ROWS, BatchSearch, similar_rows
from segue.similarity.partitioned import TRACKS_PER_CELL, partitioned_neighbours
from segue.similarity.rules import Rules
from segue.similarity.scaling import Scaling, SimilarityOptions

log = logging.getLogger(__name__)
TREE, CELLS, AUTO = "tree", "cells", "auto"
MAX_TREE_VALUES = 10_000_000
"""Maximum of n_tracks * n_features for the method ``tree`` with the setting ``auto``: about 300 MB per worker."""
_TRACKS_PER_TASK = 32_768


@contextmanager
def similar_lists(
    tracks: DataFrame,
    scaling: Scaling,
    options: SimilarityOptions,
    *,
    n_tracks: int | None = None,
    tracks_per_cell: int = TRACKS_PER_CELL,
) -> Iterator[DataFrame]:
    """Context manager: yield a DataFrame of the nearest neighbours of every track.

    Entering the context runs a few Spark jobs; the search itself runs when the DataFrame is used. Intermediate
    results are unpersisted at the end of the context. The neighbours depend neither on the partitions, nor on the order
    of rows, nor on the method.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``
    scaling : Scaling
        From ``fit_scaling``.
    options : SimilarityOptions
        Rules, candidates (which tracks can be recommended) and search method.
    n_tracks : int, optional
        Number of rows of ``tracks``. By default a Spark job counts them, except for the method ``tree``.
    tracks_per_cell : int
        Approximate number of tracks in each part of the catalogue, for the method ``cells``.

    Yields
    ------
    DataFrame with columns ``track_id``, ``similar`` and ``exceeds_cap``
        ``similar`` is an array of structs, nearest first: track_id, distance (Euclidean, in scaled units),
        same_cluster, and why (names of the shared features). ``exceeds_cap`` is true if the list has more tracks by
        one artist than ``rules.per_artist``, because other artists have too few candidates.
    """
    coordinates.log_unknown_keys(tracks, options)
    prepared = coordinates.prepare_tracks(tracks, scaling, options)
    columns = coordinates.release_columns(tracks, scaling)
    if n_tracks is None and options.method != TREE:
        n_tracks = tracks.count()
    if n_tracks is None or choose_method(n_tracks, scaling, options) == TREE:
        yield tree_neighbours(prepared, columns, scaling, options.rules)
    else:
        with partitioned_neighbours(prepared, columns, n_tracks, scaling, options.rules, tracks_per_cell) as rows:
            yield rows


def choose_method(n_tracks: int, scaling: Scaling, options: SimilarityOptions) -> str:
    """Return the search method, ``tree`` or ``cells``.

    It is ``options.method``, unless this is ``auto``. Then it is ``tree`` if n_tracks times the number of features is
    at most ``MAX_TREE_VALUES``, else ``cells``.
    """
    if options.method != AUTO:
        return options.method
    method = TREE if n_tracks * len(scaling.features) <= MAX_TREE_VALUES else CELLS
    log.info("neighbours: %d tracks in %d features, method %s", n_tracks, len(scaling.features), method)
    return method


def has_too_few_artists(tracks: DataFrame, rules: Rules) -> bool:
    """Return whether there are too few artists for lists within the limit ``rules.per_artist``. Runs one Spark job.

    True if the limit excludes at least one track of the catalogue, and allows fewer than ``rules.length`` + 1 tracks:
    too few for one track and a full list. The limit allows ``rules.per_artist`` tracks by each artist, and all tracks
    without an artist. The artist is the first name in the column ``artist``. Other rules are ignored. Without a limit,
    returns False.
    """
    if not rules.per_artist:
        return False
    artist = F.lower(F.split_part("artist", F.lit(";"), F.lit(1)))
    by_artist = tracks.groupBy(artist.alias("artist")).count()
    usable = F.when(F.col("artist").isNull(), F.col("count")).otherwise(F.least("count", F.lit(rules.per_artist)))
    n_tracks, n_usable = by_artist.agg(F.sum("count"), F.sum(usable)).collect()[0]
    return n_tracks is not None and n_usable < min(n_tracks, rules.length + 1)


def tree_neighbours(prepared: DataFrame, columns: tuple[str, ...], scaling: Scaling, rules: Rules) -> DataFrame:
    """Return a DataFrame of every track's nearest neighbours, by the method ``tree``: every worker holds all tracks.

    Collects all tracks to the driver, which is one Spark job; the search itself runs when the DataFrame is used. Its
    columns are those of ``similar_lists``.

    Parameters
    ----------
    prepared : DataFrame with the columns of ``coordinates.prepare_tracks``
    columns : tuple of str
        From ``coordinates.release_columns``.
    scaling : Scaling
        Turns feature values into coordinates.
    rules : Rules
        Limits on each list.

    Returns
    -------
    DataFrame with columns ``track_id``, ``similar`` and ``exceeds_cap``
        ``similar`` is an array of structs, nearest first: track_id, distance, same_cluster, why.
    """
    searches = _block_searches(with_points(releases.add_recordings(prepared.toArrow(), columns), scaling), rules)
    features = scaling.features
    starts = np.cumsum([0, *(len(search.batch.tracks) for search in searches)])

    def search_positions(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield rows of ``SIMILAR_ROWS`` for the tracks at the positions in ``batches``, one position per row.

        Positions count the tracks of all ``searches``, one search after another, from 0.
        """
        for batch in batches:
            positions = batch.column(0)
            if not len(positions):
                continue
            first, stop = positions[0].as_py(), positions[-1].as_py() + 1
            for block in range(int(np.searchsorted(starts, first, "right")) - 1, len(searches)):
                low, high = max(first, starts[block]), min(stop, starts[block + 1])
                if low < high:
                    queries = searches[block].batch.slice(low - starts[block], high - starts[block])
                    yield similar_rows(queries.ids, searches[block].nearest(queries), features, rules)

    n_tracks = int(starts[-1])
    positions = prepared.sparkSession.range(0, n_tracks, 1, max(1, -(-n_tracks // _TRACKS_PER_TASK)))
    return positions.mapInArrow(search_positions, SIMILAR_ROWS)


def _block_searches(table: pa.Table, rules: Rules) -> list[BatchSearch]:
    """Return one BatchSearch for each distinct value of the column ``block``. Only tracks of one block are neighbours.

    For speed, the tracks of a search are sorted by musical key, then by leaf of a k-d tree: successive queries use one
    tree, and one part of this tree.
    """
    searches = []
    for part in arrays.split_by_value(table, "block"):
        tracks = arrays.track_batch(part)
        by_leaf = build_tree(tracks.tracks.points).indices
        order = by_leaf[np.argsort(tracks.tracks.key[by_leaf], kind="stable")]
        searches.append(BatchSearch(tracks.take(order), rules))
    return searches
