"""Define the options and results of a K-means grid: one fit for each number of clusters k.

Both engines use them: ``fused`` (the package ``kmeans_grid``) and ``spark-ml`` (``clustering.spark_engine``).
"""

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
"""Maximum number of points used to measure ``Stability``. If there are more, a random sample is used.

The sample of ``spark-ml`` has about this size: it may be slightly larger.
"""
STABILITY_RESTARTS = 4
"""Number of random starts per fit for measuring ``Stability``; with ``spark-ml`` at most ``GridOptions.restarts``."""


@dataclass(frozen=True, slots=True)
class GridOptions:
    """Options for fitting K-means for every k of a grid, by either engine (``fused`` or ``spark-ml``)."""

    restarts: int
    """Number of random starts for each k. The result with the lowest inertia is used.

    ``fused`` then also tries starts made from the centres for k - 1, k and k + 1.
    """
    max_iter: int
    """Maximum number of Lloyd iterations over all points. ``fused`` counts them per k, ``spark-ml`` per start.

    ``fused`` ignores ``max_iter`` and ``tol`` if its sample (``sample_size``) holds all points.
    """
    tol: float
    """Distance, in the units of the points. A fit has converged if no centre moves farther in an iteration.

    With ``fused``, a fit has also converged if an iteration lowers the inertia by less than the fraction ``tol`` / 20.
    In this rule, ``tol`` is in the units of points scaled into [-1, 1].
    """
    seed: int
    """Seed of every random draw."""
    sample_size: int = 50_000
    """Number of sampled points on which ``fused`` searches starting centres.

    If 100 times the largest k is larger, ``fused`` uses that number. ``spark-ml`` uses ``sample_size`` only to measure
    stability, on at most about this number of points.
    """
    subsamples: int = 0
    """Number of random halves of the points for measuring ``Fit.stability``, at least 2; 0 to measure no stability."""


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement between K-means fits on random halves of the points, for one k.

    The agreement of two halves is the adjusted Rand index of their clusters, on the points in both halves.
    """

    mean: float
    """Mean of the adjusted Rand index over all pairs of halves: 1 if all fits agree, about 0 for chance agreement."""
    sd: float
    """Standard deviation of the adjusted Rand index over all pairs of halves."""
    subsamples: int
    """Number of halves."""

    @property
    def standard_error(self) -> float:
        """Standard error of ``mean``: sd / sqrt(number of halves).

        The divisor is not sqrt(number of pairs), since pairs that share a half are not independent.
        """
        return float(self.sd / self.subsamples**0.5)


@dataclass(frozen=True, slots=True)
class Fit:
    """The fitted clusters of one k: centres, sizes and scores."""

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
    """Agreement of the clusters with known classes of the points, such as genres."""
    engine: str
    """``fused`` or ``spark-ml``."""
    restarts: int
    """Number of random starts, as requested."""
    iterations: int
    """Number of Lloyd iterations from the starting centres to these centres."""
    stability: Stability | None = None
    """Agreement of fits on random halves of the points.

    None if it was not requested or cannot be measured: for example, a half has fewer than k distinct points.
    """


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Sizes, means and distance sums of the clusters of one fit. ``fit_from_sums`` computes the scores from them.

    The points of a cluster are the points nearest to its centre.
    """

    sizes: NDArray[np.int64]
    """Number of points of each cluster, shape (k,)."""
    means: Matrix
    """Mean of each cluster's points, shape (k, n_features)."""
    silhouettes: NDArray[np.float64]
    """Sum of the silhouettes of each cluster's points, shape (k,)."""
    distances: NDArray[np.float64]
    """Sum of the distances of each cluster's points to their mean, shape (k,)."""
    squares: NDArray[np.float64]
    """Sum of the squared distances of each cluster's points to their mean, shape (k,)."""


def fit_from_sums(
    centres: Matrix, sums: ClusterSums, agreement: Agreement, *, engine: str, restarts: int, iterations: int
) -> Fit:
    """Compute the scores of k clusters from sums over their points; return them as a Fit, without stability.

    Parameters
    ----------
    centres : shape (k, n_features), in the units of ``sums``
    sums : sums over the points of each cluster; every cluster has points
    agreement : agreement of the clusters with classes, such as genres
    engine, restarts, iterations : copied into the Fit
    """
    within = float(sums.squares.sum())
    offset = float(sums.sizes @ ((sums.means - centres) ** 2).sum(axis=1))
    # the rounded mean of silhouettes that are all 1 may exceed 1
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
    """Return the items of ``ks`` that are at most ``n_distinct``; log a warning if an item is larger.

    Parameters
    ----------
    ks : numbers of clusters, ascending
    n_distinct : number of distinct points

    Raises
    ------
    ClusteringError
        If every k is above ``n_distinct``. Without this error, Spark would return fewer than k centres.
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
