"""Load points into the driver's memory, or pack them on the executors if they are many; draw samples of points."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from segue.errors import ClusteringError
from segue.kmeans_grid import kernel, scoring
from segue.kmeans_grid.blocks import Blocks, matrix_with_mask, pack, require_valid_points
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.scoring import CentreStats, ScoreSums


class PointSet(Protocol):
    """All points to be clustered, scaled into [-1, 1]. Implemented by LocalPoints (driver) and Blocks (executors).

    Attributes
    ----------
    bits : number of fractional bits of rounded coordinates, which are multiples of 2^-bits. Blocks hold rounded points;
        LocalPoints rounds them only for ``sample`` and ``square_sum``
    exponent : the original points were multiplied by 2^exponent
    n_features : number of coordinates of a point
    square_sum : sum of the squared lengths of all points
    n_classes : number of classes (known categories, such as genres); 0 if there are none
    """

    @property
    def bits(self) -> int: ...
    @property
    def exponent(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def square_sum(self) -> float: ...
    @property
    def n_classes(self) -> int: ...
    def __len__(self) -> int: ...
    def centre_sums(self, centre_sets: Sequence[Matrix]) -> list[Matrix]:
        """Sum the points nearest to each centre, for several sets of centres.

        Returns an array of shape (k, n_features + 2) for each array of k centres in ``centre_sets``. A row has the sum
        of the points nearest to a centre, their number, and the sum of their squared lengths.
        """

    def score_sums(self, stats: Sequence[CentreStats]) -> list[ScoreSums]:
        """Sum silhouettes and distances to the cluster mean, for every cluster of every k.

        ``stats`` has one CentreStats per k. Returns one ScoreSums per k, in the same order. A ScoreSums also has the
        number of points by cluster and class (a known category, such as a genre).
        """

    def release(self) -> None:
        """Unpersist the DataFrame of the points, if there is one."""


class LocalPoints:
    """All points to be clustered, in the driver's memory, scaled into [-1, 1].

    The attribute ``sample`` has the same points, rounded to multiples of 2^-bits, for the search of centres.
    ``centre_sums`` and ``score_sums`` use points that are not rounded. The points are shuffled. Their new order depends
    only on their values and number, so the order of ``rows`` does not affect the result.

    Parameters
    ----------
    rows : original points, shape (n_points, n_features)
    classes : index of each point's class (known category, such as its genre), shape (n_points,), or None
        -1 for points without a class. None if there are no classes.
    n_classes : number of classes
    exponent : the points are multiplied by 2^exponent; then no absolute value may exceed 1
    """

    def __init__(self, rows: Matrix, classes: NDArray[np.int32] | None, n_classes: int, exponent: int) -> None:
        self.n_features = rows.shape[1]
        self.exponent = exponent
        self.bits = kernel.fixed_point_bits(self.n_features)
        scaled = np.ldexp(rows, exponent)
        # sorted by coordinates first; classes decide only the order of points with equal coordinates
        order = np.lexsort((classes if classes is not None else np.zeros(len(rows)), *scaled.T))
        order = np.random.Generator(np.random.PCG64(len(rows))).permutation(order)
        self._scaled = Points.of(scaled[order])
        self._classes = classes[order] if classes is not None else None
        self.n_classes = n_classes
        self.sample = Points.of(kernel.round_to_fixed_point(scaled[order], self.bits))

    @property
    def square_sum(self) -> float:
        """Sum of the squared lengths of all points, with coordinates rounded to multiples of 2^-bits."""
        return sum(kernel.square_parts(self.sample.rows, self.bits))

    def __len__(self) -> int:
        return len(self._scaled)

    def release(self) -> None:
        """Do nothing: points in the driver's memory have no DataFrame to unpersist."""

    def centre_sums(self, centre_sets: Sequence[Matrix]) -> list[Matrix]:
        """Sum the points nearest to each centre, for several sets of centres.

        Returns an array of shape (k, n_features + 2) for each array of k centres in ``centre_sets``. A row has the sum
        of the points nearest to a centre, their number, and the sum of their squared lengths.
        """
        with threadpool_limits(limits=1):
            return kernel.centre_sums(self._scaled, centre_sets)

    def score_sums(self, stats: Sequence[CentreStats]) -> list[ScoreSums]:
        """Sum silhouettes and distances to the cluster mean, for every cluster of every k.

        ``stats`` has one CentreStats per k. Returns one ScoreSums per k, in the same order. A ScoreSums also has the
        number of points by cluster and class (a known category, such as a genre).
        """
        with threadpool_limits(limits=1):
            return scoring.score_sums(self._scaled, self._classes, self.n_classes, stats)


