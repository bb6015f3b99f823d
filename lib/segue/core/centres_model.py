"""A pyspark.ml PipelineModel made of a fitted scaler and given centres, and what it does in plain numbers."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

Matrix = NDArray[np.float64]
_ORDERS: dict[int, list[int]] = {}
"""What was learned of the order in which a fit on so many rows returns them."""


def kmeans_model(spark: SparkSession, centres: Matrix, features: str, prediction: str) -> KMeansModel:
    """Return a KMeansModel that has exactly these centres, all different, in this order.

    pyspark.ml has no way to say that, but a KMeans of one iteration over the centres themselves finds them,
    in an order that depends on its seed and their number alone; a first fit on 0, 1, … tells which.
    """
    if len(centres) not in _ORDERS:
        numbers = np.arange(len(centres), dtype=float)[:, None]
        returned = _fit_rows(spark, numbers, features, prediction).clusterCenters()
        _ORDERS[len(centres)] = [int(centre[0]) for centre in returned]
    order = _ORDERS[len(centres)]
    rows = np.empty_like(centres)
    rows[order] = centres
    found = _fit_rows(spark, rows, features, prediction)
    if not np.array_equal(np.array(found.clusterCenters()), centres):
        raise RuntimeError("the KMeansModel does not have the centres it was given")
    return found


def _fit_rows(spark: SparkSession, rows: Matrix, features: str, prediction: str) -> KMeansModel:
    # from Arrow the rows need no Python worker, whose start takes longer than the fit
    arrays = pa.table({"row": pa.array(rows.tolist(), type=pa.list_(pa.float64()))})
    frame = spark.createDataFrame(arrays).select(array_to_vector(F.col("row")).alias(features)).coalesce(1)
    means = KMeans(
        k=len(rows),
        featuresCol=features,
        predictionCol=prediction,
        initMode="random",
        maxIter=1,
        solver="row",
        seed=1,
    )
    return means.fit(frame)
