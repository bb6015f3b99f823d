"""Davies-Bouldin and Calinski-Harabasz from a few sums; degenerate cases are as scikit-learn has them."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def davies_bouldin(means: Matrix, mean_distances: NDArray[np.float64]) -> float:
    """Return the Davies-Bouldin index, lower is better.

    Parameters
    ----------
    means : shape (k, n_features)
    mean_distances : mean distance of each cluster's points to their mean, shape (k,)

    References
    ----------
    D. L. Davies, D. W. Bouldin (1979), "A cluster separation measure", IEEE PAMI 1, 224-227.
    """
    between = np.linalg.norm(means[:, None] - means[None], axis=-1)
    if np.allclose(mean_distances, 0) or np.allclose(between, 0):
        return 0.0
    between[between == 0] = np.inf
    return float(np.mean(np.max((mean_distances[:, None] + mean_distances[None]) / between, axis=1)))


def calinski_harabasz(sizes: NDArray[np.int64], means: Matrix, within: float) -> float:
    """Return the Calinski-Harabasz index, higher is better.

    Parameters
    ----------
    sizes : points of each cluster, shape (k,)
    means : shape (k, n_features)
    within : sum of squared distances of all points to the mean of their cluster

    References
    ----------
    T. Caliński, J. Harabasz (1974), "A dendrite method for cluster analysis", Commun. Stat. 3, 1-27.
    """
    n, k = int(sizes.sum()), len(sizes)
    overall = sizes @ means / n
    between = float(sizes @ ((means - overall) ** 2).sum(axis=1))
    return 1.0 if within == 0 or n == k else between * (n - k) / (within * (k - 1))
