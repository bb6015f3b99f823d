"""Pack points into binary blocks on Spark's executors. Sum the points by nearest centre, in one Spark job for all k.

A block is a DataFrame row with the points of one Arrow batch, as float32 numbers. The driver receives the sums of each
partition and, after packing, the counts and the extreme points of each block. A class is the known category of a point,
such as its genre. Clusters are compared with classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.core.spark_helpers import DISK_LEVEL
from segue.errors import ClusteringError
from segue.kmeans_grid import kernel, scoring
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.scoring import CentreStats, ScoreSums

_BLOCK = (
    "points binary, classes binary, n bigint, n_invalid bigint, n_features int, coarse double, fine double, "
    "extremes binary"
)
"""Spark schema of a block.

* ``points``: the coordinates of ``n`` points (float32), one point after the other;
* ``classes``: index of each point's class (int32), or null if there are no classes;
* ``n_invalid``: number of points left out as invalid;
* ``coarse`` + ``fine``: sum of the squared lengths of the points, from ``kernel.square_parts``;
* ``extremes``: points with the minimum or maximum of a feature (float64), from ``_extremes``.
"""
_NAMES = [part.split()[0] for part in _BLOCK.split(", ")]
_ARROW = [pa.binary(), pa.binary(), pa.int64(), pa.int64(), pa.int32(), pa.float64(), pa.float64(), pa.binary()]


@dataclass(frozen=True, slots=True)
class Blocks:
    """All points to be clustered, in a persisted DataFrame. Coordinates are multiples of 2^-bits in [-1, 1]."""

    frame: DataFrame
    """One row per block: the points of one Arrow batch, as bytes."""
    n_points: int
    n_features: int
    exponent: int
    """The original points were multiplied by 2^exponent."""
    n_classes: int
    """Number of classes (known categories, such as genres); 0 if there are none."""
    square_sum: float
    """Sum of the squared lengths of all points."""
    extremes: Matrix
    """For each feature, a point with its minimum and a point with its maximum, without duplicates.

    Shape (n, n_features), with n at most 2 * n_features.
    """

    @property
    def bits(self) -> int:
        """Number of fractional bits: coordinates are rounded to multiples of 2^-bits."""
        return kernel.fixed_point_bits(self.n_features)

    def __len__(self) -> int:
        return self.n_points

    def centre_sums(self, centre_sets: Sequence[Matrix]) -> list[Matrix]:
        """Sum the points nearest to each centre, for several sets of centres. Runs one Spark job.

        Parameters
        ----------
        centre_sets : arrays of shape (k, n_features)
            Coordinates are multiples of 2^-bits in [-1, 1].

        Returns
        -------
        list of arrays of shape (k, n_features + 2)
            One for each set, with one row per centre: the sum of the points nearest to the centre (n_features columns),
            their number, and the sum of their squared lengths.
        """
        n_features, bounds = self.n_features, np.cumsum([len(centres) for centres in centre_sets])[:-1]

        def work(blocks: Iterator[_Block]) -> Iterator[list[bytes]]:
            sums = [np.zeros((len(centres), n_features + 2)) for centres in centre_sets]
            for block in blocks:
                for total, block_sums in zip(sums, kernel.centre_sums(block.points, centre_sets), strict=True):
                    total += block_sums
            yield [np.concatenate(sums).tobytes()]

        parts = _map_blocks(self.frame, n_features, work, ["sums"])
        flat = sum((np.frombuffer(part[0]) for part in parts[1:]), np.frombuffer(parts[0][0]))
        return np.split(flat.reshape(-1, n_features + 2), bounds)

    def score_sums(self, stats: Sequence[CentreStats]) -> list[ScoreSums]:
        """Sum silhouettes and distances to the cluster mean, for every cluster of every k. Runs one Spark job.

        ``stats`` has one CentreStats per k. Returns one ScoreSums per k, in the same order. A ScoreSums also has the
        number of points by cluster and class.
        """
        n_features, n_classes = self.n_features, self.n_classes

        def work(blocks: Iterator[_Block]) -> Iterator[list[bytes]]:
            sums: list[ScoreSums] = []
            for block in blocks:
                block_sums = scoring.score_sums(block.points, block.classes, n_classes, stats)
                # merged after each block: otherwise a worker's memory would grow with the size of its partition
                if sums:
                    block_sums = [scoring.merge_score_sums(both) for both in zip(sums, block_sums, strict=True)]
                sums = block_sums
            for k_sums in sums:
                yield [array.tobytes() for array in k_sums]

        rows = _map_blocks(self.frame, n_features, work, ["sums", "pairs", "counts"])
        parts = [
            ScoreSums(
                np.frombuffer(sums).reshape(-1, 3), np.frombuffer(pairs, np.int64), np.frombuffer(counts, np.int64)
            )
            for sums, pairs, counts in rows
        ]
        # each partition yields one row for every k, in order
        return [scoring.merge_score_sums(parts[index :: len(stats)]) for index in range(len(stats))]

    def release(self) -> None:
        """Unpersist the DataFrame of the packed points."""
        self.frame.unpersist()


@dataclass(frozen=True, slots=True)
class _Block:
    """The points of one block, unpacked in a worker."""

    points: Points
    classes: NDArray[np.int32] | None
    """Index of each point's class, shape (n_points,); -1 for points without a class. None if there are no classes."""


