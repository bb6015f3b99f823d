"""Measure how much the clusters of every k depend on the points: compare fits on random halves of a sample."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from segue.core.grid_result import STABILITY_MAX_POINTS, STABILITY_RESTARTS, Fit, GridOptions, Stability
from segue.core.metrics import agreement
from segue.kmeans_grid import kernel, search
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.worker_pool import WorkerPool

log = logging.getLogger(__name__)


def stability(
    sample: Points, ks: Sequence[int], *, subsamples: int, seed: int, bits: int, pool: WorkerPool | None = None
) -> list[Stability | None]:
    """Return the stability of every k: the adjusted Rand index between clusterings fitted on different halves.

    Each half holds each point with probability 1/2. Four starts suffice for a half, since exchanges between k make up
    for poor starts. Two halves are compared on the points that both hold; a pair that shares none counts as 1.

    Parameters
    ----------
    sample : in fixed point, shuffled; of more than 20,000 points the first 20,000 are used
    ks : numbers of clusters, rising
    subsamples : number of halves, at least 2
    seed, bits, pool : as for ``search``

    Returns
    -------
    list of Stability or None
        One per k, over all pairs of halves; None if a half has fewer distinct points than k.

    References
    ----------
    T. Lange, V. Roth, M. L. Braun, J. M. Buhmann (2004), "Stability-based validation of clustering solutions",
    Neural Comput. 16, 1299-1323.
    """
    points = Points(sample.homogeneous_columns[:, :STABILITY_MAX_POINTS], sample.weighted_rows[:STABILITY_MAX_POINTS])
    masks = np.random.Generator(np.random.PCG64([seed, subsamples, 1])).random((subsamples, len(points))) < 0.5
    parts = [Points(points.homogeneous_columns[:, mask], points.weighted_rows[mask]) for mask in masks]
    min_distinct = min(len(np.unique(part.rows, axis=0)) for part in parts)
    feasible = [k for k in ks if k <= min_distinct]
    if not feasible:
        return [None] * len(ks)
    labels = [_labels(points, part, feasible, seed + number, bits, pool) for number, part in enumerate(parts)]
    results: list[Stability | None] = [None] * len(ks)
    for index, k in enumerate(feasible):
        indices = [
            _rand_index(labels[a][index], labels[b][index], masks[a] & masks[b], points.weights, k)
            for a, b in combinations(range(subsamples), 2)
        ]
        results[index] = Stability(float(np.mean(indices)), float(np.std(indices)), subsamples)
    return results


def with_stability(
    fits: list[Fit], sample: Points, options: GridOptions, bits: int, pool: WorkerPool | None = None
) -> list[Fit]:
    """Return the fits with their stability on a sample, or unchanged if ``options.subsamples`` is 0."""
    if not options.subsamples:
        return fits
    started = time.monotonic()
    ks = [fit.k for fit in fits]
    results = stability(sample, ks, subsamples=options.subsamples, seed=options.seed, bits=bits, pool=pool)
    log.info("stability by %d random halves of the sample, %.1f s", options.subsamples, time.monotonic() - started)
    return [replace(fit, stability=result) for fit, result in zip(fits, results, strict=True)]


def _labels(
    points: Points, part: Points, ks: Sequence[int], seed: int, bits: int, pool: WorkerPool | None
) -> list[NDArray[np.int64]]:
    """Return the labels of all points by the clusters of one half, for every k."""
    solutions = search.search(part, ks, restarts=STABILITY_RESTARTS, seed=seed, bits=bits, pool=pool)
    return [kernel.labels(points, solution.centres) for solution in solutions]


def _rand_index(
    labels: NDArray[np.int64],
    other: NDArray[np.int64],
    shared: NDArray[np.bool_],
    weights: NDArray[np.float64],
    k: int,
) -> float:
    """Return the adjusted Rand index of two labellings on the shared points, 1 if there are none."""
    pairs = np.bincount(labels[shared] * k + other[shared], weights=weights[shared], minlength=k * k)
    ari = agreement(pairs.astype(np.int64).reshape(k, k)).ari
    return 1.0 if ari is None else ari
