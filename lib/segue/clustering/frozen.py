"""What labels of single tracks need of every cluster: sums over all tracks, frozen when a model is trained."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from segue.clustering import nearest

OUTLIER_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class Frozen:
    """What training knew of each cluster, in scaled units."""

    centres: nearest.Matrix
    """Shape (k, n_features)."""
    sizes: NDArray[np.int64]
    sums: nearest.Matrix
    """Sum of the points of each cluster, shape (k, n_features)."""
    square_sums: NDArray[np.float64]
    """Sum of the squared lengths of the points of each cluster, shape (k,)."""
    thresholds: NDArray[np.float64]
    """A track farther than this from its centre is an outlier, shape (k,)."""


def fit_frozen(labeled: DataFrame, centres: nearest.Matrix) -> Frozen:
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
                points, own = nearest.matrix(batch.column(0)), batch.column(1).to_numpy() - 1
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
    return Frozen(
        centres,
        sizes.astype(np.int64),
        total[:, 1 : 1 + n_features],
        total[:, 1 + n_features],
        np.array([_rounded_up(value) for value in mean + OUTLIER_DEVIATIONS * deviation]),
    )


def _rounded_up(threshold: float) -> float:
    return (math.ceil(threshold * 1e9) + 1) / 1e9