def pack(point: Column, points: DataFrame, class_column: str | None, exponent: int) -> Blocks:
    """Scale points, and pack them into a persisted DataFrame. Runs one Spark job, or two with ``class_column``.

    Call ``Blocks.release`` to unpersist the DataFrame.

    Parameters
    ----------
    point : Column of array<double>, shape (n_features,), with the points
    points : DataFrame with the columns used by ``point``
    class_column : name of a column with the known class of each point, such as its genre, or null; None for no classes
    exponent : the points are multiplied by 2^exponent; then no absolute value may exceed 1

    Raises
    ------
    ClusteringError
        If there is no point; if a value is missing, not finite, or above 2^-exponent in absolute value; or if the
        points differ in their number of coordinates.
    """
    classes = _classes(points, class_column)
    class_text = F.col(class_column).cast("string") if class_column else F.lit(None).cast("string")
    packed = points.select(point.alias("point"), class_text.alias("class")).mapInArrow(
        _packer(exponent, classes), _BLOCK
    )
    packed.persist(DISK_LEVEL)
    try:
        rows = [row for row in packed.drop("points", "classes").collect() if row.n or row.n_invalid]
        n_points = sum(row.n for row in rows)
        require_valid_points(n_points, sum(row.n_invalid for row in rows))
        n_features, *others = sorted({row.n_features for row in rows})
        if others:
            raise ClusteringError(f"some points have {n_features} features, others {others[0]}; expected equally many")
        extremes = np.concatenate([np.frombuffer(row.extremes).reshape(-1, n_features) for row in rows])
        square_sum = sum(row.coarse for row in rows) + sum(row.fine for row in rows)
        return Blocks(packed, n_points, n_features, exponent, len(classes), square_sum, _extremes(extremes))
    except BaseException:
        packed.unpersist()
        raise


def require_valid_points(n_valid: int, n_invalid: int) -> None:
    """Raise ClusteringError if there are invalid points, or no points at all.

    ``n_valid`` and ``n_invalid`` are numbers of points. A point is invalid if a coordinate is missing, not finite or
    out of range, or if it has fewer coordinates than others.
    """
    if n_invalid:
        raise ClusteringError(
            f"{n_invalid} of {n_valid + n_invalid} points have a value that is missing, not a finite number or out of "
            "range, or fewer values than others; expected a finite number for every feature"
        )
    if not n_valid:
        raise ClusteringError("no points to cluster, expected at least one row")


def _classes(points: DataFrame, column: str | None) -> list[str]:
    """Return the distinct values of a column as sorted strings, without null. Runs one Spark job.

    If ``column`` is None, no job runs, and the list is empty.
    """
    if column is None:
        return []
    rows = points.select(F.col(column).cast("string").alias("class")).where("class IS NOT NULL").distinct().collect()
    return sorted(row[0] for row in rows)


