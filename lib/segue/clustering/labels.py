"""Label tracks with a trained model: cluster, distance, second-nearest cluster, silhouette, outlier flag.

All values are computed from the track and from statistics stored in the model. So they do not depend on other tracks.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from segue import schema
from segue.clustering.cluster_stats import ClusterStats, Floats, list_matrix, squared_distances
from segue.clustering.feature_space import PREDICTION
from segue.clustering.model_card import ModelCard

_DISTANCE_FIELDS = {
    "distance": pa.float64(),
    "second_cluster": pa.int32(),
    "silhouette": pa.float64(),
    "is_outlier": pa.bool_(),
}
_DISTANCE_DDL = "distance double, second_cluster int, silhouette double, is_outlier boolean"


def with_point(tracks: DataFrame, pipeline: PipelineModel) -> DataFrame:
    """Add the columns ``cluster`` (int from 1) and ``point`` (array<double>, scaled units) to tracks.

    Runs no Spark job, or a small one if the pipeline has an Imputer.

    Parameters
    ----------
    tracks : DataFrame with the columns of the table ``tracks``
    pipeline : fitted pipeline with a KMeansModel as its last stage
    """
    features = pipeline.stages[-1].getOrDefault("featuresCol")
    return (
        pipeline.transform(tracks)
        .withColumns({"cluster": F.col(PREDICTION) + 1, "point": vector_to_array(F.col(features))})
        .select(*tracks.columns, "cluster", "point")
    )


def silhouettes(points: Floats, labels: NDArray[np.int64], stats: ClusterStats) -> Floats:
    """Return each point's silhouette by squared Euclidean distance, from sums over clusters. O(n_points k n_features).

    The mean squared distance of a point x to the n points of a cluster with sum S and sum of squared lengths Q is
    |x|^2 + Q / n - 2 x.S / n. For the cluster of x itself, this number is multiplied by n / (n - 1): the mean over the
    other n - 1 points. A point alone in its cluster has silhouette 0, as in scikit-learn and ClusteringEvaluator.

    Parameters
    ----------
    points : shape (n_points, n_features), scaled units
    labels : shape (n_points,), cluster indices from 0
    stats : statistics of the clusters, none of them empty

    Returns
    -------
    array of shape (n_points,)
        Values in [-1, 1].
    """
    sizes = stats.sizes
    squares = (points**2).sum(axis=1)[:, None]
    mean = squares + stats.square_sums / sizes - 2 * points @ (stats.sums / sizes[:, None]).T
    mean = np.maximum(mean, 0.0)
    rows = np.arange(len(points))
    label_sizes = sizes[labels]
    intra = mean[rows, labels] * label_sizes / np.maximum(label_sizes - 1, 1)
    mean[rows, labels] = np.inf
    nearest_other = mean.min(axis=1)
    larger = np.maximum(intra, nearest_other)
    values = np.divide(nearest_other - intra, larger, out=np.zeros_like(larger), where=larger > 0)
    return np.where(label_sizes > 1, values, 0.0)


def with_distances(labeled: DataFrame, stats: ClusterStats) -> DataFrame:
    """Add the columns ``distance``, ``second_cluster``, ``silhouette`` and ``is_outlier``. Runs no Spark job.

    Parameters
    ----------
    labeled : DataFrame with columns ``cluster`` (int from 1) and ``point`` (array<double>, scaled units)
    stats : statistics of the clusters in training

    Returns
    -------
    DataFrame
        ``labeled`` with four more columns. ``distance`` (double): distance in scaled units to the centre of the track's
        cluster. ``second_cluster`` (int from 1): cluster with the second nearest centre. ``silhouette`` (double): by
        squared Euclidean distance, against the tracks of the training. ``is_outlier`` (boolean): whether ``distance``
        exceeds the cluster's threshold.
    """

    def distance_fields(point: pa.Array, cluster: pa.Array) -> pa.Array:
        points, labels = list_matrix(point), cluster.to_numpy() - 1
        squares = squared_distances(points, stats.centres)
        rows = np.arange(len(points))
        distances = np.sqrt(squares[rows, labels])
        squares[rows, labels] = np.inf
        values = [
            distances,
            squares.argmin(axis=1).astype(np.int32) + 1,
            silhouettes(points, labels, stats),
            distances > stats.thresholds[labels],
        ]
        arrays = [pa.array(value, type=kind) for value, kind in zip(values, _DISTANCE_FIELDS.values(), strict=True)]
        return pa.StructArray.from_arrays(arrays, names=list(_DISTANCE_FIELDS))

    fields = arrow_udf(distance_fields, _DISTANCE_DDL)("point", "cluster")  # type: ignore[call-overload]
    return labeled.withColumn("fields", fields).select(*labeled.columns, "fields.*")


def labeled_tracks(tracks: DataFrame, pipeline: PipelineModel, model_card: ModelCard) -> DataFrame:
    """Label tracks: return a DataFrame with the columns of the table ``labeled_tracks``.

    Runs no Spark job, or a small one if the model imputes missing features.

    Parameters
    ----------
    tracks : DataFrame with the columns of the table ``tracks``
    pipeline : the fitted pipeline of a saved model
    model_card : the content of the same model's ``model.json``
    """
    if model_card.imputed:
        missing = [F.when(F.col(name).isNull(), F.lit(name)) for name in model_card.features]
        imputed = F.array_compact(F.array(*missing))
    else:
        imputed = F.array().cast("array<string>")
    stats = ClusterStats(
        np.array(model_card.centres_scaled),
        np.array(model_card.sizes),
        np.array(model_card.sums),
        np.array(model_card.square_sums),
        np.array(model_card.thresholds),
    )
    labeled = with_distances(with_point(tracks, pipeline), stats)
    return labeled.withColumns(
        {
            "model_version": F.lit(model_card.model_version),
            "imputed": imputed,
            "cluster_name": _element_by_cluster(model_card.cluster_names),
            "cluster_description": _element_by_cluster(model_card.cluster_descriptions),
        }
    ).select(*schema.LABELED_TRACKS.names)


def _element_by_cluster(values: list[str]) -> Column:
    """Return a Column with one of ``values``, selected by the column ``cluster``: the first value for cluster 1."""
    return F.element_at(F.array(*map(F.lit, values)), F.col("cluster"))
