"""What a grid is asked and what it answers, whichever engine does the work."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segue.core import metrics
from segue.core.metrics import Agreement
from segue.errors import ClusteringError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridOptions:
    """How hard to look.

    ``restarts`` starts for each k; ``max_iter`` iterations over all points at the most; converged when no centre moves
    farther than ``tol``; every draw comes from ``seed``; ``sample`` points at the most are searched for starts;
    ``halves`` random halves of them are fitted too, for stability, none if 0.
    """

    restarts: int
    max_iter: int
    tol: float
    seed: int
    sample: int = 50_000
    halves: int = 0


@dataclass(frozen=True, slots=True)
class Stability:
    """How alike the clusters are that are fitted on random halves, by adjusted Rand index over all pairs of halves."""

    mean: float
    sd: float
    halves: int

    @property
    def standard_error(self) -> float:
        """Of the mean. The pairs share halves, so that only the halves count as independent."""
        return self.sd / self.halves**0.5


@dataclass(frozen=True, slots=True)
class Fit:
    """The clusters of one k: where they are, how they were found, how good they are."""

    k: int
    centres: Matrix
    """Shape (k, n_features), scaled units."""
    sizes: NDArray[np.int64]
    """Points nearest to each centre, shape (k,)."""
    inertia: float
    """Sum of squared distances of all points to their centre."""
    silhouette: float
    """Mean over all points, squared Euclidean distance."""
    cluster_silhouettes: NDArray[np.float64]
    """Mean over the points of each cluster, shape (k,)."""
    davies_bouldin: float
    calinski_harabasz: float
    agreement: Agreement
    engine: str
    restarts: int
    iterations: int
    stability: Stability | None = None
    """Where it was asked for."""


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What is summed over the points of each cluster, after its centre was found."""

    sizes: NDArray[np.int64]
    means: Matrix
    """Shape (k, n_features)."""
    silhouettes: NDArray[np.float64]
    distances: NDArray[np.float64]
    """Distances of the points to the mean of their cluster."""
    squares: NDArray[np.float64]
    """Squares of these distances."""


def fit_from_sums(
    centres: Matrix, sums: ClusterSums, agreement: Agreement, *, engine: str, restarts: int, iterations: int
) -> Fit:
    """Return the fit that these sums make."""
    within = float(sums.squares.sum())
    aside = float(sums.sizes @ ((sums.means - centres) ** 2).sum(axis=1))
    # rounding may carry a perfect silhouette past 1
    mean = float(np.clip(sums.silhouettes.sum() / sums.sizes.sum(), -1.0, 1.0))
    return Fit(
        k=len(centres),
        centres=centres,
        sizes=sums.sizes,
        inertia=within + aside,
        silhouette=mean,
        cluster_silhouettes=sums.silhouettes / sums.sizes,
        davies_bouldin=metrics.davies_bouldin(sums.means, sums.distances / sums.sizes),
        calinski_harabasz=metrics.calinski_harabasz(sums.sizes, sums.means, within),
        agreement=agreement,
        engine=engine,
        restarts=restarts,
        iterations=iterations,
    )


log = logging.getLogger(__name__)


def feasible_ks(ks: Sequence[int], n_distinct: int) -> list[int]:
    """Return the k up to the number of distinct points, with a warning, or raise ClusteringError where none is left."""
    found = [k for k in ks if k <= n_distinct]
    if not found:
        raise ClusteringError(
            f"{n_distinct} distinct {'track' if n_distinct == 1 else 'tracks'} by the chosen features, wanted at "
            f"least {ks[0]} for k = {ks[0]}; add tracks or features, or ask for fewer clusters with clustering.ks"
        )
    if len(found) < len(ks):
        log.warning("only %d distinct tracks by the chosen features, so no k above %d", n_distinct, n_distinct)
    return found
