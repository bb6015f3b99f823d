"""Define the feature space for clustering, its pyspark.ml stages, and the PipelineModel of stages and centres."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.base import Estimator
from pyspark.ml.feature import (
    ElementwiseProduct,
    Imputer,
    ImputerModel,
    MinMaxScaler,
    MinMaxScalerModel,
    RobustScaler,
    RobustScalerModel,
    SQLTransformer,
    StandardScaler,
    StandardScalerModel,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

from segue.clustering.discriminants import Discriminants
from segue.core.centres_model import Matrix, kmeans_model_from_centres

ASSEMBLED, SCALED, WEIGHTED = "features", "features_scaled", "features_weighted"
Stage: TypeAlias = "Estimator[Any] | Transformer"


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """Names of features, and the transformations from features to points.

    The order is: median imputation, logarithm, scaler, weights. A guided space also has discriminants: linear functions
    of the features after the logarithm, learned by ``guide.fit_guide``. The scaler then applies to the discriminants,
    and ``Discriminants.weights`` replace ``weights``.
    """

    columns: tuple[str, ...]
    """Names of the features."""
    scaler: str = "minmax"
    """``minmax``, ``standard`` or ``robust``."""
    impute: bool = False
    """Whether missing values are replaced by the feature's median."""
    log: tuple[str, ...] = ()
    """Features to replace by ln(1 + value)."""
    weights: dict[str, float] = field(default_factory=dict)
    """Factor of each scaled feature, by name; 1 for features that are not listed."""
    log_offsets: dict[str, float] = field(default_factory=dict)
    """Features to replace by ln(value + offset), with the offset in the feature's unit: ``{"duration_s": 1.0}``."""
    optional: tuple[str, ...] = ()
    """Features to impute by the median even if ``impute`` is False."""
    guide: str | None = None
    """``genre`` for a guided space: its discriminants separate the genres. None for all other spaces."""
    discriminants: Discriminants | None = None
    """The learned discriminants of a guided space; None before ``guide.fit_guide``, or if ``guide`` is None."""

    @property
    def name(self) -> str:
        """A one-line text that identifies the space, such as "minmax: bpm, 2*energy, log1p(speechiness)".

        The text is stored in the column ``space`` of the table ``k_scores``.
        """
        logs = {c: f"log1p({c})" for c in self.log}
        logs |= {c: f"ln({c} + {offset:g})" if offset else f"ln({c})" for c, offset in self.log_offsets.items()}
        parts = [logs.get(c, c) for c in self.columns]
        weighted = [
            f"{self.weights[c]:g}*{part}" if c in self.weights else part
            for c, part in zip(self.columns, parts, strict=True)
        ]
        supervised = f"guided by {self.guide} (supervised), " if self.guide else ""
        some = f" ({', '.join(self.imputed)}: median where missing)" if self.imputed else ""
        imputed = " (median where missing)" if self.impute else some
        return f"{supervised}{self.scaler}: {', '.join(weighted)}{imputed}"

    @property
    def imputed(self) -> tuple[str, ...]:
        """Names of the features to impute: the median replaces missing values."""
        return self.columns if self.impute else tuple(name for name in self.columns if name in self.optional)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of a point's coordinates: of the discriminants or, without discriminants, of the features."""
        return self.discriminants.names if self.discriminants else self.columns

    @property
    def factors(self) -> dict[str, float]:
        """Factors that multiply scaled coordinates, by name. A coordinate missing from the dict has the factor 1."""
        if self.discriminants:
            return dict(zip(self.discriminants.names, self.discriminants.weights.tolist(), strict=True))
        return self.weights

    @property
    def bound(self) -> float | None:
        """Upper bound of the absolute value of every coordinate of the training tracks, after scaler and weights.

        None for the scalers ``standard`` and ``robust``: their values have no bound.
        """
        return max(1.0, *self.factors.values(), 0.0) if self.scaler == "minmax" else None

    @property
    def is_order_independent(self) -> bool:
        """Whether fitting the stages gives the same bits for any order of the tracks.

        Minimum and maximum do not depend on the order. Approximate quantiles and floating-point sums do.
        """
        return self.scaler == "minmax" and not self.imputed and self.guide is None

    @property
    def output(self) -> str:
        """Name of the vector column written by the last stage."""
        return WEIGHTED if self.factors else SCALED


