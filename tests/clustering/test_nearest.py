"""Nearest centres."""

import numpy as np
from sklearn.metrics import pairwise_distances

from segue.clustering import nearest


def test_squared_distances_are_scikit_learns():
    rng = np.random.default_rng(0)
    points, centres = rng.random((30, 4)), rng.random((7, 4))
    wanted = pairwise_distances(points, centres, metric="sqeuclidean")
    assert np.allclose(nearest.squared_distances(points, centres), wanted, atol=1e-15)
