"""Squared distances and nearest centres, in numpy on the workers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Matrix = NDArray[np.float64]


def list_matrix(points: pa.Array) -> Matrix:
    """Return a column of equally long lists as an array, shape (n_rows, n_features)."""
    return points.flatten().to_numpy(zero_copy_only=False).reshape(len(points), -1)


def squared_distances(points: Matrix, centres: Matrix) -> Matrix:
    """Return the squared Euclidean distances, shape (n_points, k). Differences first: no cancellation."""
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def histogram_quantiles(counts: NDArray[np.float64], low: float, high: float, shares: Sequence[float]) -> list[float]:
    """Return the values at shares of the ranks, as if values lay evenly within their bins.

    Parameters
    ----------
    counts : values in each bin, not all 0
    low, high : where the first bin begins and the last one ends
    shares : from 0 to 1

    >>> quantiles(np.array([2.0, 2.0]), 0.0, 8.0, (0.25, 0.5, 0.75))
    [2.5, 4.0, 5.5]
    """
    total = counts.cumsum()
    found = []
    for share in shares:
        rank = share * (total[-1] - 1) + 0.5
        place = int(np.searchsorted(total, rank, "left"))
        inside = (rank - (total[place] - counts[place])) / counts[place]
        found.append(float(low + (place + inside) / len(counts) * (high - low)))
    return found


OUTLIER_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class ClusterStats:
    """What training knew of each cluster, in scaled units."""

    centres: Matrix
    """Shape (k, n_features)."""
    sizes: NDArray[np.int64]
    sums: Matrix
    """Sum of the points of each cluster, shape (k, n_features)."""
    square_sums: NDArray[np.float64]
    """Sum of the squared lengths of the points of each cluster, shape (k,)."""
    thresholds: NDArray[np.float64]
    """A track farther than this from its centre is an outlier, shape (k,)."""


def fit_cluster_stats(labeled: DataFrame, centres: Matrix) -> ClusterStats:
    """Return the sums and thresholds. Runs one Spark job, of which each task returns its sums alone.

    A threshold is the mean of the distances to the own centre plus three of their standard deviations, rounded up to
    nine decimals and one more, so that neither the order of summation nor a cluster of equals shows in it.

    Parameters
    ----------
    labeled : columns ``point`` (array<double>) and ``cluster`` (int from 1), no cluster empty
    centres : shape (k, n_features), scaled units
    """
    k, n_features = centres.shape

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total = np.zeros((k, n_features + 4))
        for batch in batches:
            if len(batch):
                points, own = list_matrix(batch.column(0)), batch.column(1).to_numpy() - 1
                squares = ((points - centres[own]) ** 2).sum(axis=1)
                parts = [np.ones(len(own)), *points.T, (points**2).sum(axis=1), np.sqrt(squares), squares]
                for place, values in enumerate(parts):
                    total[:, place] += np.bincount(own, weights=values, minlength=k)
        yield pa.RecordBatch.from_arrays([pa.array([total.ravel().tolist()], pa.list_(pa.float64()))], names=["sums"])

    rows = labeled.select("point", "cluster").mapInArrow(add, "sums array<double>").collect()
    total = np.sum([row.sums for row in rows], axis=0).reshape(k, -1)
    sizes, distance, square = total[:, 0], total[:, -2], total[:, -1]
    mean = distance / sizes
    deviation = np.sqrt(np.maximum(square / sizes - mean**2, 0.0))
    return ClusterStats(
        centres,
        sizes.astype(np.int64),
        total[:, 1 : 1 + n_features],
        total[:, 1 + n_features],
        np.array([_rounded_up(value) for value in mean + OUTLIER_DEVIATIONS * deviation]),
    )


def _rounded_up(threshold: float) -> float:
    return (math.ceil(threshold * 1e9) + 1) / 1e9


Floats = NDArray[np.float64]
_QUARTERS = (0.25, 0.5, 0.75)
N_BINS = 2048
"""Between the least and the greatest value of a feature in a cluster: a quartile is as exact as a bin is wide."""


@dataclass(frozen=True, slots=True)
class FeatureStats:
    """One feature in one cluster: how many tracks have it, and how it is spread."""

    n: int
    mean: float
    sd: float
    """Of the cluster's tracks, not of a sample."""
    quartiles: list[float]


