"""How much the clusters of every k depend on which tracks were there: fits on random halves, compared."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from segue.core.grid_result import Fit, GridOptions, Stability
from segue.core.metrics import agreement
from segue.kmeans_grid import kernel, search
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.worker_pool import WorkerPool

log = logging.getLogger(__name__)
MAX_POINTS = 20_000
RESTARTS = 4
"""Starts for each k of a half: stability is a matter of the halves, not of luck with a start, which exchanges mend."""


def stability(
    sample: Points, ks: Sequence[int], *, halves: int, seed: int, bits: int, hands: WorkerPool | None = None
) -> list[Stability | None]:
    """Return how stable every k is: the adjusted Rand index between clusterings fitted on different halves.

    Every half holds each point with a chance of one in two; two halves are compared on the points that both hold.

    Parameters
    ----------
    sample : on the grid, in an order of no meaning; of more than 20,000 points the first 20,000 are taken
    ks : numbers of clusters, rising
    halves : how many, at least 2
    seed, bits, hands : as for ``search``

    Returns
    -------
    list of Stability or None
        One per k, over all pairs of halves; None where a half has fewer different points than k.

    References
    ----------
    T. Lange, V. Roth, M. L. Braun, J. M. Buhmann (2004), "Stability-based validation of clustering solutions",
    Neural Comput. 16, 1299-1323.
    """
    points = Points(sample.columns[:, :MAX_POINTS], sample.moments[:MAX_POINTS])
    held = np.random.Generator(np.random.PCG64([seed, halves, 1])).random((halves, len(points))) < 0.5
    parts = [Points(points.columns[:, mask], points.moments[mask]) for mask in held]
    fewest = min(len(np.unique(part.rows, axis=0)) for part in parts)
    fitted = [k for k in ks if k <= fewest]
    if not fitted:
        return [None] * len(ks)
    labels = [_labels(points, part, fitted, seed + number, bits, hands) for number, part in enumerate(parts)]
    found: list[Stability | None] = [None] * len(ks)
    for place, k in enumerate(fitted):
        rand = [
            _rand(labels[a][place], labels[b][place], held[a] & held[b], points.weights, k)
            for a, b in combinations(range(halves), 2)
        ]
        found[place] = Stability(float(np.mean(rand)), float(np.std(rand)), halves)
    return found


def with_stability(
    fits: list[Fit], sample: Points, budget: GridOptions, bits: int, hands: WorkerPool | None = None
) -> list[Fit]:
    """Return the fits with their stability on a sample, if the budget asks for it."""
    if not budget.halves:
        return fits
    begun = time.monotonic()
    ks = [fit.k for fit in fits]
    found = stability(sample, ks, halves=budget.halves, seed=budget.seed, bits=bits, hands=hands)
    log.info("stability by %d random halves of the sample, %.1f s", budget.halves, time.monotonic() - begun)
    return [replace(fit, stability=of_k) for fit, of_k in zip(fits, found, strict=True)]


def _labels(
    points: Points, part: Points, ks: Sequence[int], seed: int, bits: int, hands: WorkerPool | None
) -> list[NDArray[np.int64]]:
    """Return the labels of all points by the clusters of one half, for every k."""
    starts = search.search(part, ks, restarts=RESTARTS, seed=seed, bits=bits, hands=hands)
    return [kernel.labels(points, start.centres) for start in starts]


def _rand(
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    shared: NDArray[np.bool_],
    weights: NDArray[np.float64],
    k: int,
) -> float:
    pairs = np.bincount(one[shared] * k + other[shared], weights=weights[shared], minlength=k * k)
    found = agreement(pairs.astype(np.int64).reshape(k, k)).ari
    return 1.0 if found is None else found