def _packer(exponent: int, classes: list[str]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for ``mapInArrow``: it packs each Arrow batch into one row with the schema ``_BLOCK``.

    A batch has two columns: the points (list<double>) and their classes (string or null). The function multiplies the
    points by 2^exponent and rounds them to multiples of 2^-bits. A class becomes its index in ``classes``; null becomes
    -1.
    """
    value_set = pa.array(classes, pa.string())

    def pack_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if not batch.num_rows:
                continue
            values, is_complete = matrix_with_mask(batch.column(0))
            bits = kernel.fixed_point_bits(values.shape[1])
            rounded = kernel.round_to_fixed_point(np.ldexp(values, exponent), bits)
            is_valid = is_complete & (np.abs(rounded) <= 1).all(axis=1)
            rows = rounded[is_valid]
            codes = pc.index_in(batch.column(1), value_set=value_set).fill_null(-1).to_numpy(zero_copy_only=False)
            block = [
                rows.astype(np.float32).tobytes(),
                codes[is_valid].astype(np.int32).tobytes() if classes else None,
                len(rows),
                len(values) - len(rows),
                values.shape[1],
                *kernel.square_parts(rows, bits),
                _extremes(rows).tobytes(),
            ]
            yield pa.RecordBatch.from_arrays(
                [pa.array([cell], kind) for cell, kind in zip(block, _ARROW, strict=True)], names=_NAMES
            )

    return pack_batches


def matrix_with_mask(points: pa.Array) -> tuple[Matrix, NDArray[np.bool_]]:
    """Convert an Arrow array of n lists to a matrix with one row per list, and a mask of the complete lists.

    Parameters
    ----------
    points : array of type list<double>

    Returns
    -------
    array of shape (n, n_features)
        ``n_features`` is the length of the longest list. A shorter or null list becomes a row of NaN. A null in a
        complete list becomes NaN.
    array of bool, shape (n,)
        Whether a list is complete: as long as the longest, and not empty.
    """
    lengths = pc.fill_null(pc.list_value_length(points), 0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    is_complete: NDArray[np.bool_] = (lengths == width) & (width > 0)
    values = np.full((len(points), width), np.nan)
    flat = points.flatten().to_numpy(zero_copy_only=False)
    if is_complete.all():
        return flat.reshape(len(points), width).astype(np.float64), is_complete
    begin = np.cumsum(lengths) - lengths
    for row in np.flatnonzero(is_complete):
        values[row] = flat[begin[row] : begin[row] + width]
    return values, is_complete


def _extremes(rows: Matrix) -> Matrix:
    """Return two of ``rows`` for each column: one with the column's minimum, one with its maximum.

    Equal rows are returned once. Of several rows with the minimum (or maximum) of a column, the lexicographically
    smallest is returned. The result has the shape (n, n_columns), with n at most 2 * n_columns.
    """
    if not len(rows):
        return rows
    extremes = []
    for feature in range(rows.shape[1]):
        for value in (rows[:, feature].min(), rows[:, feature].max()):
            tied = rows[rows[:, feature] == value]
            for column in range(rows.shape[1]):
                tied = tied[tied[:, column] == tied[:, column].min()]
            extremes.append(tied[0])
    return np.unique(np.stack(extremes), axis=0)


def _map_blocks(
    frame: DataFrame,
    n_features: int,
    work: Callable[[Iterator[_Block]], Iterator[list[bytes]]],
    names: list[str],
) -> list[tuple[bytes, ...]]:
    """Call ``work`` once per partition, with the blocks of the partition. Runs one Spark job.

    Parameters
    ----------
    frame : the DataFrame of a Blocks object
    n_features : number of coordinates of a point
    work : generator function: it gets the blocks of a partition, and yields rows, each a list of bytes
    names : names of the columns of these rows

    Returns
    -------
    list of tuples of bytes
        The rows of all partitions, in the order of the partitions.
    """

    def unpack(batches: Iterator[pa.RecordBatch]) -> Iterator[_Block]:
        for batch in batches:
            for row in range(batch.num_rows):
                values, classes = batch.column(0)[row].as_buffer(), batch.column(1)[row]
                rows = np.frombuffer(values, np.float32).reshape(-1, n_features)
                if len(rows):
                    codes = np.frombuffer(classes.as_buffer(), np.int32) if classes.is_valid else None
                    yield _Block(Points.of(rows), codes)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for row in work(unpack(batches)):
            yield pa.RecordBatch.from_arrays([pa.array([cell], pa.binary()) for cell in row], names=names)

    schema = ", ".join(f"{name} binary" for name in names)
    return [tuple(row) for row in frame.select("points", "classes").mapInArrow(run, schema).collect()]