def fit_feature_stats(tracks: DataFrame, names: Sequence[str], k: int) -> dict[tuple[int, str], FeatureStats]:
    """Return the statistics of features within clusters, without those that no track of a cluster has.

    Runs two Spark jobs.

    Parameters
    ----------
    tracks : ``cluster`` (int from 1) and the features; null is left out
    names : of the features
    k : how many clusters
    """
    table = tracks.select(F.col("cluster").cast("int"), *(F.col(name).cast("double") for name in names))
    sums = _fit_sums(table, len(names), k)
    n, total, square, low, high = sums
    known = {(c + 1, name): (c, j) for c in range(k) for j, name in enumerate(names) if n[c, j]}
    counts = _fit_counts(table, low, high)
    found = {}
    for key, place in known.items():
        mean = total[place] / n[place]
        with np.errstate(invalid="ignore", over="ignore"):
            sd = np.sqrt(np.maximum(square[place] / n[place] - mean**2, 0.0))
        quartiles = histogram_quantiles(counts[place], float(low[place]), float(high[place]), _QUARTERS)
        found[key] = FeatureStats(int(n[place]), float(mean), float(sd), quartiles)
    return found


def _fit_sums(table: DataFrame, n_features: int, k: int) -> Floats:
    """Return count, sum, sum of squares, least and greatest, shape (5, k, n_features)."""

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = _empty_sums(n_features, k)
        for batch in batches:
            own = batch.column(0).to_numpy() - 1
            for place in range(n_features):
                values = batch.column(place + 1).to_numpy(zero_copy_only=False)
                whole = ~np.isnan(values)
                there, inside = own[whole], values[whole]
                with np.errstate(over="ignore"):
                    for row, weights in enumerate((np.ones(len(inside)), inside, inside**2)):
                        found[row, :, place] += np.bincount(there, weights=weights, minlength=k)
                np.minimum.at(found[3, :, place], there, inside)
                np.maximum.at(found[4, :, place], there, inside)
        yield _binary(found)

    total = _empty_sums(n_features, k)
    for row in table.mapInArrow(add, "values binary").collect():
        part = np.frombuffer(row["values"]).reshape(total.shape)
        total[:3] += part[:3]
        total[3], total[4] = np.minimum(total[3], part[3]), np.maximum(total[4], part[4])
    return total


def _empty_sums(n_features: int, k: int) -> Floats:
    found = np.zeros((5, k, n_features))
    found[3], found[4] = np.inf, -np.inf
    return found


def _fit_counts(table: DataFrame, low: Floats, high: Floats) -> Floats:
    """Return how many tracks lie in each bin, shape (k, n_features, N_BINS)."""
    k, n_features = low.shape
    with np.errstate(invalid="ignore"):
        width = high - low
    has_width = np.isfinite(width) & (width > 0)
    scale = np.where(has_width, N_BINS / np.where(has_width, width, 1.0), 0.0)
    start = np.where(np.isfinite(low), low, 0.0)

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = np.zeros((k, n_features, N_BINS))
        for batch in batches:
            own = batch.column(0).to_numpy() - 1
            for place in range(n_features):
                values = batch.column(place + 1).to_numpy(zero_copy_only=False)
                whole = ~np.isnan(values)
                there = own[whole]
                bins = np.minimum((values[whole] - start[there, place]) * scale[there, place], N_BINS - 1)
                flat = np.bincount(there * N_BINS + bins.astype(np.int64), minlength=k * N_BINS)
                found[:, place] += flat.reshape(k, N_BINS)
        yield _binary(found)

    total = np.zeros((k, n_features, N_BINS))
    for row in table.mapInArrow(count, "values binary").collect():
        total += np.frombuffer(row["values"]).reshape(total.shape)
    return total


def _binary(values: Floats) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([values.tobytes()], pa.binary())], names=["values"])
