"""Scores of many clusterings in one pass: silhouettes, distances to the mean, agreement with given classes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segue.kmeans_grid import kernel
from segue.kmeans_grid.kernel import Matrix, Points

_ELEMENTS = 1 << 17
_ZERO = 1e-13
"""Squared distances below this are rounding: points and means differ by less than the grid can tell."""
_MAX_DENSE_COUNTS = 1 << 20


class CentreStats(NamedTuple):
    """What a pass before has found of the clusters of one k."""

    centres: Matrix
    """Shape (k, n_features): the nearest one decides."""
    sizes: NDArray[np.float64]
    means: Matrix
    mean_squares: NDArray[np.float64]
    """Mean squared length of each cluster's points, shape (k,)."""

    @classmethod
    def of(cls, centres: Matrix, total: Matrix) -> "CentreStats":
        """Return what ``kernel.centre_sums`` says of these centres, none of which is without points."""
        sizes = total[:, -2]
        return cls(centres, sizes, total[:, :-2] / sizes[:, None], total[:, -1] / sizes)


class ScoreSums(NamedTuple):
    """Sums over the points of each cluster, for one k."""

    sums: Matrix
    """Shape (k, 3): silhouettes, distances to the mean, their squares."""
    pairs: NDArray[np.int64]
    """Which (cluster, class) occur, as cluster * n_classes + class, rising."""
    counts: NDArray[np.int64]
    """How often each of them does."""


def score_sums(
    points: Points, classes: NDArray[np.int32] | None, n_classes: int, known: Sequence[CentreStats]
) -> list[ScoreSums]:
    """Return what the points add to the scores of every k.

    The mean squared distance of x to the n points of a cluster with mean m and mean squared length q is
    |x|^2 + q - 2 x.m; to its own cluster's other points it is n / (n - 1) times that.

    Parameters
    ----------
    points : any, on the grid or not
    classes : class of each point, below 0 where it has none
    n_classes : how many classes there are
    known : one for each k
    """
    sums = [np.zeros((len(of.centres), 3)) for of in known]
    tallies = [_ClassCounts(len(of.centres), n_classes) for of in known] if classes is not None and n_classes else []
    prepared = [(kernel.distance_form(of.centres), _mean_form(of), *_constants(of)) for of in known]
    size = max(128, _ELEMENTS // max(len(of.centres) for of in known))
    for begin in range(0, len(points), size):
        part = slice(begin, begin + size)
        columns, weights = points.columns[:, part], points.weights[part]
        squares = np.einsum("ij,ij->j", columns[:-1], columns[:-1])
        for place, (nearest, mean_gaps, spread, factor) in enumerate(prepared):
            own = kernel.column_argmin(nearest @ columns)
            silhouettes, gaps = _of_points(mean_gaps @ columns + squares, own, spread, factor)
            values = (silhouettes * weights, np.sqrt(gaps) * weights, gaps * weights)
            for column, value in enumerate(values):
                sums[place][:, column] += np.bincount(own, weights=value, minlength=len(sums[place]))
            if tallies:
                tallies[place].add(own, classes[part], weights)  # type: ignore[index]
    empty = np.zeros(0, dtype=np.int64)
    return [
        ScoreSums(total, *(tallies[place].nonzero() if tallies else (empty, empty))) for place, total in enumerate(sums)
    ]


def _mean_form(of: CentreStats) -> Matrix:
    """Return the rows that times (x, 1) give the mean squared distance to a cluster's points, less |x|^2."""
    return np.concatenate([-2 * of.means, of.mean_squares[:, None]], axis=1)


def _constants(of: CentreStats) -> tuple[Matrix, Matrix]:
    """Return by how much that exceeds the squared distance to the mean, and what leaves a point itself out."""
    spread = of.mean_squares - np.einsum("ij,ij->i", of.means, of.means)
    return spread, np.where(of.sizes > 1, of.sizes / np.maximum(of.sizes - 1, 1.0), 0.0)


def _of_points(mean: Matrix, own: NDArray[np.int64], spread: Matrix, factor: Matrix) -> tuple[Matrix, Matrix]:
    """Return the silhouettes and the squared distances to the own mean; ``mean``, shape (k, n), is used up."""
    across = np.arange(mean.shape[1])
    inside = mean[own, across]
    gaps = inside - spread[own]
    gaps[gaps < _ZERO] = 0.0
    inside = np.maximum(inside, 0.0) * factor[own]
    mean[own, across] = np.inf
    outside = np.maximum(mean.min(axis=0), 0.0)
    larger = np.maximum(inside, outside)
    found = np.divide(outside - inside, larger, out=np.zeros_like(larger), where=larger > 0)
    # a point alone in its cluster has 0, as in scikit-learn and ClusteringEvaluator
    found[factor[own] == 0] = 0.0
    return found, gaps


class _ClassCounts:
    """Counts pairs of cluster and class."""

    def __init__(self, n_clusters: int, n_classes: int) -> None:
        self._n_classes = n_classes
        size = n_clusters * n_classes
        # so many classes that most pairs never occur: only those that do are kept
        self._dense = np.zeros(size) if size <= _MAX_DENSE_COUNTS else None
        self._sparse: tuple[NDArray[np.int64], NDArray[np.float64]] = np.zeros(0, dtype=np.int64), np.zeros(0)

    def add(self, own: NDArray[np.int64], classes: NDArray[np.int32], weights: Matrix) -> None:
        has = classes >= 0
        pairs, weights = own[has] * self._n_classes + classes[has], weights[has]
        if self._dense is not None:
            self._dense += np.bincount(pairs, weights=weights, minlength=len(self._dense))
        else:
            self._sparse = _merged(np.concatenate([self._sparse[0], pairs]), np.concatenate([self._sparse[1], weights]))

    def nonzero(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self._dense is None:
            return self._sparse[0], self._sparse[1].astype(np.int64)
        pairs = np.flatnonzero(self._dense)
        return pairs, self._dense[pairs].astype(np.int64)


def _merged(pairs: NDArray[np.int64], counts: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    distinct, where = np.unique(pairs, return_inverse=True)
    return distinct, np.bincount(where, weights=counts, minlength=len(distinct)).astype(np.float64)


def merge_score_sums(verdicts: Sequence[ScoreSums]) -> ScoreSums:
    """Return the verdict on one k over several parts of the points."""
    pairs, counts = _merged(
        np.concatenate([verdict.pairs for verdict in verdicts]),
        np.concatenate([verdict.counts for verdict in verdicts]).astype(np.float64),
    )
    return ScoreSums(sum((v.sums for v in verdicts[1:]), verdicts[0].sums), pairs, counts.astype(np.int64))
