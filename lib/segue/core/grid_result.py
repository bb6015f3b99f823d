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
"""Maximum number of points on which stability is measured; ``spark-ml`` draws a sample of about this size."""
STABILITY_RESTARTS = 4
"""Starts of each k on each random half, for stability; ``spark-ml`` runs at most ``GridOptions.restarts`` of them."""


@dataclass(frozen=True, slots=True)
class GridOptions:
    """Options for fitting K-means for every k of a grid, by either engine (``fused`` or ``spark-ml``)."""

    restarts: int
    """Starts of each k. The fit of lowest inertia is used; ``fused`` then improves it by centres of neighbouring k."""
    max_iter: int
    """Maximum number of Lloyd iterations over all points: of each k with ``fused``, of each start with ``spark-ml``."""
    tol: float
    """A fit has converged when no centre moves farther than this, in the units of the points.

    With ``fused`` a fit has also converged when a pass lowers its inertia by a smaller share than ``tol`` / 20, where
    ``tol`` is converted to the units of points scaled into [-1, 1]. ``fused`` uses neither ``max_iter`` nor ``tol`` if
    its sample holds all points.
    """
    seed: int
    """Seed of every random draw."""
    sample_size: int = 50_000
    """Number of points on which ``fused`` searches starting centres, raised to 100 per centre of the largest k.

    ``spark-ml`` uses it only as the maximum number of points for stability.
    """
    subsamples: int = 0
    """Number of random halves of the sample on which ``Fit.stability`` is measured; 0: it is not measured."""


@dataclass(frozen=True, slots=True)
class Stability:
    """The adjusted Rand index between fits of one k on random halves of the points: statistics over pairs of halves."""

    mean: float
    """Mean over the pairs; 1 if every two fits agree, about 0 if they agree as by chance."""
    sd: float
    """Standard deviation over the pairs."""
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
    """Sizes, means and sums over the points of each cluster of one k, from which its scores are computed.

    A cluster's points are those nearest to its centre.
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
    """Compute the scores of the clusters of one k from sums over their points, and return them as a Fit.

    ``Fit.stability`` is None.

    Parameters
    ----------
    centres : shape (k, n_features), in the units of ``sums``
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
    """Return the ``ks`` that are at most ``n_distinct``; log a warning if others are left out.

    Parameters
    ----------
    ks : numbers of clusters, ascending
    n_distinct : number of distinct points

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