def preparation_stages(space: FeatureSpace) -> list[Stage]:
    """Return unfitted pyspark.ml stages; they compute the vector column ``space.output`` from the feature columns.

    The vector has one number per feature or, with discriminants, per discriminant. All stages are classes of
    pyspark.ml, so a saved pipeline loads without segue.
    """
    stages, columns = _value_stages(space)
    if space.discriminants:
        named = zip(space.discriminants.expressions(columns), space.coordinates, strict=True)
        stages.append(_with_columns([f"{expression} AS `{name}`" for expression, name in named]))
        columns = list(space.coordinates)
    stages.append(VectorAssembler(inputCols=columns, outputCol=ASSEMBLED))
    stages.append(_scaler(space.scaler))
    if space.factors:
        weights = Vectors.dense([space.factors.get(name, 1.0) for name in space.coordinates])
        stages.append(ElementwiseProduct(scalingVec=weights, inputCol=SCALED, outputCol=WEIGHTED))
    return stages


def _value_stages(space: FeatureSpace) -> tuple[list[Stage], list[str]]:
    """Return the stages that impute and take logarithms, and the names of the resulting columns, one per feature."""
    columns = dict(zip(space.columns, space.columns, strict=True))
    stages: list[Stage] = []
    if space.imputed:
        imputed = {name: f"{name}_filled" for name in space.imputed}
        stages.append(Imputer(strategy="median", inputCols=list(imputed), outputCols=list(imputed.values())))
        columns |= imputed
    logs = {name: f"log1p(`{columns[name]}`)" for name in space.columns if name in space.log}
    logs |= {name: f"ln(`{columns[name]}` + {offset!r}D)" for name, offset in space.log_offsets.items()}
    if logs:
        stages.append(_with_columns([f"{text} AS `{columns[name]}_log`" for name, text in logs.items()]))
        columns |= {name: f"{columns[name]}_log" for name in logs}
    return stages, list(columns.values())


def _with_columns(expressions: list[str]) -> Stage:
    """Return a stage that adds columns, each given as an SQL text such as "log1p(speechiness) AS x"."""
    return SQLTransformer(statement=f"SELECT *, {', '.join(expressions)} FROM __THIS__")


def _scaler(name: str) -> Stage:
    """Return the unfitted pyspark.ml scaler for ``minmax``, ``standard`` or ``robust``."""
    if name == "standard":
        return StandardScaler(withMean=True, withStd=True, inputCol=ASSEMBLED, outputCol=SCALED)
    if name == "robust":
        return RobustScaler(withCentering=True, withScaling=True, inputCol=ASSEMBLED, outputCol=SCALED)
    return MinMaxScaler(inputCol=ASSEMBLED, outputCol=SCALED)


PREDICTION = "prediction"
_SCALERS = (MinMaxScalerModel, StandardScalerModel, RobustScalerModel)


def cluster_order(sizes: NDArray[np.int64], centres: Matrix) -> list[int]:
    """Return the indices of clusters by descending size: sizes ``[3, 9, 5] -> [1, 2, 0]``.

    Clusters are numbered in this order: cluster 1 is the largest.

    Parameters
    ----------
    sizes : number of points of each cluster, shape (k,)
    centres : shape (k, n_features)
        Clusters of equal size are in the lexicographic order of their centres.
    """
    return sorted(range(len(sizes)), key=lambda c: (-sizes[c], *centres[c].tolist()))


