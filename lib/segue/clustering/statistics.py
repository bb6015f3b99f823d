"""Mean, deviation and quartiles of features within large clusters, from sums and bins: in bounded memory, in two looks.

The first look adds up and finds each feature's least and greatest value in each cluster, the second counts in bins
between the two. Tasks return what does not depend on how many tracks they saw.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.clustering.bins import quantiles

Floats = NDArray[np.float64]
_QUARTERS = (0.25, 0.5, 0.75)
N_BINS = 2048
"""Between the least and the greatest value of a feature in a cluster: a quartile is as exact as a bin is wide."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One feature in one cluster: how many tracks have it, and how it is spread."""

    n: int
    mean: float
    sd: float
    """Of the cluster's tracks, not of a sample."""
    quartiles: list[float]


def fit_statistics(tracks: DataFrame, names: Sequence[str], k: int) -> dict[tuple[int, str], Statistic]:
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
        quartiles = quantiles(counts[place], float(low[place]), float(high[place]), _QUARTERS)
        found[key] = Statistic(int(n[place]), float(mean), float(sd), quartiles)
    return found


def _fit_sums(table: DataFrame, n_features: int, k: int) -> Floats:
    """Return count, sum, sum of squares, least and greatest, shape (5, k, n_features)."""

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = _nothing(n_features, k)
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

    total = _nothing(n_features, k)
    for row in table.mapInArrow(add, "values binary").collect():
        part = np.frombuffer(row["values"]).reshape(total.shape)
        total[:3] += part[:3]
        total[3], total[4] = np.minimum(total[3], part[3]), np.maximum(total[4], part[4])
    return total


def _nothing(n_features: int, k: int) -> Floats:
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
