"""Compute statistics of clusters, and of features within clusters, in numpy on the workers.

Each task adds up its rows and returns one array. For any number of tracks, the driver receives O(k * n_features)
numbers per partition, and ``N_BINS`` times as many for quartiles.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Floats = NDArray[np.float64]
Batches = Iterable[pa.RecordBatch]

OUTLIER_DEVIATIONS = 3.0
"""Limit for outliers: the number of standard deviations above the mean distance to the centre.

A track beyond the limit is an outlier. Mean and standard deviation are those of the cluster's training tracks.
"""
N_BINS = 2048
"""Number of histogram bins for one feature in one cluster.

The bins divide the interval from minimum to maximum. The error of an estimated quartile is about one bin width.
"""
_QUARTILE_SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class ClusterStats:
    """Statistics of the training tracks of each cluster. Item 0 of each array is for cluster 1.

    All are in scaled units: after the scaler and the weights of the features.
    """

    centres: Floats
    """Centre of each cluster, shape (k, n_features)."""
    sizes: NDArray[np.int64]
    """Number of points in each cluster, shape (k,)."""
    sums: Floats
    """Sum of the points of each cluster, shape (k, n_features)."""
    square_sums: Floats
    """Sum of the squared lengths of the points of each cluster, shape (k,)."""
    thresholds: Floats
    """Outlier threshold of each cluster, shape (k,): a track farther from the centre is an outlier."""


@dataclass(frozen=True, slots=True)
class FeatureStats:
    """Statistics of one feature over the tracks of one cluster, in the feature's unit. Missing values are ignored."""

    n: int
    mean: float
    sd: float
    """Population standard deviation (divided by n)."""
    quartiles: list[float]
    """The three quartiles, estimated from a histogram."""


def list_matrix(points: pa.Array) -> Floats:
    """Convert an Arrow column of one or more equally long lists to a numpy array of shape (n_rows, n_features)."""
    matrix: Floats = points.flatten().to_numpy(zero_copy_only=False).reshape(len(points), -1)
    return matrix


def squared_distances(points: Floats, centres: Floats) -> Floats:
    """Return the squared Euclidean distances between points and centres. O(n_points k n_features).

    Adds up squared differences, because the faster |x|^2 - 2 x.c + |c|^2 loses digits for a point close to a centre.

    Parameters
    ----------
    points : shape (n_points, n_features)
    centres : shape (k, n_features)

    Returns
    -------
    array of shape (n_points, k)
    """
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def histogram_quantiles(counts: Floats, low: float, high: float, shares: Sequence[float]) -> list[float]:
    """Estimate quantiles from a histogram with bins of equal width.

    The values within a bin are assumed to be evenly spaced.

    Parameters
    ----------
    counts : shape (n_bins,)
        Number of values in each bin, not all 0.
    low, high : lower edge of the first bin and upper edge of the last
    shares : quantiles to compute, each in [0, 1], such as 0.5 for the median

    Returns
    -------
    list of float
        One value per share, in the unit of ``low`` and ``high``.

    >>> histogram_quantiles(np.array([2.0, 2.0]), 0.0, 8.0, (0.25, 0.5, 0.75))
    [2.5, 4.0, 5.5]
    """
    cumulative = counts.cumsum()
    quantiles = []
    for share in shares:
        rank = share * (cumulative[-1] - 1) + 0.5
        index = int(np.searchsorted(cumulative, rank, "left"))
        position = (rank - (cumulative[index] - counts[index])) / counts[index]
        quantiles.append(float(low + (index + position) / len(counts) * (high - low)))
    return quantiles


def fit_cluster_stats(labeled: DataFrame, centres: Floats) -> ClusterStats:
    """Compute the statistics of all clusters from their training tracks. Runs one Spark job.

    The outlier threshold of a cluster is mean + ``OUTLIER_DEVIATIONS`` * standard deviation, taken over the distances
    of its tracks to the centre. The threshold is rounded up to nine decimals, to be independent of the order of
    summation. Then 1e-9 is added: if all tracks are equally far from the centre, none is an outlier.

    Parameters
    ----------
    labeled : DataFrame with ``point`` (array<double>, scaled units) and ``cluster`` (int from 1), no cluster empty
    centres : shape (k, n_features), scaled units
    """
    k, n_features = centres.shape

    def add(batches: Batches) -> Floats:
        total = np.zeros((k, n_features + 4))
        for batch in batches:
            if len(batch):
                points, labels = list_matrix(batch.column(0)), batch.column(1).to_numpy() - 1
                squares = ((points - centres[labels]) ** 2).sum(axis=1)
                columns = [np.ones(len(labels)), *points.T, (points**2).sum(axis=1), np.sqrt(squares), squares]
                for index, weights in enumerate(columns):
                    total[:, index] += np.bincount(labels, weights=weights, minlength=k)
        return total

    total = np.sum(collect_per_partition(labeled.select("point", "cluster"), add), axis=0).reshape(k, -1)
    sizes, distances, squares = total[:, 0], total[:, -2], total[:, -1]
    mean = distances / sizes
    deviation = np.sqrt(np.maximum(squares / sizes - mean**2, 0.0))
    return ClusterStats(
        centres,
        sizes.astype(np.int64),
        total[:, 1 : 1 + n_features],
        total[:, 1 + n_features],
        np.array([_round_up(value) for value in mean + OUTLIER_DEVIATIONS * deviation]),
    )