def pipeline_with_centres(
    spark: SparkSession, preparation: PipelineModel, space: FeatureSpace, centres: Matrix
) -> PipelineModel:
    """Append a KMeansModel with the given centres to fitted stages, as a PipelineModel. Runs a few small Spark jobs.

    Parameters
    ----------
    preparation : fitted stages of ``space``
    space : feature space of ``preparation``
    centres : shape (k, n_coordinates), scaled units; row i is the centre of the cluster with label i

    Raises
    ------
    ClusteringError
        If two centres are equal, or a centre is not finite.
    """
    model = kmeans_model_from_centres(spark, centres, features_col=space.output, prediction_col=PREDICTION)
    return PipelineModel([*preparation.stages, model])


def scaler_parameters(preparation: PipelineModel) -> dict[str, object]:
    """Return the fitted scaler as a dict: ``{"name": "standard", "mean": […], "deviation": […]}``.

    Each list has one number per coordinate (feature or discriminant). Other scalers have other lists: "minimum" and
    "maximum" for ``minmax``, "median" and "range" for ``robust``.
    """
    scaler = next(stage for stage in preparation.stages if isinstance(stage, _SCALERS))
    if isinstance(scaler, MinMaxScalerModel):
        name, vectors = "minmax", {"minimum": scaler.originalMin, "maximum": scaler.originalMax}
    elif isinstance(scaler, StandardScalerModel):
        name, vectors = "standard", {"mean": scaler.mean, "deviation": scaler.std}
    else:
        name, vectors = "robust", {"median": scaler.median, "range": scaler.range}
    return {"name": name, **{parameter: vector.toArray().tolist() for parameter, vector in vectors.items()}}


def imputed_values(preparation: PipelineModel, space: FeatureSpace) -> dict[str, float]:
    """Return the median of each imputed feature, which replaces missing values: ``{"bpm": 118.0}``. Runs one Spark job.

    If the fitted stages have no Imputer, the dict is empty, and no job runs.
    """
    first = preparation.stages[0]
    if not isinstance(first, ImputerModel):
        return {}
    row = first.surrogateDF.collect()[0]
    return {name: float(row[name]) for name in space.imputed}


def to_original_units(scaled: Matrix, preparation: PipelineModel, space: FeatureSpace) -> Matrix:
    """Convert points from scaled units to the units of the features, by the inverse of the fitted stages.

    Parameters
    ----------
    scaled : shape (n_points, n_coordinates)
    preparation : fitted stages of ``space``

    Returns
    -------
    array of shape (n_points, n_features)
        In units of the features. If a feature's spread in training was 0, all points get the value that the scaler
        subtracts: the minimum, mean or median. In a guided space, features are predicted from the discriminants by
        linear regression.
    """
    points: Matrix = scaled.copy()
    weights = [stage for stage in preparation.stages if isinstance(stage, ElementwiseProduct)]
    if weights:
        points = points / weights[0].getScalingVec().toArray()
    offset, width = _offset_and_width(preparation)
    # minmax scales a constant feature to 0.5, but its original value is the offset, the minimum
    points = np.where(width > 0, points * width, 0.0) + offset
    if space.discriminants:
        points = space.discriminants.mean + points @ space.discriminants.loadings
    for index, name in enumerate(space.columns):
        if name in space.log:
            points[:, index] = np.expm1(points[:, index])
        if name in space.log_offsets:
            points[:, index] = np.exp(points[:, index]) - space.log_offsets[name]
    return points


def constant_features(preparation: PipelineModel, space: FeatureSpace) -> list[str]:
    """Return the names of the features with a spread of 0 in training.

    The spread depends on the scaler: range, standard deviation or interquartile range. With discriminants, it is the
    standard deviation.
    """
    _, widths = _offset_and_width(preparation)
    if space.discriminants:
        widths = space.discriminants.deviation
    return [name for name, width in zip(space.columns, widths, strict=True) if width == 0]


def _offset_and_width(preparation: PipelineModel) -> tuple[Matrix, Matrix]:
    """Return two arrays of shape (n_coordinates,): the number subtracted by the scaler, and its divisor."""
    name, *parameters = scaler_parameters(preparation).values()
    first, second = np.array(parameters[0]), np.array(parameters[1])
    return (first, second - first) if name == "minmax" else (first, second)
