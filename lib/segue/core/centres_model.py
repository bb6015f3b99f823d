"""Make a pyspark.ml KMeansModel from given centres."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

Matrix = NDArray[np.float64]
_ORDERS: dict[int, list[int]] = {}
"""By the number of rows: the order in which a fit with as many clusters returns the rows as centres."""


def kmeans_model(spark: SparkSession, centres: Matrix, features: str, prediction: str) -> KMeansModel:
    """Return a KMeansModel with exactly these centres, in this order. Runs a fit or two on k rows.

    pyspark.ml has no constructor for it. One iteration of KMeans on the centres themselves returns them, in an order
    that depends on the seed and their number alone; a first fit on the rows 0, 1, …, k - 1 reveals that order.

    Parameters
    ----------
    spark : session
    centres : shape (k, n_features), all different
    features, prediction : column names of the model

    Raises
    ------
    RuntimeError
        If the fit returns other centres.
    """
    if len(centres) not in _ORDERS:
        numbers = np.arange(len(centres), dtype=float)[:, None]
        returned = _fit_rows(spark, numbers, features, prediction).clusterCenters()
        _ORDERS[len(centres)] = [int(centre[0]) for centre in returned]
    order = _ORDERS[len(centres)]
    rows = np.empty_like(centres)
    rows[order] = centres
    model = _fit_rows(spark, rows, features, prediction)
    if not np.array_equal(np.array(model.clusterCenters()), centres):
        raise RuntimeError("the KMeansModel does not have the centres it was given")
    return model


def _fit_rows(spark: SparkSession, rows: Matrix, features: str, prediction: str) -> KMeansModel:
    # rows from Arrow need no Python worker, whose start takes longer than the fit
    arrays = pa.table({"row": pa.array(rows.tolist(), type=pa.list_(pa.float64()))})
    frame = spark.createDataFrame(arrays).select(array_to_vector(F.col("row")).alias(features)).coalesce(1)
    kmeans = KMeans(
        k=len(rows),
        featuresCol=features,
        predictionCol=prediction,
        initMode="random",
        maxIter=1,
        solver="row",
        seed=1,
    )
    return kmeans.fit(frame)