def load_points(
    points: DataFrame,
    *,
    features: str,
    class_column: str | None,
    max_local: int,
    n_points: int | None = None,
    bound: float | None = None,
) -> LocalPoints | Blocks:
    """Load points to the driver or, above ``max_local`` points, pack them on executors. Runs one to four Spark jobs.

    Parameters
    ----------
    points : DataFrame with the column ``features`` and, unless None, the column ``class_column``
    features : name of a vector column, shape (n_features,)
    class_column : name of a column with the known class of each row, such as its genre, or null; None for no classes
    max_local : maximum number of points to load to the driver
    n_points : number of rows, if known; saves a Spark job
    bound : upper bound of the absolute values of all coordinates, if known; saves a Spark job if the points are packed

    Returns
    -------
    LocalPoints or Blocks
        LocalPoints if there are at most ``max_local`` points. Call the method ``release`` after use.

    Raises
    ------
    ClusteringError
        If there is no point, if a value is missing or not finite, or if points differ in their number of coordinates.
    """
    if (points.count() if n_points is None else n_points) <= max_local:
        return _load_local(points, features, class_column)
    max_abs = bound if bound is not None else _max_abs(points, features)
    return pack(_array(features), points, class_column, kernel.exponent(max_abs))


def _array(features: str) -> Column:
    """Return a Column with the vectors of column ``features`` as array<double>, null where the vector is null.

    ``vector_to_array`` alone would fail on null.
    """
    vector = F.col(features)
    return F.when(vector.isNotNull(), vector_to_array(vector))


def _load_local(points: DataFrame, features: str, class_column: str | None) -> LocalPoints:
    """Load points to the driver as LocalPoints. Runs one Spark job.

    Raises ClusteringError if there is no point, or if a value is missing or not finite.
    """
    class_text = F.col(class_column).cast("string") if class_column else F.lit(None).cast("string")
    table = points.select(_array(features).alias("point"), class_text.alias("class")).toArrow()
    rows, is_complete = matrix_with_mask(table.column("point").combine_chunks())
    n_valid = int((is_complete & np.isfinite(rows).all(axis=1)).sum())
    require_valid_points(n_valid, len(rows) - n_valid)
    codes, n_classes = None, 0
    if class_column:
        encoded = table.column("class").combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        n_classes = len(encoded.dictionary)
    return LocalPoints(rows, codes, n_classes, kernel.exponent(np.abs(rows).max(initial=0.0)))


def _max_abs(points: DataFrame, features: str) -> float:
    """Return the largest absolute value in a vector column. Runs one Spark job.

    Raises ClusteringError if that value is not finite, or if there is no value.
    """
    max_abs = F.greatest(F.array_max("point"), -F.array_min("point"))
    value = points.select(_array(features).alias("point")).agg(F.max(max_abs)).collect()[0][0]
    if value is None or not np.isfinite(value):
        raise ClusteringError(f"the largest value of {features} is {value}, expected a finite number")
    return float(value)


_HASHES = 2.0**64
"""Number of different values of ``xxhash64``."""


