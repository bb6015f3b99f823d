"""Where the points of a grid are kept: in the driver's memory, or in blocks on the workers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.clustering.fused import kernel
from segue.clustering.fused.blocks import Blocks, matrix, pack, require_usable
from segue.clustering.fused.judge import Known, Verdict
from segue.clustering.fused.kernel import Matrix
from segue.clustering.fused.local import LocalPoints
from segue.errors import ClusteringError


class Data(Protocol):
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
        """Return what ``kernel.totals`` returns, of all points."""

    def judged(self, known: Sequence[Known]) -> list[Verdict]:
        """Return what ``judge.judged`` returns, of all points."""

    def release(self) -> None:
        """Give back the memory."""


def gather(
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
        return _collected(points, features, class_column)
    largest = bound if bound is not None else _largest(points, features)
    return pack(_array(features), points, class_column, kernel.exponent(largest))


def _array(features: str) -> Column:
    """Return a column of vectors as array<double>; nulls stay null, on which Spark's function alone would fail."""
    vector = F.col(features)
    return F.when(vector.isNotNull(), vector_to_array(vector))


def _collected(points: DataFrame, features: str, class_column: str | None) -> LocalPoints:
    given = F.col(class_column).cast("string") if class_column else F.lit(None).cast("string")
    table = points.select(_array(features).alias("point"), given.alias("class")).toArrow()
    rows, whole = matrix(table.column("point").combine_chunks())
    n = int((whole & np.isfinite(rows).all(axis=1)).sum())
    require_usable(n, len(rows) - n)
    codes, names = None, np.zeros(0)
    if class_column:
        encoded = table.column("class").combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        names = encoded.dictionary
    return LocalPoints(rows, codes, len(names), kernel.exponent(np.abs(rows).max(initial=0.0)))


def _largest(points: DataFrame, features: str) -> float:
    size = F.greatest(F.array_max("point"), -F.array_min("point"))
    found = points.select(_array(features).alias("point")).agg(F.max(size)).collect()[0][0]
    if found is None or not np.isfinite(found):
        raise ClusteringError(f"the largest value of {features} is {found}, wanted a finite number")
    return float(found)
