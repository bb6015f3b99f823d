"""Few points: all of them in the driver's memory."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
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


class LocalPoints:
    """Points to be clustered: on the grid for the search (``sample``), as they are for sums and scores."""

    def __init__(self, rows: Matrix, classes: NDArray[np.int32] | None, n_classes: int, exponent: int) -> None:
        self.n_features = rows.shape[1]
        self.exponent = exponent
        self.bits = kernel.grid_bits(self.n_features)
        scaled = np.ldexp(rows, exponent)
        # an order that the points alone decide, and that has no meaning; classes only tell equal points apart
        order = np.lexsort((classes if classes is not None else np.zeros(len(rows)), *scaled.T))
        order = np.random.Generator(np.random.PCG64(len(rows))).permutation(order)
        self._exact = Points.of(scaled[order])
        self._classes = classes[order] if classes is not None else None
        self.n_classes = n_classes
        self.sample = Points.of(kernel.round_to_grid(scaled[order], self.bits))

    @property
    def squares(self) -> float:
        """The sum of the squared lengths of all points on the grid."""
        return sum(kernel.square_parts(self.sample.rows, self.bits))

    def __len__(self) -> int:
        return len(self._exact)

    def release(self) -> None:
        """Do nothing: the memory goes with the object."""

    def totals(self, sets: Sequence[Matrix]) -> list[Matrix]:
        """Return what ``kernel.centre_sums`` returns, of all points."""
        with threadpool_limits(limits=1):
            return kernel.centre_sums(self._exact, sets)

    def judged(self, known: Sequence[CentreStats]) -> list[ScoreSums]:
        """Return what ``scoring.score_sums`` returns, of all points."""
        with threadpool_limits(limits=1):
            return scoring.score_sums(self._exact, self._classes, self.n_classes, known)


class PointSet(Protocol):
    """All points, scaled by 2^exponent into [-1, 1], wherever they are."""

    @property
    def bits(self) -> int: ...
    @property
    def exponent(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def squares(self) -> float: ...
    @property
    def n_classes(self) -> int: ...
    def __len__(self) -> int: ...
    def totals(self, sets: Sequence[Matrix]) -> list[Matrix]:
        """Return what ``kernel.centre_sums`` returns, of all points."""

    def judged(self, known: Sequence[CentreStats]) -> list[ScoreSums]:
        """Return what ``scoring.score_sums`` returns, of all points."""

    def release(self) -> None:
        """Give back the memory."""


def load_points(
    points: DataFrame,
    *,
    features: str,
    class_column: str | None,
    most: int,
    n_points: int | None = None,
    bound: float | None = None,
) -> LocalPoints | Blocks:
    """Return the points: those of a small frame on the driver, those of a larger one packed. Runs Spark jobs.

    Parameters
    ----------
    points : with ``features`` (vector, shape (n_features,)) and the class column, if any (may be null)
    most : points that go to the driver
    n_points, bound : how many there are, and the largest size of any value, if known; each saves a pass

    Raises
    ------
    ClusteringError
        If a value is missing or no finite number.
    """
    if (points.count() if n_points is None else n_points) <= most:
        return _load_local(points, features, class_column)
    largest = bound if bound is not None else _max_abs(points, features)
    return pack(_array(features), points, class_column, kernel.exponent(largest))


def _array(features: str) -> Column:
    """Return a column of vectors as array<double>; nulls stay null, on which Spark's function alone would fail."""
    vector = F.col(features)
    return F.when(vector.isNotNull(), vector_to_array(vector))


def _load_local(points: DataFrame, features: str, class_column: str | None) -> LocalPoints:
    given = F.col(class_column).cast("string") if class_column else F.lit(None).cast("string")
    table = points.select(_array(features).alias("point"), given.alias("class")).toArrow()
    rows, whole = matrix_with_mask(table.column("point").combine_chunks())
    n = int((whole & np.isfinite(rows).all(axis=1)).sum())
    require_valid_points(n, len(rows) - n)
    codes, names = None, np.zeros(0)
    if class_column:
        encoded = table.column("class").combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        names = encoded.dictionary
    return LocalPoints(rows, codes, len(names), kernel.exponent(np.abs(rows).max(initial=0.0)))


def _max_abs(points: DataFrame, features: str) -> float:
    size = F.greatest(F.array_max("point"), -F.array_min("point"))
    found = points.select(_array(features).alias("point")).agg(F.max(size)).collect()[0][0]
    if found is None or not np.isfinite(found):
        raise ClusteringError(f"the largest value of {features} is {found}, wanted a finite number")
    return float(found)
