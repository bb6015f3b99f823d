"""Define options and results of a K-means grid (one fit per k), common to the engines ``fused`` and ``spark-ml``."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segue.core import metrics
from segue.core.metrics import Agreement
from segue.errors import ClusteringError

log = logging.getLogger(__name__)
Matrix = NDArray[np.float64]
STABILITY_MAX_POINTS = 20_000
"""Maximum number of points on which stability is measured (``spark-ml``: approximate)."""
STABILITY_RESTARTS = 4
"""Starts of each k on each half of the points, for stability; ``spark-ml``: at most ``GridOptions.restarts``."""


@dataclass(frozen=True, slots=True)
class GridOptions:
    """Options for fitting K-means for every k of a grid, by either engine.

    They are restarts, iterations, tolerance, seed, sample size and the number of subsamples, by which the stability of
    each k is measured.
    """

    restarts: int
    """Starts of each k. The best by inertia is returned; ``fused`` improves it by centres of neighbouring k."""
    max_iter: int
    """Maximum number of Lloyd iterations over all points."""
    tol: float
    """A fit has converged when no centre moves farther than this, in the units of the points.

    ``fused`` also stops when a pass lowers inertia by less than the share ``tol`` / 20, with ``tol`` in units of points
    scaled into [-1, 1]. It uses neither ``max_iter`` nor ``tol`` if the sample holds all points.
    """
    seed: int
    """Seed of every random draw."""
    sample_size: int = 50_000
    """Points on which ``fused`` searches for starts, at least 100 per centre; ``spark-ml``: for stability only."""
    subsamples: int = 0
    """Number of random halves of the sample that are fitted for ``Stability``; 0: ``Fit.stability`` is None."""


@dataclass(frozen=True, slots=True)
class Stability:
    """How well fits of one k on random halves of the points agree.

    Holds the mean and standard deviation of the adjusted Rand index over all pairs of halves.
    """

    mean: float
    sd: float
    subsamples: int
    """Number of halves."""

    @property
    def standard_error(self) -> float:
        """Standard error of the mean: sd / sqrt(number of halves), as pairs that share a half are not independent."""
        return float(self.sd / self.subsamples**0.5)


@dataclass(frozen=True, slots=True)
class Fit:
    """The fit of one k: its centres, the size of each cluster, and its scores, such as inertia and silhouette."""

    k: int
    centres: Matrix
    """Shape (k, n_features), in the units of the points."""
    sizes: NDArray[np.int64]
    """Number of points nearest to each centre, shape (k,)."""
    inertia: float
    """Sum of the squared distances of all points to their nearest centre."""
    silhouette: float
    """Mean silhouette of all points, by squared Euclidean distance, in [-1, 1]."""
    cluster_silhouettes: NDArray[np.float64]
    """Mean silhouette of the points of each cluster, shape (k,)."""
    davies_bouldin: float
    calinski_harabasz: float
    agreement: Agreement
    engine: str
    restarts: int
    iterations: int
    """Lloyd iterations that led to the centres."""
    stability: Stability | None = None
    """None if not requested or not measurable, for example if a half has fewer than k distinct points."""


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What the scores of one k are computed from: a NumPy array for each sum over the points of a cluster.

    A cluster's points are those nearest to its centre; ``means`` are means instead of sums.
    """

    sizes: NDArray[np.int64]
    """Number of points of each cluster, shape (k,)."""
    means: Matrix
    """Mean of each cluster's points, shape (k, n_features)."""
    silhouettes: NDArray[np.float64]
    """Sums of silhouettes, shape (k,)."""
    distances: NDArray[np.float64]
    """Sums of distances to the cluster's mean, shape (k,)."""
    squares: NDArray[np.float64]
    """Sums of squared distances to the cluster's mean, shape (k,)."""


def fit_from_sums(
    centres: Matrix, sums: ClusterSums, agreement: Agreement, *, engine: str, restarts: int, iterations: int
) -> Fit:
    """Compute the scores of the clusters of one k from sums over their points, and return them as a Fit.

    Parameters
    ----------
    centres : shape (k, n_features)
    sums : sums over the points of each cluster, no cluster empty
    agreement : agreement of the clusters with classes (genres)
    engine, restarts, iterations : copied into the Fit
    """
    within = float(sums.squares.sum())
    offset = float(sums.sizes @ ((sums.means - centres) ** 2).sum(axis=1))
    # rounding may carry a perfect silhouette past 1
    mean = float(np.clip(sums.silhouettes.sum() / sums.sizes.sum(), -1.0, 1.0))
    return Fit(
        k=len(centres),
        centres=centres,
        sizes=sums.sizes,
        inertia=within + offset,
        silhouette=mean,
        cluster_silhouettes=sums.silhouettes / sums.sizes,
        davies_bouldin=metrics.davies_bouldin(sums.means, sums.distances / sums.sizes),
        calinski_harabasz=metrics.calinski_harabasz(sums.sizes, sums.means, within),
        agreement=agreement,
        engine=engine,
        restarts=restarts,
        iterations=iterations,
    )


def feasible_ks(ks: Sequence[int], n_distinct: int) -> list[int]:
    """Return a list of those ``ks`` that are at most ``n_distinct``, the number of distinct points.

    ``ks`` are ascending. Larger ones are left out with a warning in the log.

    Raises
    ------
    ClusteringError
        If every k is above ``n_distinct``: Spark would silently return fewer centres.
    """
    feasible = [k for k in ks if k <= n_distinct]
    if not feasible:
        raise ClusteringError(
            f"{n_distinct} distinct {'track' if n_distinct == 1 else 'tracks'} by the chosen features, expected at "
            f"least {ks[0]} for k = {ks[0]}; add tracks or features, or request fewer clusters with clustering.ks"
        )
    if len(feasible) < len(ks):
        log.warning("only %d distinct tracks by the chosen features: every k above %d is left out",
                    n_distinct, n_distinct)  # fmt: skip
    return feasible
