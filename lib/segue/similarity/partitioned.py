"""Neighbours by cells, each on one worker at a time: for catalogues that no worker can hold whole.

Centres divide space among them: a track belongs to the nearest one's cell, and a copy of it to every cell whose edge is
no farther off than lists usually reach. A track finds its list among its cell's tracks and the copies there. A
list that reaches no farther than copies do is complete; the others ask those cells that can hold anything nearer
than their last, and what these answer is merged in. So the lists are exact, however far copies are made.

The bound: a point p of centre b's cell is at least as near to b as to a, so a point q of a's cell lies at least
(|q - b|^2 - |q - a|^2) / (2 |a - b|) from it, its distance from the plane between the two cells.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel
from scipy.spatial.distance import cdist

from segue.similarity import arrays, cross_cell
from segue.similarity.candidates import SLACK, Candidates, build_tree
from segue.similarity.coordinates import Scaling, hash_sample, with_points
from segue.similarity.lists import ROWS
from segue.similarity.rules import NO_TRACK, Rules

log = logging.getLogger(__name__)
Matrix = NDArray[np.float64]
TRACKS_A_CELL = 50_000
"""Small trees are fast, as they stay in the processor's cache; but the smaller cells are, the more is copied."""
_SAMPLE, _SAMPLED_A_CELL = 20_000, 100
_PASSES = 5
_ASKED, _MOST_LISTS = 1000, 0.95
_POINTS_AT_ONCE = 4096
_TRACKS_A_BUCKET = 50_000
_MEMBERS = (
    "track_id string, block string, cell int, point binary, ranks binary, artist bigint, recording bigint, "
    "year double, cluster int, candidate boolean"
)
_MEMBER = tuple(column.split()[0] for column in _MEMBERS.split(", "))
_HOST = "host_"
_FOUND = "bound double, visits array<int>, ids array<string>, numbers binary"
_PARCELS = "cell int, tracks binary"
_ANSWERS = "track_id string, neighbour string, numbers binary"