def _round_up(threshold: float) -> float:
    """Round a threshold up to nine decimals, and add 1e-9."""
    return (math.ceil(threshold * 1e9) + 1) / 1e9


def fit_feature_stats(tracks: DataFrame, names: Sequence[str], k: int) -> dict[tuple[int, str], FeatureStats]:
    """Compute mean, standard deviation and quartiles of every feature in every cluster. Runs two Spark jobs.

    Parameters
    ----------
    tracks : DataFrame with ``cluster`` (int from 1) and the columns in ``names``; null and NaN are missing values
    names : names of the features
    k : number of clusters

    Returns
    -------
    dict from (cluster, feature name) to FeatureStats
        A pair is absent if no track of the cluster has the feature.
    """
    table = tracks.select(F.col("cluster").cast("int"), *(F.col(name).cast("double") for name in names))
    n, sums, square_sums, low, high = _fit_moments(table, len(names), k)
    counts = _fit_bin_counts(table, low, high)
    stats = {}
    for cluster, feature in zip(*np.nonzero(n), strict=True):
        cell = cluster, feature
        mean = sums[cell] / n[cell]
        with np.errstate(invalid="ignore", over="ignore"):
            sd = np.sqrt(np.maximum(square_sums[cell] / n[cell] - mean**2, 0.0))
        quartiles = histogram_quantiles(counts[cell], float(low[cell]), float(high[cell]), _QUARTILE_SHARES)
        stats[int(cluster) + 1, names[feature]] = FeatureStats(int(n[cell]), float(mean), float(sd), quartiles)
    return stats


def _fit_moments(table: DataFrame, n_features: int, k: int) -> Floats:
    """Compute five statistics of each feature in each cluster, shape (5, k, n_features). Runs one Spark job.

    The statistics are count, sum, sum of squares, minimum and maximum, in this order. The first column of ``table`` is
    ``cluster`` (int from 1); the features follow.
    """

    def add(batches: Batches) -> Floats:
        moments = _empty_moments(k, n_features)
        for batch in batches:
            for feature in range(n_features):
                labels, values = _present_values(batch, feature)
                with np.errstate(over="ignore"):
                    for row, weights in enumerate((np.ones(len(values)), values, values**2)):
                        moments[row, :, feature] += np.bincount(labels, weights=weights, minlength=k)
                np.minimum.at(moments[3, :, feature], labels, values)
                np.maximum.at(moments[4, :, feature], labels, values)
        return moments

    total = _empty_moments(k, n_features)
    for values in collect_per_partition(table, add):
        part = values.reshape(total.shape)
        total[:3] += part[:3]
        total[3], total[4] = np.minimum(total[3], part[3]), np.maximum(total[4], part[4])
    return total


def _empty_moments(k: int, n_features: int) -> Floats:
    """Return the statistics of no tracks, shape (5, k, n_features).

    Count, sum and sum of squares are 0, the minimum is inf and the maximum -inf.
    """
    moments = np.zeros((5, k, n_features))
    moments[3], moments[4] = np.inf, -np.inf
    return moments


def _fit_bin_counts(table: DataFrame, low: Floats, high: Floats) -> Floats:
    """Count the tracks in each histogram bin; return an array of shape (k, n_features, N_BINS). Runs one Spark job.

    Parameters
    ----------
    table : DataFrame with ``cluster`` (int from 1) as its first column; the features follow
    low, high : minimum and maximum of each feature in each cluster, shape (k, n_features)
        ``N_BINS`` bins of equal width divide the interval from ``low`` to ``high``.
    """
    k, n_features = low.shape
    with np.errstate(invalid="ignore"):
        width = high - low
    has_width = np.isfinite(width) & (width > 0)
    scale = np.where(has_width, N_BINS / np.where(has_width, width, 1.0), 0.0)
    start = np.where(np.isfinite(low), low, 0.0)

    def count(batches: Batches) -> Floats:
        counts = np.zeros((k, n_features, N_BINS))
        for batch in batches:
            for feature in range(n_features):
                labels, values = _present_values(batch, feature)
                bins = np.minimum((values - start[labels, feature]) * scale[labels, feature], N_BINS - 1)
                flat = np.bincount(labels * N_BINS + bins.astype(np.int64), minlength=k * N_BINS)
                counts[:, feature] += flat.reshape(k, N_BINS)
        return counts

    total = np.zeros((k, n_features, N_BINS))
    for values in collect_per_partition(table, count):
        total += values.reshape(total.shape)
    return total


def _present_values(batch: pa.RecordBatch, feature: int) -> tuple[NDArray[np.int32], Floats]:
    """Return the cluster indices (from 0) and the values of one feature, without rows of missing values.

    The first column of ``batch`` is ``cluster`` (int from 1); the features follow. ``feature`` is the index of a
    feature, from 0. Null and NaN are missing values.
    """
    values = batch.column(feature + 1).to_numpy(zero_copy_only=False)
    is_present = ~np.isnan(values)
    return batch.column(0).to_numpy()[is_present] - 1, values[is_present]


def collect_per_partition(frame: DataFrame, summarise: Callable[[Batches], Floats]) -> list[Floats]:
    """Call ``summarise`` on the Arrow batches of each partition, on the workers. Runs one Spark job.

    Returns a list of the resulting arrays, in the order of the partitions, each flattened to one dimension.
    """

    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays([pa.array([summarise(batches).tobytes()], pa.binary())], names=["values"])

    return [np.frombuffer(row["values"]) for row in frame.mapInArrow(run, "values binary").collect()]
