"""Squared distances and nearest centres, in numpy on the workers."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql.functions import arrow_udf

Matrix = NDArray[np.float64]


def matrix(points: pa.Array) -> Matrix:
    """Return a column of equally long lists as an array, shape (n_rows, n_features)."""
    return points.flatten().to_numpy(zero_copy_only=False).reshape(len(points), -1)


def squared_distances(points: Matrix, centres: Matrix) -> Matrix:
    """Return the squared Euclidean distances, shape (n_points, k). Differences first: no cancellation."""
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def labels(point: Column, all_centres: Sequence[Matrix]) -> Column:
    """Return, for each of several sets of centres, the index of the nearest; ties go to the lowest.

    Parameters
    ----------
    point : array<double>, shape (n_features,)
    all_centres : arrays of shape (k, n_features)

    Returns
    -------
    Column of array<int>, one label from 0 for each set
    """

    @arrow_udf(returnType="array<int>")  # type: ignore[call-overload]
    def nearest(points: pa.Array) -> pa.Array:
        found = matrix(points)
        each = [squared_distances(found, centres).argmin(axis=1) for centres in all_centres]
        flat = np.stack(each, axis=1).astype(np.int32).ravel()
        offsets = np.arange(len(found) + 1, dtype=np.int32) * len(all_centres)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))

    return nearest(point)
