"""Find neighbours cell by cell, for catalogues too large for one worker: the method ``cells`` of ``neighbours``.

Terms:

* A *cell* is the part of the catalogue around one centre. Its *members* are the tracks nearest to this centre.
* A cell also has *copies* of those tracks from other cells that can be within ``overlap_radius`` of a member.
* A *block* is a set of tracks that can be neighbours: with ``same_genre`` the tracks of one genre, else all tracks.

The Spark stages, with a shuffle before each:

1. Assign every track to its own cell and to the cells that hold its copies.
2. By cell: find the list of every member among the members and copies of the cell. The result is persisted.
3. By block and cell: search the members of the cell for neighbours of tracks from other cells. This is done only for
   tracks without a final list after stage 2, in the cells that can hold nearer neighbours.
4. By a hash of the id: for each track without a final list after stage 2, merge its lists from stages 2 and 3.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel
from scipy.spatial.distance import cdist

from segue.similarity import arrays, lists
from segue.similarity.coordinates import with_points
from segue.similarity.kd_tree import SLACK, build_tree
from segue.similarity.lists import LIST_COLUMNS, SIMILAR_ROWS, BatchSearch, NeighbourLists, similar_rows
from segue.similarity.releases import with_recordings
from segue.similarity.rules import Flags, Floats, Integers, Rules
from segue.similarity.scaling import Scaling, hash_sample

log = logging.getLogger(__name__)
MapBatches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
TRACKS_PER_CELL = 50_000
"""Approximate number of members per cell. The tree of a smaller cell is more likely to fit into the processor's cache,
but smaller cells have more copies in all."""
_MIN_SAMPLE, _SAMPLE_PER_CELL = 20_000, 100
"""Approximate maximum size of the sample for fitting centres: 20,000 tracks, or 100 per cell if this is more."""
_KMEANS_PASSES = 5
_N_OVERLAP_QUERIES, _OVERLAP_QUANTILE = 1000, 0.95
_POINTS_PER_BLOCK = 4096
"""Number of points for which ``cell_lists_in_reach`` searches cells at a time. Memory: one value per point and cell."""
_TRACKS_PER_BUCKET = 50_000
"""Approximate maximum number of tracks per task in stage 4, the merge of lists."""
_TRACK_COLUMNS = (
    "track_id string, block string, cell int, point binary, ranks binary, artist bigint, recording bigint, "
    "year double, key int, cluster int, candidate boolean"
)
_TRACK_NAMES = tuple(column.split()[0] for column in _TRACK_COLUMNS.split(", "))
_QUERY_NAMES = tuple(name for name in _TRACK_NAMES if name not in ("cell", "artist", "candidate"))
_CELL_LISTS = f"{_TRACK_COLUMNS}, max_distance double, other_cells array<int>, {LIST_COLUMNS}"
"""Schema of the result of stage 2, one row per track: the track, ``NeighbourLists.max_distance`` of its list, the other
cells to query (none if the list is final), and its list within its own cell."""
_MEMBER_PREFIX = "member_"


@contextmanager
def partitioned_neighbours(
    prepared: DataFrame, columns: tuple[str, ...], n_tracks: int, scaling: Scaling, rules: Rules, tracks_per_cell: int
) -> Iterator[DataFrame]:
    """Context manager: yield a DataFrame of every track's nearest neighbours, found cell by cell.

    A cell is the part of the catalogue around one centre. Entering the context runs one Spark job to draw a sample, and
    the jobs of ``releases.with_recordings``; the search itself runs when the DataFrame is used. The lists of each cell
    are persisted until the end of the context.

    Parameters
    ----------
    prepared : DataFrame with the columns of ``coordinates.prepare_tracks``
        Computed twice: for the sample, and for all tracks; once more if tracks have ISRCs.
    columns : tuple of str
        From ``coordinates.release_columns``.
    n_tracks : int
        Number of rows of ``prepared``.
    scaling : Scaling
        Turns feature values into coordinates.
    rules : Rules
        Limits on each list.
    tracks_per_cell : int
        Approximate number of tracks in a cell.

    Yields
    ------
    DataFrame with columns ``track_id``, ``similar`` and ``exceeds_cap``
        ``similar`` is an array of structs, nearest first: track_id, distance, same_cluster, why.
    """
    n_cells = max(1, -(-n_tracks // tracks_per_cell))
    centres, overlap_radius = fit_centres(prepared, scaling, n_tracks, n_cells, rules.length)
    n_partitions = max(2, len(centres))
    cell_lists = (
        with_recordings(prepared, columns, n_partitions)
        .mapInArrow(_assign_cells(scaling, centres, overlap_radius), "cell int, tracks binary")
        # explicit number of partitions: by default adaptive execution merges small partitions, so that one task would
        # get many cells
        .repartition(n_partitions, "cell")
        .groupBy("cell")
        .applyInArrow(_search_within_cell(centres, overlap_radius, rules), _CELL_LISTS)
        .persist(StorageLevel.MEMORY_AND_DISK)
    )
    log.info("neighbours: %d tracks in %d cells", n_tracks, len(centres))
    try:
        complete = cell_lists.where(F.size("other_cells") == 0).mapInArrow(
            _to_similar(scaling.features, rules), SIMILAR_ROWS
        )
        incomplete = cell_lists.where(F.size("other_cells") > 0)
        cross_cell_lists = _query_other_cells(cell_lists, incomplete, n_partitions, rules)
        n_buckets = max(1, -(-n_tracks // _TRACKS_PER_BUCKET))
        bucket = F.pmod(F.xxhash64("track_id"), F.lit(n_buckets)).alias("bucket")
        merged = (
            incomplete.select("track_id", "ids", "attributes", bucket)
            .repartition(n_buckets, "bucket")
            .groupBy("bucket")
            .cogroup(cross_cell_lists.select("*", bucket).repartition(n_buckets, "bucket").groupBy("bucket"))
            .applyInArrow(_merge_lists(scaling.features, rules), SIMILAR_ROWS)
        )
        yield complete.union(merged)
    finally:
        cell_lists.unpersist()


def _query_other_cells(cell_lists: DataFrame, incomplete: DataFrame, n_partitions: int, rules: Rules) -> DataFrame:
    """Find the neighbours of the tracks of ``incomplete`` in each of their ``other_cells``. Runs no Spark job.

    ``cell_lists`` and ``incomplete`` have the columns of ``_CELL_LISTS``. The result is a DataFrame with ``track_id``
    and the columns of ``LIST_COLUMNS``, one row per track and cell. Cells without members of the track's block have no
    row.
    """
    queries = incomplete.select(*_QUERY_NAMES, "max_distance", F.explode("other_cells").alias("cell"))
    # prefixed: if both sides of a cogroup have a column of the same name and one side does not use the column,
    # Spark 4.2 removes the column from both sides
    members = cell_lists.select(*(F.col(name).alias(f"{_MEMBER_PREFIX}{name}") for name in _TRACK_NAMES))
    member_keys = [f"{_MEMBER_PREFIX}{name}" for name in ("block", "cell")]
    return (
        members.repartition(n_partitions, *member_keys)
        .groupBy(*member_keys)
        .cogroup(queries.repartition(n_partitions, "block", "cell").groupBy("block", "cell"))
        .applyInArrow(_query_cell(rules), f"track_id string, {LIST_COLUMNS}")
    )


def fit_centres(
    prepared: DataFrame, scaling: Scaling, n_tracks: int, n_cells: int, length: int
) -> tuple[Floats, float]:
    """Fit centres of cells (by k-means) and an overlap radius to a sample of tracks. Runs one Spark job.

    A cell is the part of the catalogue around one centre. Centres and radius affect only the duration of the search,
    not its result. ``prepared`` is the result of ``coordinates.prepare_tracks`` and has ``n_tracks`` rows. ``n_cells``
    is the number of cells intended, ``length`` the maximum number of neighbours in a list.

    Returns
    -------
    centres : array of shape (at most n_cells, n_features)
        In scaled units, sorted and distinct; shape (1, 0) if the sample is empty.
    overlap_radius : float
        Distance in scaled units within which about 95 % of the tracks have ``length`` neighbours.
    """
    sample = hash_sample(prepared, n_tracks, max(_MIN_SAMPLE, _SAMPLE_PER_CELL * n_cells))
    # without the columns artist and title Spark does not parse titles
    table = with_points(sample.drop("artist", "title").toArrow(), scaling).sort_by("track_id")
    points: Floats = arrays.from_binary(table.column("point"), np.float64)
    if not len(points):
        return np.zeros((1, 0)), 0.0
    centres = np.unique(points[np.linspace(0, len(points) - 1, n_cells).astype(int)], axis=0)
    for _ in range(_KMEANS_PASSES):
        label = build_tree(centres).query(points)[1]
        counts = np.bincount(label, minlength=len(centres))
        sums = np.stack([np.bincount(label, weights=column, minlength=len(centres)) for column in points.T], axis=1)
        centres = np.unique((sums / np.maximum(counts, 1)[:, None])[counts > 0], axis=0)
    return centres, _overlap_radius(points, length * len(points) / n_tracks)


def _overlap_radius(points: Floats, rank: float) -> float:
    """Return the distance within which about 95 % of the points have ``rank`` neighbours; 0 if points are too few.

    ``rank`` is the length of a list times the sampled fraction of the tracks: 2.5 for 10 neighbours and a quarter of
    the tracks. A ``rank`` above 1 is rounded. For a ``rank`` below 1, the result is r * rank^(1/d), where r is the
    distance for ``rank`` 1: in d dimensions the number of points within r grows with r^d.
    """
    distance = build_tree(points).query(points[:_N_OVERLAP_QUERIES], k=[1 + max(1, round(rank))])[0][:, 0]
    finite = distance[np.isfinite(distance)]
    if not len(finite):
        return 0.0
    return float(np.quantile(finite, _OVERLAP_QUANTILE) * min(rank, 1.0) ** (1 / points.shape[1]))


def cells_in_reach(points: Floats, cell: int | Integers, centres: Floats, max_distance: Floats) -> Flags:
    """Return which other cells can hold members within ``max_distance`` of each point. O(n_points n_cells).

    A cell is the part of the space around one centre; its members are the points nearest to this centre. Any two cells
    are separated by a plane. A cell is excluded if the plane between this cell and the point's own is farther from the
    point than ``max_distance``; the formula is in ``segue.similarity.neighbours``.

    Parameters
    ----------
    points : array of shape (n_points, n_features)
    cell : int or array of int, shape (n_points,)
        Index of each point's own cell, the one with the nearest centre; an int if all points are in one cell.
    centres : array of shape (n_cells, n_features)
    max_distance : array of shape (n_points,)

    Returns
    -------
    array of bool, shape (n_points, n_cells)
        True where the cell can hold such members; false for the point's own cell.
    """
    rows, cells = np.arange(len(points)), np.broadcast_to(cell, len(points))
    squares = cdist(points, centres, "sqeuclidean")
    own_squares = squares[rows, cells][:, None]
    two_separations = 2 * np.sqrt(((centres[:, None] - centres) ** 2).sum(axis=-1))
    np.fill_diagonal(two_separations, 1.0)
    # SLACK lowers the bound by more than the rounding error of the difference, which is proportional to the squares
    lower_bound = (squares - own_squares - SLACK * (squares + own_squares)) / two_separations[cells]
    is_in_reach: Flags = lower_bound <= max_distance[:, None] * (1 + SLACK)
    is_in_reach[rows, cells] = False
    return is_in_reach


def cell_lists_in_reach(points: Floats, cell: int, centres: Floats, max_distance: Floats) -> pa.ListArray:
    """Return the result of ``cells_in_reach`` for members of one cell as lists of cell numbers: [[2, 5], []].

    The result is a pa.ListArray of int32, with one list per point: the other cells that can hold members within
    ``max_distance`` of the point. A point with a negative ``max_distance`` has an empty list.
    """
    parts = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
    bounded = np.flatnonzero(max_distance >= 0)
    for start in range(0, len(bounded), _POINTS_PER_BLOCK):
        rows = bounded[start : start + _POINTS_PER_BLOCK]
        row, other = np.nonzero(cells_in_reach(points[rows], cell, centres, max_distance[rows]))
        parts.append((rows[row], other))
    point, cells = (np.concatenate(part) for part in zip(*parts, strict=True))
    offsets = arrays.list_offsets(np.bincount(point, minlength=len(points)))
    return pa.ListArray.from_arrays(offsets, pa.array(cells.astype(np.int32)))


def _assign_cells(scaling: Scaling, centres: Floats, overlap_radius: float) -> MapBatches:
    """Return a function for mapInArrow that divides tracks among cells (stage 1 of the module's docstring).

    The function maps rows of ``releases.with_recordings`` to rows of ``cell`` (int) and ``tracks`` (binary). A value of
    ``tracks`` holds tracks of the cell, packed by ``arrays.to_arrow_blobs``, with an additional column ``is_member``
    (boolean): true for members, false for copies.
    """

    def assign(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tree = build_tree(centres)
        for batch in batches:
            if len(batch):
                tracks = with_points(batch, scaling)
                points = arrays.from_binary(tracks.column("point"), np.float64)
                cell = tree.query(points)[1]
                row, other = np.nonzero(cells_in_reach(points, cell, centres, np.full(len(points), overlap_radius)))
                rows = np.r_[np.arange(len(points)), row]
                is_member = pa.array(np.arange(len(rows)) < len(points))
                copies = tracks.take(pa.array(rows)).append_column("is_member", is_member)
                yield arrays.to_arrow_blobs(copies, np.r_[cell, other], "cell", "tracks")

    return assign


def _search_within_cell(centres: Floats, overlap_radius: float, rules: Rules) -> Callable[[pa.Table], pa.Table]:
    """Return a function for applyInArrow that finds neighbours within one cell (stage 2 of the module's docstring).

    The function maps the rows of one cell, the result of ``_assign_cells``, to rows of ``_CELL_LISTS``: one for each
    member of the cell.
    """

    def search(table: pa.Table) -> pa.Table:
        cell, tracks = table.column("cell")[0].as_py(), arrays.from_arrow_blobs(table.column("tracks"))
        blocks = arrays.split_by_value(tracks, "block")
        return pa.concat_tables([_search_block(block, cell, centres, overlap_radius, rules) for block in blocks])

    return search


def _search_block(table: pa.Table, cell: int, centres: Floats, overlap_radius: float, rules: Rules) -> pa.Table:
    """Find neighbours for the members of one cell and block, among all tracks of this cell and block.

    ``table`` has these tracks, with the column ``is_member``. Returns a pa.Table with the columns of ``_CELL_LISTS``,
    one row per member.
    """
    block = table.column("block")[0]
    tracks = arrays.track_batch(table)
    by_leaf = build_tree(tracks.tracks.points).indices
    tracks = tracks.take(by_leaf)
    members = tracks.take(np.flatnonzero(table.sort_by("track_id").column("is_member").to_numpy()[by_leaf]))
    lists = BatchSearch(tracks, rules).nearest(members)
    max_distance = lists.max_distance(rules)
    # a full list within overlap_radius is final; tracks of the null block have no neighbours in any cell
    is_complete = (max_distance * (1 + SLACK) <= overlap_radius) | (not block.is_valid)
    query_distance = np.where(is_complete, -1.0, max_distance)
    n_members = len(members.tracks)
    columns = {
        "track_id": members.ids,
        "block": pa.array([block.as_py()] * n_members, pa.string()),
        "cell": pa.array(np.full(n_members, cell, dtype=np.int32)),
        "point": arrays.to_binary(members.tracks.points),
        "ranks": arrays.to_binary(members.ranks),
        "artist": pa.array(members.tracks.artist),
        "recording": pa.array(members.tracks.recording),
        "year": pa.array(members.tracks.year),
        "key": pa.array(members.tracks.key.astype(np.int32)),
        "cluster": pa.array(members.cluster.astype(np.int32)),
        "candidate": pa.array(members.is_candidate),
        "max_distance": pa.array(max_distance),
        "other_cells": cell_lists_in_reach(members.tracks.points, cell, centres, query_distance),
    }
    return pa.table(columns | lists.to_columns())


def _query_cell(rules: Rules) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """Return a function for applyInArrow that applies ``lists.query_cell`` (stage 3 of the module's docstring).

    It takes two tables: the members of one cell and block, and tracks of other cells to find neighbours of.
    """

    def query(members: pa.Table, queries: pa.Table) -> pa.Table:
        members = members.rename_columns([name.removeprefix(_MEMBER_PREFIX) for name in members.column_names])
        return lists.query_cell(members, queries, rules)

    return query


def _merge_lists(features: tuple[str, ...], rules: Rules) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """Return a function for applyInArrow that applies ``lists.merge_lists`` (stage 4 of the module's docstring).

    It takes two tables, lists from the tracks' own cells and lists from other cells, and returns ``SIMILAR_ROWS``.
    """

    def merge(rows: pa.Table, cross_cell_rows: pa.Table) -> pa.Table:
        return lists.merge_lists(rows, cross_cell_rows, features, rules)

    return merge


def _to_similar(features: tuple[str, ...], rules: Rules) -> MapBatches:
    """Return a function for mapInArrow: it maps rows of track_id and ``LIST_COLUMNS`` to rows of ``SIMILAR_ROWS``.

    ``features`` are the names of all features, in the order of the indices in ``attributes``.
    """

    def convert(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if len(batch):
                yield similar_rows(batch.column("track_id"), NeighbourLists.from_columns(batch), features, rules)

    return convert
