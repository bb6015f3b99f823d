"""Sum silhouettes and distances by cluster, and count points by cluster and class, for every k in one pass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segue.kmeans_grid import kernel
from segue.kmeans_grid.kernel import Matrix, Points

_ELEMENTS = 1 << 17
"""Number of distances computed at a time for one k, to bound the memory."""
_MIN_POINTS = 128
"""Minimum number of points processed at a time; the last points may be fewer."""
_ZERO = 1e-13
"""Squared distances from points to means are set to 0 below this limit.

They may be rounding errors: a squared distance is computed as a difference of numbers of about 1.
"""
_MAX_DENSE_COUNTS = 1 << 20
"""Limit for _PairCounter: with more possible pairs (cluster, class), only pairs with points are stored."""


class CentreStats(NamedTuple):
    """Centres of one k, and number, mean and mean squared length of the points nearest to each centre."""

    centres: Matrix
    """Centre of each cluster, shape (k, n_features)."""
    sizes: NDArray[np.float64]
    """Number of each centre's points, shape (k,)."""
    means: Matrix
    """Mean of each centre's points, shape (k, n_features)."""
    mean_squares: NDArray[np.float64]
    """Mean squared length of each centre's points, shape (k,)."""

    @classmethod
    def of(cls, centres: Matrix, sums: Matrix) -> "CentreStats":
        """Make CentreStats from centres and the sums of their points. Every centre must have points.

        Parameters
        ----------
        centres : shape (k, n_features)
        sums : result of ``kernel.centre_sums`` for these centres, shape (k, n_features + 2)
        """
        sizes = sums[:, -2]
        return cls(centres, sizes, sums[:, :-2] / sizes[:, None], sums[:, -1] / sizes)


class ScoreSums(NamedTuple):
    """Sums over the points of each cluster of one k, and counts of points by cluster and class."""

    sums: Matrix
    """Shape (k, 3): by cluster, the sums of silhouettes, of distances to the mean, and of these distances squared."""
    pairs: NDArray[np.int64]
    """Pairs (cluster, class) with points, encoded as cluster * n_classes + class, ascending; shape (n_pairs,)."""
    counts: NDArray[np.int64]
    """Number of points of each pair, shape (n_pairs,)."""


