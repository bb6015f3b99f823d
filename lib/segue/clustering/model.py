"""A pyspark.ml PipelineModel made of a fitted scaler and given centres, and what it does in plain numbers."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import (
    ElementwiseProduct,
    ImputerModel,
    MinMaxScalerModel,
    RobustScalerModel,
    StandardScalerModel,
)
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segue.features import Space

Matrix = NDArray[np.float64]
PREDICTION = "prediction"
_ORDERS: dict[int, list[int]] = {}
"""What was learned of the order in which a fit on so many rows returns them."""


def in_order(sizes: NDArray[np.int64], centres: Matrix) -> list[int]:
    """Return the order in which clusters are numbered: the largest first, of equals the one with smaller centres."""
    return sorted(range(len(sizes)), key=lambda c: (-sizes[c], *centres[c].tolist()))


def with_centres(spark: SparkSession, preparation: PipelineModel, space: Space, centres: Matrix) -> PipelineModel:
    """Return the fitted stages with a KMeansModel behind them that has exactly these centres, in this order."""
    return PipelineModel([*preparation.stages, kmeans_model(spark, centres, space.output, PREDICTION)])


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


def scaler_numbers(preparation: PipelineModel) -> dict[str, object]:
    """Return the scaler's name and what it learned, a list per feature each."""
    scaler = next(s for s in preparation.stages if isinstance(s, _SCALERS))
    if isinstance(scaler, MinMaxScalerModel):
        name, learned = "minmax", {"minimum": scaler.originalMin, "maximum": scaler.originalMax}
    elif isinstance(scaler, StandardScalerModel):
        name, learned = "standard", {"mean": scaler.mean, "deviation": scaler.std}
    else:
        name, learned = "robust", {"median": scaler.median, "range": scaler.range}
    return {"name": name, **{what: vector.toArray().tolist() for what, vector in learned.items()}}


_SCALERS = (MinMaxScalerModel, StandardScalerModel, RobustScalerModel)


def imputed_numbers(preparation: PipelineModel, space: Space) -> dict[str, float]:
    """Return what the Imputer fills in for each feature; empty where there is no Imputer."""
    first = preparation.stages[0]
    if not isinstance(first, ImputerModel):
        return {}
    row = first.surrogateDF.collect()[0]
    return {name: float(row[name]) for name in space.columns}


def to_units(scaled: Matrix, preparation: PipelineModel, space: Space) -> Matrix:
    """Return points of the scaled space in the features' own units, shape (n_points, n_features)."""
    points = scaled.copy()
    weights = [stage for stage in preparation.stages if isinstance(stage, ElementwiseProduct)]
    if weights:
        points = points / weights[0].getScalingVec().toArray()
    numbers = {name: np.array(value) for name, value in scaler_numbers(preparation).items()}
    if "minimum" in numbers:
        spread = numbers["maximum"] - numbers["minimum"]
        # a constant feature scales to 0.5, and back to itself
        points = np.where(spread > 0, points * spread, 0.0) + numbers["minimum"]
    else:
        middle, width = (numbers[n] for n in (("mean", "deviation") if "mean" in numbers else ("median", "range")))
        points = points * width + middle
    for index, name in enumerate(space.columns):
        if name in space.log:
            points[:, index] = np.expm1(points[:, index])
    return points


def constant_features(preparation: PipelineModel, space: Space) -> list[str]:
    """Return the features in which all tracks are alike, as far as the scaler can tell."""
    numbers = scaler_numbers(preparation)
    if "minimum" in numbers:
        widths = np.array(numbers["maximum"]) - np.array(numbers["minimum"])
    else:
        widths = np.array(numbers.get("deviation", numbers.get("range")))
    return [name for name, width in zip(space.columns, widths, strict=True) if width == 0]