@contextmanager
def partitioned_neighbours(
    prepared: DataFrame, n_tracks: int, scaling: Scaling, rules: Rules, tracks_a_cell: int
) -> Iterator[DataFrame]:
    """Return ``track_id`` and ``similar`` of every track; what was found is cached until the end.

    Parameters
    ----------
    prepared : columns of ``coordinates.prepare_tracks``; computed for a sample first, and then once for all
    n_tracks : how many there are
    scaling : what makes them coordinates
    rules : what a list may hold
    tracks_a_cell : about how many tracks a cell shall have
    """
    centres, reach = fit_centres(prepared, scaling, n_tracks, max(1, -(-n_tracks // tracks_a_cell)), rules.length)
    cells, n_parts = ("block", "cell"), max(2, len(centres))
    # as many parts as there are cells, as a cell is more work than its bytes tell
    found = (
        prepared.mapInArrow(_with_cell(scaling, centres, reach), _PARCELS)
        .repartition(n_parts, "cell")
        .groupBy("cell")
        .applyInArrow(_within(centres, reach, rules), f"{_MEMBERS}, {_FOUND}")
        .persist(StorageLevel.MEMORY_AND_DISK)
    )
    log.info("neighbours: %d tracks in %d cells", n_tracks, len(centres))
    try:
        at_home = found.where(F.size("visits") == 0).mapInArrow(_as_rows(scaling.features), ROWS)
        abroad = found.where(F.size("visits") > 0)
        known = [name for name in _MEMBER if name not in ("cell", "artist", "candidate")]
        visitors = abroad.select(*known, "bound", F.explode("visits").alias("cell"))
        # other names: where both sides of a cogroup have a column in common, Spark 4.2 prunes what one of them needs
        members = found.select(*(F.col(name).alias(f"{_HOST}{name}") for name in _MEMBER))
        hosts = [f"{_HOST}{name}" for name in cells]
        answers = (
            members.repartition(n_parts, *hosts)
            .groupBy(*hosts)
            .cogroup(visitors.repartition(n_parts, *cells).groupBy(*cells))
            .applyInArrow(_between(rules), _ANSWERS)
        )
        n_buckets = max(1, -(-n_tracks // _TRACKS_A_BUCKET))
        bucket = F.pmod(F.xxhash64("track_id"), F.lit(n_buckets)).alias("bucket")
        merged = (
            abroad.select("track_id", "ids", "numbers", bucket)
            .repartition(n_buckets, "bucket")
            .groupBy("bucket")
            .cogroup(answers.select("*", bucket).repartition(n_buckets, "bucket").groupBy("bucket"))
            .applyInArrow(_merged(scaling.features, rules), ROWS)
        )
        yield at_home.union(merged)
    finally:
        found.unpersist()


def fit_centres(
    prepared: DataFrame, scaling: Scaling, n_tracks: int, n_cells: int, length: int
) -> tuple[Matrix, float]:
    """Return the centres of about ``n_cells`` cells of about the same size, and how far most lists reach.

    Which they are decides how long the search takes, not what it finds; so a sample and a few passes will do.
    """
    sample = hash_sample(prepared, n_tracks, max(_SAMPLE, _SAMPLED_A_CELL * n_cells))
    # nobody has to read the titles for it
    places = with_points(sample.drop("artist", "recording").toArrow(), scaling).sort_by("track_id")
    points = arrays.from_binary(places.column("point"), np.float64)
    if not len(points):
        return np.zeros((1, 0)), 0.0
    centres = np.unique(points[np.linspace(0, len(points) - 1, n_cells).astype(int)], axis=0)
    for _ in range(_PASSES):
        own = build_tree(centres).query(points)[1]
        sums = np.stack([np.bincount(own, weights=column, minlength=len(centres)) for column in points.T], axis=1)
        centres = sums / np.maximum(np.bincount(own, minlength=len(centres)), 1)[:, None]
        centres = np.unique(centres[np.bincount(own, minlength=len(centres)) > 0], axis=0)
    return centres, _reach(points, length * len(points) / n_tracks)


def _reach(points: Matrix, rank: float) -> float:
    """Return how far the ``rank``-th neighbour is from 19 of 20 points; a rank below 1 is that of more points."""
    nearest = build_tree(points).query(points[:_ASKED], k=[1 + max(1, round(rank))])[0][:, 0]
    known = nearest[np.isfinite(nearest)]
    if not len(known):
        return 0.0
    # in d dimensions the number of points grows as the d-th power of the distance
    return float(np.quantile(known, _MOST_LISTS) * min(rank, 1.0) ** (1 / points.shape[1]))


def cells_in_reach(points: Matrix, home: int | NDArray[np.int64], centres: Matrix, bound: Matrix) -> NDArray[np.bool_]:
    """Return which other cells can hold points within ``bound`` of points, shape (n_points, n_cells).

    ``home`` is the points' own cell, or that of each.
    """
    rows, homes = np.arange(len(points)), np.broadcast_to(home, len(points))
    squares = cdist(points, centres, "sqeuclidean")
    own = squares[rows, homes][:, None]
    apart = 2 * np.sqrt(((centres[:, None] - centres) ** 2).sum(axis=-1))
    np.fill_diagonal(apart, 1.0)
    # the difference of two squares loses digits in proportion to them
    least = (squares - own - SLACK * (squares + own)) / apart[homes]
    found: NDArray[np.bool_] = least <= bound[:, None] * (1 + SLACK)
    found[rows, homes] = False
    return found


def _visited_cells(
    points: Matrix, home: int, centres: Matrix, bound: Matrix
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the cells that points of one cell have to visit, as offsets and values; a bound below 0 means none."""
    found = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
    wanted = np.flatnonzero(bound >= 0)
    for at in range(0, len(wanted), _POINTS_AT_ONCE):
        rows = wanted[at : at + _POINTS_AT_ONCE]
        row, cell = np.nonzero(cells_in_reach(points[rows], home, centres, bound[rows]))
        found.append((rows[row], cell))
    visitors, cells = (np.concatenate(part) for part in zip(*found, strict=True))
    ends = np.r_[0, np.cumsum(np.bincount(visitors, minlength=len(points)))]
    return ends.astype(np.int32), cells.astype(np.int32)


def _with_cell(
    scaling: Scaling, centres: Matrix, reach: float
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def assign(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tree = build_tree(centres)
        for batch in batches:
            if len(batch):
                places = with_points(batch, scaling)
                points = arrays.from_binary(places.column("point"), np.float64)
                cell = tree.query(points)[1]
                row, other = np.nonzero(cells_in_reach(points, cell, centres, np.full(len(points), reach)))
                rows = np.r_[np.arange(len(points)), row]
                is_home = pa.array(np.arange(len(rows)) < len(points))
                copied = places.take(pa.array(rows)).append_column("is_home", is_home)
                # a row for each cell: there are several copies of a track, and Spark would take each by itself
                yield cross_cell.to_arrow_blobs(copied, np.r_[cell, other], "cell", "tracks")

    return assign


def _within(centres: Matrix, reach: float, rules: Rules) -> Callable[[pa.Table], pa.Table]:
    def find(table: pa.Table) -> pa.Table:
        home, tracks = table.column("cell")[0].as_py(), cross_cell.from_arrow_blobs(table.column("tracks"))
        blocks = arrays.split_by_value(tracks, "block")
        return pa.concat_tables([_of_block(block, home, centres, reach, rules) for block in blocks])

    return find


def _of_block(table: pa.Table, home: int, centres: Matrix, reach: float, rules: Rules) -> pa.Table:
    """Return what a cell knows of its tracks of one block: what they are, their lists, and where they have to ask."""
    block = table.column("block")[0]
    everybody = arrays.track_arrays(table)
    in_space = build_tree(everybody.tracks.points).indices
    everybody = everybody.take(in_space)
    some = np.flatnonzero(everybody.candidate)
    place = everybody.take(np.flatnonzero(table.sort_by("track_id").column("is_home").to_numpy()[in_space]))
    lists = Candidates(everybody.tracks.take(some), rules).nearest(place.tracks)
    neighbours = cross_cell.NeighbourLists.of(place, lists, everybody, some)
    bound = lists.distance[:, -1]
    n_tracks = len(place.tracks)
    # complete, or of no block, so that nobody is its neighbour
    is_done = (bound * (1 + SLACK) <= reach) | (not block.is_valid)
    ends, elsewhere = _visited_cells(place.tracks.points, home, centres, np.where(is_done, -1.0, bound))
    columns = {
        "track_id": place.ids,
        "block": pa.array([block.as_py()] * n_tracks, pa.string()),
        "cell": pa.array(np.full(n_tracks, home, dtype=np.int32)),
        "point": arrays.to_binary(place.tracks.points),
        "ranks": arrays.to_binary(place.ranks),
        "artist": pa.array(place.tracks.artist),
        "recording": pa.array(place.tracks.recording),
        "year": pa.array(place.tracks.year),
        "cluster": pa.array(place.cluster.astype(np.int32)),
        "candidate": pa.array(place.candidate),
        "bound": pa.array(bound),
        "visits": pa.ListArray.from_arrays(pa.array(ends), pa.array(elsewhere)),
    }
    return pa.table(columns | neighbours.columns((lists.index != NO_TRACK).sum(axis=1)))


def _between(rules: Rules) -> Callable[[pa.Table, pa.Table], pa.Table]:
    def find(members: pa.Table, visitors: pa.Table) -> pa.Table:
        hosts = members.rename_columns([name.removeprefix(_HOST) for name in members.column_names])
        return cross_cell.query_cell(hosts, visitors, rules)

    return find


def _merged(features: tuple[str, ...], rules: Rules) -> Callable[[pa.Table, pa.Table], pa.Table]:
    def merge(own: pa.Table, answers: pa.Table) -> pa.Table:
        return cross_cell.merge_lists(own, answers, features, rules)

    return merge


def _as_rows(features: tuple[str, ...]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if len(batch):
                yield cross_cell.as_rows(batch, features)

    return rows