def score_sums(
    points: Points, classes: NDArray[np.int32] | None, n_classes: int, stats: Sequence[CentreStats]
) -> list[ScoreSums]:
    """Sum silhouettes and distances to the cluster mean, for every cluster of every k. O(n k d).

    Distances are summed both unsquared and squared. With ``classes``, points are also counted by cluster and class.

    Silhouettes need no distances between pairs of points. Let x be a point. Of the s points of a cluster, let m be the
    mean, and q the mean squared length. The mean squared distance from x to these points is |x|^2 + q - 2 x.m. If x is
    one of them, its mean squared distance to the other s - 1 points is s / (s - 1) times this value.

    Parameters
    ----------
    points : all points or a part of them, scaled into [-1, 1]
    classes : index of each point's class (known category, such as its genre), shape (n_points,), or None
        -1 for points without a class. None if there are no classes.
    n_classes : number of classes
    stats : one for each k, computed from all points

    Returns
    -------
    list of ScoreSums
        One for each k.
    """
    ks = [len(centre_stats.centres) for centre_stats in stats]
    sums = [np.zeros((k, 3)) for k in ks]
    counters = [_PairCounter(k, n_classes) for k in ks] if classes is not None and n_classes else []
    constants = [
        (kernel.distance_coefficients(s.centres), _mean_distance_coefficients(s), *_silhouette_terms(s)) for s in stats
    ]
    size = max(_MIN_POINTS, _ELEMENTS // max(ks))
    for begin in range(0, len(points), size):
        part = slice(begin, begin + size)
        columns, weights = points.homogeneous_columns[:, part], points.weights[part]
        squares = np.einsum("ij,ij->j", columns[:-1], columns[:-1])
        for index, (to_centres, to_means, spread, factor) in enumerate(constants):
            labels = kernel.column_argmin(to_centres @ columns)
            silhouettes, distances = _point_scores(to_means @ columns + squares, labels, spread, factor)
            values = (silhouettes * weights, np.sqrt(distances) * weights, distances * weights)
            for column, value in enumerate(values):
                sums[index][:, column] += np.bincount(labels, weights=value, minlength=len(sums[index]))
            if counters:
                counters[index].add(labels, classes[part], weights)  # type: ignore[index]
    empty = np.zeros(0, dtype=np.int64)
    return [
        ScoreSums(k_sums, *(counters[index].nonzero() if counters else (empty, empty)))
        for index, k_sums in enumerate(sums)
    ]


def _mean_distance_coefficients(stats: CentreStats) -> Matrix:
    """Return coefficients for the mean squared distances to the points of each cluster, shape (k, n_features + 1).

    The product of a cluster's row with (x, 1) is the mean squared distance from x to the cluster's points, minus |x|^2.
    """
    return np.concatenate([-2 * stats.means, stats.mean_squares[:, None]], axis=1)


def _silhouette_terms(stats: CentreStats) -> tuple[Matrix, Matrix]:
    """Return spread and factor of each cluster, two arrays of shape (k,).

    The spread is the mean squared distance of the cluster's points to their mean. The factor is n / (n - 1) for a
    cluster of n points, or 0 if n is 1.
    """
    spread = stats.mean_squares - np.einsum("ij,ij->i", stats.means, stats.means)
    return spread, np.where(stats.sizes > 1, stats.sizes / np.maximum(stats.sizes - 1, 1.0), 0.0)


def _point_scores(
    mean_distances: Matrix, labels: NDArray[np.int64], spread: Matrix, factor: Matrix
) -> tuple[Matrix, Matrix]:
    """Return each point's silhouette, and its squared distance to its cluster's mean; two arrays of shape (n,).

    Parameters
    ----------
    mean_distances : mean squared distance of each point to the points of each cluster, shape (k, n); changed in place
    labels : index of each point's cluster, shape (n,)
    spread, factor : from ``_silhouette_terms``, shape (k,) each
    """
    columns = np.arange(mean_distances.shape[1])
    inside = mean_distances[labels, columns]
    to_mean = inside - spread[labels]
    to_mean[to_mean < _ZERO] = 0.0
    inside = np.maximum(inside, 0.0) * factor[labels]
    mean_distances[labels, columns] = np.inf
    outside = np.maximum(mean_distances.min(axis=0), 0.0)
    larger = np.maximum(inside, outside)
    silhouettes = np.divide(outside - inside, larger, out=np.zeros_like(larger), where=larger > 0)
    # the silhouette of a point that is alone in its cluster is 0, as in scikit-learn and ClusteringEvaluator
    silhouettes[factor[labels] == 0] = 0.0
    return silhouettes, to_mean


class _PairCounter:
    """Counts points by cluster and class (a known category of points, such as a genre).

    If there are at most ``_MAX_DENSE_COUNTS`` possible pairs (cluster, class), an array holds the counts of all pairs.
    Otherwise only the counts of pairs with points are stored.
    """

    def __init__(self, n_clusters: int, n_classes: int) -> None:
        self._n_classes = n_classes
        size = n_clusters * n_classes
        self._dense = np.zeros(size) if size <= _MAX_DENSE_COUNTS else None
        self._sparse: tuple[NDArray[np.int64], NDArray[np.float64]] = np.zeros(0, dtype=np.int64), np.zeros(0)

    def add(self, labels: NDArray[np.int64], classes: NDArray[np.int32], weights: Matrix) -> None:
        """Count n points, given their cluster indices, class indices (-1 for no class) and weights, shape (n,) each."""
        has_class = classes >= 0
        pairs, weights = labels[has_class] * self._n_classes + classes[has_class], weights[has_class]
        if self._dense is not None:
            self._dense += np.bincount(pairs, weights=weights, minlength=len(self._dense))
        else:
            self._sparse = _merge_counts(
                np.concatenate([self._sparse[0], pairs]), np.concatenate([self._sparse[1], weights])
            )

    def nonzero(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the encoded pairs with points, and their counts; see ``ScoreSums.pairs`` and ``ScoreSums.counts``."""
        if self._dense is None:
            return self._sparse[0], self._sparse[1].astype(np.int64)
        pairs = np.flatnonzero(self._dense)
        return pairs, self._dense[pairs].astype(np.int64)


def _merge_counts(pairs: NDArray[np.int64], counts: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    """Add up the counts of equal pairs: ``[5, 2, 5], [1, 4, 3] -> [2, 5], [4, 4]``.

    ``counts[i]`` is the count of ``pairs[i]``. The resulting pairs are distinct and ascending.
    """
    distinct, inverse = np.unique(pairs, return_inverse=True)
    return distinct, np.bincount(inverse, weights=counts, minlength=len(distinct)).astype(np.float64)


def merge_score_sums(parts: Sequence[ScoreSums]) -> ScoreSums:
    """Add up the ScoreSums of several parts of the points, all for the same k."""
    pairs, counts = _merge_counts(
        np.concatenate([part.pairs for part in parts]),
        np.concatenate([part.counts for part in parts]).astype(np.float64),
    )
    return ScoreSums(sum((part.sums for part in parts[1:]), parts[0].sums), pairs, counts.astype(np.int64))
