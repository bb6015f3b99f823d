"""Squared distances and nearest centres, in numpy on the workers."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def matrix(points: pa.Array) -> Matrix:
    """Return a column of equally long lists as an array, shape (n_rows, n_features)."""
    return points.flatten().to_numpy(zero_copy_only=False).reshape(len(points), -1)


def squared_distances(points: Matrix, centres: Matrix) -> Matrix:
    """Return the squared Euclidean distances, shape (n_points, k). Differences first: no cancellation."""
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
