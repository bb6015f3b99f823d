"""Tracks and a model become labels, distances, second choices, silhouettes, outliers.

What is said of one track uses sums and thresholds that training froze in the model, so a single new track
gets the label that it would get among all others.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.functions import arrow_udf

from segue import schema
from segue.clustering import cluster_stats
from segue.clustering.cluster_stats import ClusterStats
from segue.clustering.model_card import ModelCard
from segue.clustering.pipeline_model import PREDICTION

_DISTANCE_FIELDS = "distance double, second_cluster int, silhouette double, is_outlier boolean"


def with_point(tracks: DataFrame, pipeline: PipelineModel) -> DataFrame:
    """Return the tracks with ``cluster`` (int from 1) and ``point`` (array<double>, scaled units)."""
    point = pipeline.stages[-1].getOrDefault("featuresCol")
    return (
        pipeline.transform(tracks)
        .withColumns({"cluster": F.col(PREDICTION) + 1, "point": vector_to_array(F.col(point))})
        .select(*tracks.columns, "cluster", "point")
    )


def silhouettes(points: cluster_stats.Matrix, own: NDArray[np.int64], frozen: ClusterStats) -> NDArray[np.float64]:
    """Return the silhouette of each point by squared Euclidean distance, from the sums of the clusters.

    The mean squared distance of x to the n points of a cluster with sum S and sum of squares Q is
    |x|^2 + Q / n - 2 x.S / n; to its own cluster's other points it is n / (n - 1) times that. A point alone in its
    cluster has 0, as in scikit-learn and ClusteringEvaluator.

    Parameters
    ----------
    points : shape (n_points, n_features)
    own : shape (n_points,), cluster indices from 0
    frozen : sums of the clusters, none of them empty
    """
    sizes = frozen.sizes
    squares = (points**2).sum(axis=1)[:, None]
    mean = squares + frozen.square_sums / sizes - 2 * points @ (frozen.sums / sizes[:, None]).T
    mean = np.maximum(mean, 0.0)
    rows = np.arange(len(points))
    mates = sizes[own]
    inside = mean[rows, own] * mates / np.maximum(mates - 1, 1)
    mean[rows, own] = np.inf
    outside = mean.min(axis=1)
    larger = np.maximum(inside, outside)
    found = np.divide(outside - inside, larger, out=np.zeros_like(larger), where=larger > 0)
    return np.where(mates > 1, found, 0.0)


def with_distances(labeled: DataFrame, frozen: ClusterStats) -> DataFrame:
    """Return tracks with ``cluster`` and ``point`` also with distance, second_cluster, silhouette, is_outlier."""

    @arrow_udf(returnType=_DISTANCE_FIELDS)  # type: ignore[call-overload]
    def place(points: pa.Array, clusters: pa.Array) -> pa.Array:
        found, own = cluster_stats.list_matrix(points), clusters.to_numpy() - 1
        gaps = cluster_stats.squared_distances(found, frozen.centres)
        rows = np.arange(len(found))
        distances = np.sqrt(gaps[rows, own])
        gaps[rows, own] = np.inf
        values = [
            distances,
            gaps.argmin(axis=1).astype(np.int32) + 1,
            silhouettes(found, own, frozen),
            distances > frozen.thresholds[own],
        ]
        names = ["distance", "second_cluster", "silhouette", "is_outlier"]
        types = [pa.float64(), pa.int32(), pa.float64(), pa.bool_()]
        arrays = [pa.array(value, type=kind) for value, kind in zip(values, types, strict=True)]
        return pa.StructArray.from_arrays(arrays, names=names)

    return labeled.withColumn("place", place("point", "cluster")).select(*labeled.columns, "place.*")


def labeled_tracks(tracks: DataFrame, pipeline: PipelineModel, card: ModelCard) -> DataFrame:
    """Return the columns of ``labeled_tracks`` for every one of ``tracks``."""
    if card.imputed:
        missing = [F.when(F.col(name).isNull(), F.lit(name)) for name in card.features]
        imputed = F.array_compact(F.array(*missing))
    else:
        imputed = F.array().cast("array<string>")
    frozen = ClusterStats(
        np.array(card.centres_scaled),
        np.array(card.sizes),
        np.array(card.sums),
        np.array(card.square_sums),
        np.array(card.thresholds),
    )
    placed = with_distances(with_point(tracks, pipeline), frozen)

    def of_cluster(values: list[str]) -> Column:
        return F.element_at(F.array(*map(F.lit, values)), F.col("cluster"))

    return placed.withColumns(
        {
            "model_version": F.lit(card.model_version),
            "imputed": imputed,
            "cluster_name": of_cluster(card.cluster_names),
            "cluster_description": of_cluster(card.cluster_descriptions),
        }
    ).select(*schema.LABELED_TRACKS.names)
