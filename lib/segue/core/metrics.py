"""Compute scores of clusters from sums and counts: agreement with classes, Davies-Bouldin, Calinski-Harabasz."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


class Agreement(NamedTuple):
    """Scores of the agreement of clusters with known classes, such as genres; all are None if no point has a class."""

    nmi: float | None
    """Normalised mutual information, in [0, 1]."""
    ari: float | None
    """Adjusted Rand index: 1 for perfect agreement, about 0 for agreement by chance, and at least -1/2."""
    purity: float | None
    """Share of the points in the commonest class of their cluster, in (0, 1]; points without a class are ignored."""


def agreement(counts: NDArray[np.int64]) -> Agreement:
    """Compute the agreement of clusters with classes. NMI and ARI equal scikit-learn's with default parameters.

    Parameters
    ----------
    counts : int, shape (n_clusters, n_classes)
        Number of points of each class in each cluster; points without a class are not counted.

    Returns
    -------
    Agreement
        NMI, ARI and purity. NMI divides by the arithmetic mean of the two entropies.

    References
    ----------
    N. X. Vinh, J. Epps, J. Bailey (2010), "Information theoretic measures for clusterings
    comparison", JMLR 11, 2837-2854.
    L. Hubert, P. Arabie (1985), "Comparing partitions", J. Classification 2, 193-218.
    """
    n = int(counts.sum())
    if not n:
        return Agreement(None, None, None)
    clusters, classes = counts.sum(axis=1), counts.sum(axis=0)
    return Agreement(
        _nmi(counts, clusters, classes, n),
        _ari(counts, clusters, classes, n),
        float(counts.max(axis=1).sum() / n),
    )


def _entropy(sizes: NDArray[np.int64], n: int) -> float:
    """Return the entropy, in nats, of ``n`` points divided into groups of the given sizes."""
    shares = sizes[sizes > 0] / n
    return float(-(shares * np.log(shares)).sum())


def _nmi(counts: NDArray[np.int64], clusters: NDArray[np.int64], classes: NDArray[np.int64], n: int) -> float:
    """Return the normalised mutual information of clusters (rows of ``counts``) and classes (columns).

    ``clusters``, ``classes`` and ``n`` are the row sums, the column sums and the sum of ``counts``.
    """
    rows, columns = np.nonzero(counts)
    joint = counts[rows, columns] / n
    information = float((joint * np.log(joint / (clusters[rows] / n * classes[columns] / n))).sum())
    mean_entropy = (_entropy(clusters, n) + _entropy(classes, n)) / 2
    if mean_entropy == 0:  # one cluster and one class: perfect agreement
        return 1.0
    return float(np.clip(information / mean_entropy, 0.0, 1.0))


def _pairs(sizes: NDArray[np.int64]) -> int:
    """Return the number of pairs of points within groups of the given sizes: 3 + 1 for ``[3, 2]``."""
    return sum(size * (size - 1) // 2 for size in sizes.ravel().tolist())


def _ari(counts: NDArray[np.int64], clusters: NDArray[np.int64], classes: NDArray[np.int64], n: int) -> float:
    """Return the adjusted Rand index of clusters (rows of ``counts``) and classes (columns).

    ``clusters``, ``classes`` and ``n`` are the row sums, the column sums and the sum of ``counts``.
    """
    in_both, in_cluster, in_class = _pairs(counts), _pairs(clusters), _pairs(classes)
    all_pairs = n * (n - 1) // 2
    if not all_pairs:
        return 1.0
    expected = in_cluster * in_class / all_pairs
    maximum = (in_cluster + in_class) / 2
    return 1.0 if maximum == expected else (in_both - expected) / (maximum - expected)


def davies_bouldin(means: Matrix, mean_distances: NDArray[np.float64]) -> float:
    """Return the Davies-Bouldin index of k clusters: at least 0, lower is better. O(k^2 n_features).

    As in scikit-learn, the index is 0 if all points equal their cluster's mean, or if all means are equal.

    Parameters
    ----------
    means : mean of each cluster's points, shape (k, n_features)
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
    """Return the Calinski-Harabasz index of k clusters, k >= 2: at least 0, higher is better.

    As in scikit-learn, the index is 1 if all points equal their cluster's mean.

    Parameters
    ----------
    sizes : number of points of each cluster, shape (k,)
    means : mean of each cluster's points, shape (k, n_features)
    within : sum of squared distances of all points to the mean of their cluster

    References
    ----------
    T. Caliński, J. Harabasz (1974), "A dendrite method for cluster analysis", Commun. Stat. 3, 1-27.
    """
    n, k = int(sizes.sum()), len(sizes)
    overall = sizes @ means / n
    between = float(sizes @ ((means - overall) ** 2).sum(axis=1))
    return 1.0 if within == 0 or n == k else between * (n - k) / (within * (k - 1))
