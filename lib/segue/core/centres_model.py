"""Make a pyspark.ml KMeansModel from given centres."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segue.errors import ClusteringError

Matrix = NDArray[np.float64]


def kmeans_model_from_centres(
    spark: SparkSession, centres: Matrix, *, features_col: str, prediction_col: str
) -> KMeansModel:
    """Return a KMeansModel with exactly these centres, in this order. Runs a few small Spark jobs.

    Parameters
    ----------
    spark : session that the model belongs to
    centres : shape (k, n_features), in the units of ``features_col``, all finite and different, k >= 2; centre i
        becomes the cluster with label i
    features_col : column of vectors that the model reads
    prediction_col : column of labels (int, 0 to k - 1) that the model adds

    Returns
    -------
    KMeansModel
        It transforms and is saved like any other KMeansModel. Its ``summary`` describes the fit on the centres, and
        says nothing about the data that the centres come from.

    Raises
    ------
    ClusteringError
        If the centres have another shape, are not finite or not all different, or if this Spark version returns other
        centres than given.

    Notes
    -----
    pyspark.ml has no constructor for this: a KMeansModel wraps an object of Spark's JVM, which only ``KMeans.fit`` and
    ``KMeansModel.load`` create. So KMeans is fitted on the centres themselves, as k rows in one partition, for one
    iteration. Its random start draws k of the k rows, which is all of them: each row is the only point of its own
    cluster, and the mean of one point is that point, bit for bit.

    The fitted model has the rows in another order. The draw shuffles row positions by ``seed`` and does not depend on
    values, so this order is a permutation that depends on the seed and k alone. A first fit on the rows 0, 1, …, k - 1
    returns this permutation p. In the second fit, row p[i] holds centre i, so the model has centre i at position i.

    ``KMeansModel.load`` of a hand-written directory (JSON metadata, Parquet rows) is not used: the file format belongs
    to Spark, is no public interface and changes between versions, and a cluster needs a folder that all machines share.
    """
    centres = np.asarray(centres, dtype=np.float64)
    _require_valid(centres)
    rows = np.empty_like(centres)
    rows[list(_permutation(spark, len(centres)))] = centres
    model = _fit_rows(spark, rows, features_col, prediction_col)
    returned = np.array(model.clusterCenters())
    if not np.array_equal(returned, centres):
        raise _unexpected(spark, centres, returned)
    return model


def _require_valid(centres: Matrix) -> None:
    if centres.ndim != 2 or len(centres) < 2 or not centres.shape[1]:
        raise ClusteringError(
            f"the centres have shape {centres.shape}, expected (k, n_features) with k >= 2; pass one row per cluster"
        )
    if not np.isfinite(centres).all():
        raise ClusteringError(
            f"{(~np.isfinite(centres)).sum()} values of the centres are not finite, expected none; "
            "remove NaN and infinite values"
        )
    n_distinct = len(np.unique(centres, axis=0))
    if n_distinct < len(centres):
        raise ClusteringError(
            f"{n_distinct} of {len(centres)} centres are distinct, expected all; remove the identical ones"
        )


_PERMUTATIONS: dict[int, tuple[int, ...]] = {}


def _permutation(spark: SparkSession, k: int) -> tuple[int, ...]:
    """Return the order in which KMeans draws k rows, a tuple: centre i of the fit is row ``result[i]``.

    The order depends on k alone, as the seed is fixed. It is cached: only the first call for a k runs a fit.
    """
    if k not in _PERMUTATIONS:
        numbers = np.arange(k, dtype=np.float64)[:, None]
        returned = np.array(_fit_rows(spark, numbers, "features", "prediction").clusterCenters())
        if returned.shape != numbers.shape or not np.array_equal(np.sort(returned, axis=0), numbers):
            raise _unexpected(spark, numbers, returned)
        _PERMUTATIONS[k] = tuple(int(number) for number in returned[:, 0])
    return _PERMUTATIONS[k]


def _fit_rows(spark: SparkSession, rows: Matrix, features_col: str, prediction_col: str) -> KMeansModel:
    # rows from Arrow need no Python worker, whose start takes longer than the fit
    table = pa.table({"row": pa.array(rows.tolist(), type=pa.list_(pa.float64()))})
    # one partition: the draw depends on how the rows are split
    points = spark.createDataFrame(table).select(array_to_vector(F.col("row")).alias(features_col)).coalesce(1)
    kmeans = KMeans(
        k=len(rows),
        featuresCol=features_col,
        predictionCol=prediction_col,
        initMode="random",
        maxIter=1,
        solver="row",
        seed=1,
    )
    return kmeans.fit(points)


def _unexpected(spark: SparkSession, given: Matrix, returned: Matrix) -> ClusteringError:
    if given.shape != returned.shape:
        difference = f"of shape {returned.shape}, expected {given.shape}"
    else:
        row = int(np.flatnonzero((given != returned).any(axis=1))[0])
        difference = f"centre {row} is {returned[row].tolist()}, expected {given[row].tolist()}"
    return ClusteringError(
        f"Spark {spark.version} returns other centres than given: {difference}; use the Spark version of setup.py"
    )
