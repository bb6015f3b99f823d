"""Build the PipelineModel of a fitted scaler and given centres, and read the parameters of its stages."""

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
_SCALERS = (MinMaxScalerModel, StandardScalerModel, RobustScalerModel)


def cluster_order(sizes: NDArray[np.int64], centres: Matrix) -> list[int]:
    """Return the indices of clusters in numbering order: by size, largest first, then by centre coordinates.

    Parameters
    ----------
    sizes : shape (k,)
    centres : shape (k, n_features)
    """
    return sorted(range(len(sizes)), key=lambda c: (-sizes[c], *centres[c].tolist()))


def pipeline_with_centres(
    spark: SparkSession, preparation: PipelineModel, space: FeatureSpace, centres: Matrix
) -> PipelineModel:
    """Return the fitted stages followed by a KMeansModel with exactly these centres, in this order. Runs Spark jobs.

    Parameters
    ----------
    preparation : fitted stages of ``space``
    centres : shape (k, n_features), scaled units, no two equal
    """
    model = kmeans_model_from_centres(spark, centres, features_col=space.output, prediction_col=PREDICTION)
    return PipelineModel([*preparation.stages, model])


def scaler_parameters(preparation: PipelineModel) -> dict[str, object]:
    """Return the scaler's ``name`` and its fitted parameters by name, each a list with one number per feature."""
    scaler = next(stage for stage in preparation.stages if isinstance(stage, _SCALERS))
    if isinstance(scaler, MinMaxScalerModel):
        name, vectors = "minmax", {"minimum": scaler.originalMin, "maximum": scaler.originalMax}
    elif isinstance(scaler, StandardScalerModel):
        name, vectors = "standard", {"mean": scaler.mean, "deviation": scaler.std}
    else:
        name, vectors = "robust", {"median": scaler.median, "range": scaler.range}
    return {"name": name, **{parameter: vector.toArray().tolist() for parameter, vector in vectors.items()}}


def imputed_values(preparation: PipelineModel, space: FeatureSpace) -> dict[str, float]:
    """Return the value that the Imputer fills in for each feature, empty without an Imputer. Runs one Spark job."""
    first = preparation.stages[0]
    if not isinstance(first, ImputerModel):
        return {}
    row = first.surrogateDF.collect()[0]
    return {name: float(row[name]) for name in space.columns}


def to_original_units(scaled: Matrix, preparation: PipelineModel, space: FeatureSpace) -> Matrix:
    """Return points of the scaled space in the units of the features: the inverse of the fitted stages.

    Parameters
    ----------
    scaled : shape (n_points, n_features)
    preparation : fitted stages of ``space``

    Returns
    -------
    array of shape (n_points, n_features)
        A feature that is constant in training has its constant value.
    """
    points: Matrix = scaled.copy()
    weights = [stage for stage in preparation.stages if isinstance(stage, ElementwiseProduct)]
    if weights:
        points = points / weights[0].getScalingVec().toArray()
    offset, width = _offset_and_width(preparation)
    # a constant feature is 0.5 in minmax space, whose offset is the feature's minimum
    points = np.where(width > 0, points * width, 0.0) + offset
    for index, name in enumerate(space.columns):
        if name in space.log:
            points[:, index] = np.expm1(points[:, index])
    return points


def constant_features(preparation: PipelineModel, space: FeatureSpace) -> list[str]:
    """Return the features that the scaler found constant: by range, standard deviation or interquartile range."""
    _, widths = _offset_and_width(preparation)
    return [name for name, width in zip(space.columns, widths, strict=True) if width == 0]


def _offset_and_width(preparation: PipelineModel) -> tuple[Matrix, Matrix]:
    """Return what the scaler subtracts from each feature, and what it divides each by, shape (n_features,) each."""
    name, *parameters = scaler_parameters(preparation).values()
    first, second = np.array(parameters[0]), np.array(parameters[1])
    return (first, second - first) if name == "minmax" else (first, second)