def draw_sample(point: Column, points: DataFrame, blocks: Blocks, id_column: str | None, size: int) -> Points:
    """Draw a sample of about ``size`` points by a hash, and add ``blocks.extremes``. Runs one Spark job.

    With ids, a point is drawn if the hash of its id is below a threshold. Without ids, equal points are grouped, which
    needs a shuffle. Of each group the fraction ``size`` / number of all points is drawn, rounded up or down by a hash.

    The weight of a drawn point is the number of all points divided by ``size``, rounded. Without ids, equal points
    become one point with the sum of their weights. Points of ``blocks.extremes`` that were not drawn are added with
    weight 1, because each may be a cluster of its own.

    Parameters
    ----------
    point : Column of array<double>, shape (n_features,)
    points : the DataFrame from which ``blocks`` were packed
    blocks : the same points, packed
    id_column : name of the column with a unique id of each row, or None
    size : expected number of points drawn

    Returns
    -------
    Points
        Weighted and shuffled. Coordinates are multiples of 2^-bits in [-1, 1].
    """
    share = size / len(blocks)
    if id_column:
        threshold = int(-(2**63) + share * _HASHES)
        rows = points.where(F.xxhash64(id_column) < F.lit(threshold)).select(point.alias("point"), F.lit(1).alias("n"))
    else:
        counted = points.groupBy(point.alias("point")).count()
        uniform = (F.xxhash64("point").cast("double") + 2.0**63) / _HASHES
        rows = counted.select("point", F.floor(F.col("count") * share + uniform).alias("n")).where("n > 0")
    table = rows.toArrow()
    weights = table.column("n").to_numpy() * max(1, round(1 / share))
    return _points(_matrix(table, blocks.n_features), weights, blocks)


def distinct_points(point: Column, points: DataFrame, blocks: Blocks, max_points: int) -> tuple[Points, int]:
    """Return up to ``max_points`` distinct points, and the number of all distinct points. Runs two Spark jobs.

    Points are compared after scaling into [-1, 1] and rounding to multiples of 2^-bits.

    Parameters
    ----------
    point : Column of array<double>, shape (n_features,)
    points : the DataFrame from which ``blocks`` were packed
    blocks : the same points, packed
    max_points : maximum number of points returned, besides ``blocks.extremes``

    Returns
    -------
    Points
        Distinct points, each weighted by its number of copies, scaled, rounded and shuffled. Of more than
        ``max_points`` distinct points, those with the smallest hashes are returned. Points of ``blocks.extremes`` that
        are not among them are added with weight 1.
    int
        The number of all distinct points.
    """
    exponent, bits = blocks.exponent, blocks.bits
    on_grid = F.transform(point, lambda x: F.rint(x * 2.0 ** (exponent + bits)))
    counted = points.groupBy(on_grid.alias("point")).count().persist()
    try:
        n_distinct = counted.count()
        table = counted.orderBy(F.xxhash64("point"), "point").limit(max_points).toArrow()
    finally:
        counted.unpersist()
    values = np.ldexp(_matrix(table, blocks.n_features), -bits - exponent)
    return _points(values, table.column("count").to_numpy(), blocks), n_distinct


def _matrix(table: pa.Table, n_features: int) -> Matrix:
    """Return the column ``point`` of ``table`` (lists of numbers) as an array of shape (n_rows, ``n_features``)."""
    flat: Matrix = table.column("point").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, n_features)


def _points(values: Matrix, weights: Matrix, blocks: Blocks) -> Points:
    """Scale points into [-1, 1], round them to multiples of 2^-bits, shuffle them, and add ``blocks.extremes``.

    The added points come first, with weight 1; an extreme point that is among ``values`` is not added. The order of the
    other points depends only on their values, weights and number.

    Parameters
    ----------
    values : original points, shape (n, n_features)
    weights : weight of each point, shape (n,)
    blocks : provides ``exponent``, ``bits`` and ``extremes``
    """
    rows = kernel.round_to_fixed_point(np.ldexp(values, blocks.exponent), blocks.bits)
    order = np.lexsort((weights, *rows.T))
    order = np.random.Generator(np.random.PCG64(len(rows))).permutation(order)
    rows, weights = rows[order], weights[order].astype(np.float64)
    sampled = {row.tobytes() for row in rows}
    added = [row for row in blocks.extremes if row.tobytes() not in sampled]
    if added:
        rows, weights = np.concatenate([np.stack(added), rows]), np.concatenate([np.ones(len(added)), weights])
    return Points.of(rows, weights)
