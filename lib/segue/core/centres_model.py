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
    """Make a KMeansModel with exactly the given centres, in the given order. Runs a few small Spark jobs.

    Parameters
    ----------
    spark : session of the model
    centres : shape (k, n_features), k >= 2, in the units of ``features_col``; finite, no two equal. Row i becomes the
        centre of the cluster with label i.
    features_col : name of the vector column read by the model
    prediction_col : name of the column of labels (int, 0 to k - 1) added by the model

    Returns
    -------
    KMeansModel
        A model that transforms and is saved like any other. Ignore its ``summary``, which describes a fit on the k
        centres instead of the data.

    Raises
    ------
    ClusteringError
        If the centres have another shape, are not finite, or two are equal; or if KMeans of this Spark version returns
        other centres.

    Notes
    -----
    pyspark.ml has no constructor that takes centres: a KMeansModel wraps an object of Spark's JVM, which only
    ``KMeans.fit`` and ``KMeansModel.load`` create. So KMeans is fitted on the centres themselves, as k rows in one
    partition, for one iteration. Its random start draws k of the k rows, which is all of them: each row is the only
    point of its own cluster, and the mean of one point is that point, bit for bit.

    The fitted model has the k rows in another order. The order depends on the seed and k alone, because the draw
    shuffles positions of rows by ``seed``. A first fit, on the numbers 0 to k - 1 as rows, reveals the order: position
    i of the model holds the number p[i]. For the second fit, centre i is put into row p[i], and comes out at position
    i.

    The alternative would be ``KMeansModel.load`` of files written here (JSON metadata, Parquet rows). Their format is
    private to Spark and changes between versions. Spark on several machines would also need a shared folder.
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
    """Raise ClusteringError if the centres have a wrong shape, are not finite, or two are equal."""
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
    """Return the order in which ``_fit_rows`` returns k rows as centres: ``(2, 0, 1)`` if centre 0 is row 2, and so on.

    The order depends on k alone, because the seed is fixed. The first call for a k runs a fit; later calls return the
    cached result.
    """
    if k not in _PERMUTATIONS:
        numbers = np.arange(k, dtype=np.float64)[:, None]
        returned = np.array(_fit_rows(spark, numbers, "features", "prediction").clusterCenters())
        if returned.shape != numbers.shape or not np.array_equal(np.sort(returned, axis=0), numbers):
            raise _unexpected(spark, numbers, returned)
        _PERMUTATIONS[k] = tuple(int(number) for number in returned[:, 0])
    return _PERMUTATIONS[k]


def _fit_rows(spark: SparkSession, rows: Matrix, features_col: str, prediction_col: str) -> KMeansModel:
    """Fit KMeans on k rows, shape (k, n_features), with k clusters: every row becomes a centre."""
    # a DataFrame made from Arrow needs no Python worker; to start one would take longer than the fit
    table = pa.table({"row": pa.array(rows.tolist(), type=pa.list_(pa.float64()))})
    # in several partitions, the order of the centres would depend on the partitions too
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
    """Return an error with the first difference between the given centres and the centres of the fitted model."""
    if given.shape != returned.shape:
        difference = f"of shape {returned.shape}, expected {given.shape}"
    else:
        row = int(np.flatnonzero((given != returned).any(axis=1))[0])
        difference = f"centre {row} is {returned[row].tolist()}, expected {given[row].tolist()}"
    return ClusteringError(
        f"Spark {spark.version} returns other centres than given: {difference}; use the Spark version of setup.py"
    )
