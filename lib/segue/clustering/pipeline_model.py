"""A pyspark.ml PipelineModel made of a fitted scaler and given centres, and what it does in plain numbers."""

import numpy as np
from numpy.typing import NDArray
from pyspark.ml import PipelineModel
from pyspark.ml.feature import (
    ElementwiseProduct,
    ImputerModel,
    MinMaxScalerModel,
    RobustScalerModel,
    StandardScalerModel,
)
from pyspark.sql import SparkSession

from segue.clustering.feature_space import FeatureSpace
from segue.core.centres_model import Matrix, kmeans_model_from_centres

PREDICTION = "prediction"


def cluster_order(sizes: NDArray[np.int64], centres: Matrix) -> list[int]:
    """Return the order in which clusters are numbered: the largest first, of equals the one with smaller centres."""
    return sorted(range(len(sizes)), key=lambda c: (-sizes[c], *centres[c].tolist()))


def pipeline_with_centres(
    spark: SparkSession, preparation: PipelineModel, space: FeatureSpace, centres: Matrix
) -> PipelineModel:
    """Return the fitted stages with a KMeansModel behind them that has exactly these centres, in this order."""
    return PipelineModel(
        [
            *preparation.stages,
            kmeans_model_from_centres(spark, centres, features_col=space.output, prediction_col=PREDICTION),
        ]
    )


def scaler_parameters(preparation: PipelineModel) -> dict[str, object]:
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


def imputed_values(preparation: PipelineModel, space: FeatureSpace) -> dict[str, float]:
    """Return what the Imputer fills in for each feature; empty where there is no Imputer."""
    first = preparation.stages[0]
    if not isinstance(first, ImputerModel):
        return {}
    row = first.surrogateDF.collect()[0]
    return {name: float(row[name]) for name in space.columns}


def to_original_units(scaled: Matrix, preparation: PipelineModel, space: FeatureSpace) -> Matrix:
    """Return points of the scaled space in the features' own units, shape (n_points, n_features)."""
    points = scaled.copy()
    weights = [stage for stage in preparation.stages if isinstance(stage, ElementwiseProduct)]
    if weights:
        points = points / weights[0].getScalingVec().toArray()
    numbers = {name: np.array(value) for name, value in scaler_parameters(preparation).items()}
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


def constant_features(preparation: PipelineModel, space: FeatureSpace) -> list[str]:
    """Return the features in which all tracks are alike, as far as the scaler can tell."""
    numbers = scaler_parameters(preparation)
    if "minimum" in numbers:
        widths = np.array(numbers["maximum"]) - np.array(numbers["minimum"])
    else:
        widths = np.array(numbers.get("deviation", numbers.get("range")))
    return [name for name, width in zip(space.columns, widths, strict=True) if width == 0]
