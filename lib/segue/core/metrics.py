"""How well clusters agree with the genres that the source published, from one table of counts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Agreement(NamedTuple):
    """Agreement of clusters with genres; each None where no track has a genre."""

    nmi: float | None
    ari: float | None
    purity: float | None


def agreement(counts: NDArray[np.int64]) -> Agreement:
    """Return the agreement of two labellings.

    Parameters
    ----------
    counts : shape (n_clusters, n_genres)
        Tracks in each cluster with each genre; tracks without a genre do not count.

    Returns
    -------
    Agreement
        ``nmi`` in [0, 1]: mutual information over the arithmetic mean of the entropies, as
        scikit-learn's default; ``ari`` up to 1, about 0 by chance; ``purity`` in (0, 1]: share of
        tracks that have the commonest genre of their cluster.

    References
    ----------
    N. X. Vinh, J. Epps, J. Bailey (2010), "Information theoretic measures for clusterings
    comparison", JMLR 11, 2837-2854.
    L. Hubert, P. Arabie (1985), "Comparing partitions", J. Classification 2, 193-218.
    """
    n = int(counts.sum())
    if not n:
        return Agreement(None, None, None)
    clusters, genres = counts.sum(axis=1), counts.sum(axis=0)
    return Agreement(
        _nmi(counts, clusters, genres, n),
        _ari(counts, clusters, genres, n),
        float(counts.max(axis=1).sum() / n),
    )


def _entropy(sizes: NDArray[np.int64], n: int) -> float:
    shares = sizes[sizes > 0] / n
    return float(-(shares * np.log(shares)).sum())


def _nmi(counts: NDArray[np.int64], clusters: NDArray[np.int64], genres: NDArray[np.int64], n: int) -> float:
    rows, columns = np.nonzero(counts)
    joint = counts[rows, columns] / n
    information = float((joint * np.log(joint / (clusters[rows] / n * genres[columns] / n))).sum())
    mean_entropy = (_entropy(clusters, n) + _entropy(genres, n)) / 2
    if mean_entropy == 0:  # one cluster and one genre: they agree perfectly
        return 1.0
    return float(np.clip(information / mean_entropy, 0.0, 1.0))


def _pairs(sizes: NDArray[np.int64]) -> int:
    """Return how many pairs of tracks share a group; exact, in Python's integers."""
    return sum(size * (size - 1) // 2 for size in sizes.ravel().tolist())


def _ari(counts: NDArray[np.int64], clusters: NDArray[np.int64], genres: NDArray[np.int64], n: int) -> float:
    together, in_cluster, in_genre = _pairs(counts), _pairs(clusters), _pairs(genres)
    all_pairs = n * (n - 1) // 2
    if not all_pairs:
        return 1.0
    expected = in_cluster * in_genre / all_pairs
    most = (in_cluster + in_genre) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


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
