"""Search the best centres on a sample for every k, and measure how stable the clusters are.

First, all restarts run a few of Lloyd's iterations, and the best of each k run until they converge. Second, in rounds
of exchanges, the centres of each k, with one centre added, removed or replaced, are tried as starts for the same and
the neighbouring k, until this lowers no inertia any more. If the sample is large, both steps run on its first points,
and the best solutions then run until they converge on the whole sample. All of this runs on the driver, since the
number of points is bounded.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, repeat

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from segue.core.grid_result import STABILITY_MAX_POINTS, STABILITY_RESTARTS, Fit, GridOptions, Stability
from segue.core.metrics import agreement
from segue.kmeans_grid import kernel, seeding
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.seeding import Solution
from segue.kmeans_grid.worker_pool import WorkerPool

log = logging.getLogger(__name__)
FIRST_POINTS, FIRST_POINTS_PER_CENTRE = 10_000, 50
"""Restarts and exchanges run on the first max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * largest k) points."""
EARLY_ITERATIONS, N_REFINED = 5, 3
"""Iterations of every restart, and number of restarts of each k that are then continued."""
FINAL_ITERATIONS = 2
"""Iterations on the whole sample of the best solutions on its first points; one of each k then continues."""
MAX_EXCHANGES, MAX_FAILED_EXCHANGES = 8, 2
"""Maximum number of rounds of exchanges, and of rounds in a row that lower the inertia of no k."""
DRAWS = 32
"""Number of points that are drawn as candidates for an added centre."""
MAX_ITERATIONS = 300
"""Maximum iterations of a solution. Few need a tenth of this; the limit ends a cycle, which rounding might cause."""


def search(
    sample: Points, ks: Sequence[int], *, restarts: int, seed: int, bits: int, pool: WorkerPool | None = None
) -> list[Solution]:
    """Return the best solution of every k, converged on the sample.

    Parameters
    ----------
    sample : in fixed point, shuffled, at least ``ks[-1]`` of its points different
    ks : numbers of clusters, rising
    restarts : starts for every k
    seed : whole number
    bits : fractional bits of the fixed point
    pool : processes to share the work; the result has the same bits for any number of them

    Returns
    -------
    list of Solution
        The centres of each k, by rising k.
    """
    first, pool = _first_points(sample, ks[-1]), pool or WorkerPool(1)
    with threadpool_limits(limits=1):
        by_k = _run_restarts(first, ks, restarts, seed, bits, pool)
        solutions = [seeding.best_solutions(restarted, 1)[0] for restarted in by_k]
        solutions = _exchange(first, solutions, np.random.Generator(np.random.PCG64([seed, restarts])), bits, pool)
        if first is sample:
            return solutions
        finalists = [
            seeding.best_solutions([*restarted, solution], N_REFINED)
            for restarted, solution in zip(by_k, solutions, strict=True)
        ]
        reopened = [[solution._replace(converged=False) for solution in group] for group in finalists]
        return [refined[0] for refined in _refine(sample, reopened, 1, bits, pool, FINAL_ITERATIONS)]


def _first_points(sample: Points, max_k: int) -> Points:
    """Return the first max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * ``max_k``) points of the sample.

    Returns ``sample`` itself if it has at most as many, or if fewer than ``max_k`` of the first points are distinct.
    """
    n = max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * max_k)
    if n >= len(sample):
        return sample
    first = Points(sample.homogeneous_columns[:, :n], sample.weighted_rows[:n])
    return first if len(np.unique(first.rows, axis=0)) >= max_k else sample


def _run_restarts(
    points: Points, ks: Sequence[int], restarts: int, seed: int, bits: int, pool: WorkerPool
) -> list[list[Solution]]:
    """Run the restarts of every k; return for each k its best ``N_REFINED`` solutions, which have converged."""
    centres = seeding.plus_plus(points, ks[-1], range(restarts), seed)
    solutions = [[Solution(chosen[:k], np.inf, 0, False) for chosen in centres] for k in ks]
    return _refine(points, solutions, N_REFINED, bits, pool)


def _refine(
    points: Points,
    by_k: Sequence[Sequence[Solution]],
    n: int,
    bits: int,
    pool: WorkerPool,
    early_iterations: int = EARLY_ITERATIONS,
) -> list[list[Solution]]:
    """Run ``early_iterations`` on all solutions of every k, then the ``n`` best of each k until they converge.

    Parameters
    ----------
    points : in fixed point
    by_k : a list of solutions for each k
    n : number of solutions of each k that run until they converge
    bits : fractional bits of the fixed point
    pool : processes to share the work
    early_iterations : number of Lloyd's iterations of all solutions, after which the best are chosen

    Returns
    -------
    list of lists of Solution
        For each k its ``n`` best solutions, the lowest inertia first.
    """
    early = iter(_lloyd(points, [solution for group in by_k for solution in group], early_iterations, bits, pool))
    best = [seeding.best_solutions([next(early) for _ in group], n) for group in by_k]
    converged = iter(_lloyd(points, [solution for group in best for solution in group], MAX_ITERATIONS, bits, pool))
    return [seeding.best_solutions([next(converged) for _ in group], n) for group in best]


def _lloyd(
    points: Points, solutions: Sequence[Solution], iterations: int, bits: int, pool: WorkerPool
) -> list[Solution]:
    """Run up to ``iterations`` of Lloyd's iterations on each solution, in parallel; return the results in order."""
    n = len(pool)
    # every n-th solution: solutions are sorted by k, so that each process gets large and small ones
    parts = [solutions[i::n] for i in range(n)]
    by_part = pool.map(seeding.lloyd, repeat(points, n), parts, repeat(iterations, n), repeat(bits, n))
    results: list[Solution] = list(solutions)
    for i, part_results in enumerate(by_part):
        results[i::n] = part_results
    return results


def _propose(points: Points, solutions: list[Solution], draws: Matrix, pool: WorkerPool) -> list[tuple[int, Matrix]]:
    """Return the results of ``seeding.propose`` for all solutions, in one list. Makes them in parallel.

    Each is a pair: position of a k in ``solutions``, and starting centres for this k, shape (k, n_features).
    """
    n = len(pool)
    parts = [range(len(solutions))[i::n] for i in range(n)]
    by_part = pool.map(seeding.propose_all, repeat(points, n), repeat(solutions, n), parts, repeat(draws, n))
    by_index = {index: proposals for part_proposals in by_part for index, proposals in part_proposals}
    return [proposal for index in sorted(by_index) for proposal in by_index[index]]


def _exchange(
    points: Points, solutions: list[Solution], random: np.random.Generator, bits: int, pool: WorkerPool
) -> list[Solution]:
    """Improve the solution of each k by starts that ``seeding.propose`` makes from its own and neighbouring solutions.

    Returns a list with one Solution per k. Ends after ``MAX_EXCHANGES`` rounds, or after ``MAX_FAILED_EXCHANGES``
    rounds in a row that lower the inertia of no k.
    """
    tried: set[bytes] = set()
    n_failed = 0
    for _ in range(MAX_EXCHANGES):
        draws = random.random(DRAWS)
        proposed: list[list[Solution]] = [[] for _ in solutions]
        for index, centres in _propose(points, solutions, draws, pool):
            name = centres.tobytes()
            if name not in tried:
                tried.add(name)
                proposed[index].append(Solution(centres, np.inf, 0, False))
        better = [
            seeding.best_solutions([solution, *rivals], 1)[0]
            for solution, rivals in zip(solutions, _refine(points, proposed, 1, bits, pool), strict=True)
        ]
        n_failed = n_failed + 1 if all(a is b for a, b in zip(better, solutions, strict=True)) else 0
        solutions = better
        if n_failed == MAX_FAILED_EXCHANGES:
            break
    return solutions


def stability(
    sample: Points, ks: Sequence[int], *, subsamples: int, seed: int, bits: int, pool: WorkerPool | None = None
) -> list[Stability | None]:
    """Return the stability of every k: the adjusted Rand index between clusterings fitted on different halves.

    Each half holds each point with probability 1/2. K-means is fitted on a half as ``search`` does, from only four
    starts, since its exchanges with neighbouring k make up for poor starts. Two halves are compared on the points that
    are in both; without such points their index is 1.

    Parameters
    ----------
    sample : in fixed point, shuffled; only its first 20,000 points are used
    ks : numbers of clusters, rising
    subsamples : number of halves, at least 2
    seed : whole number
    bits : fractional bits of the fixed point
    pool : processes to share the work; the result has the same bits for any number of them

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
    """Return the fits with ``Fit.stability`` measured on a sample, or unchanged if ``options.subsamples`` is 0."""
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
    """Fit every k to ``part``, a half of ``points``; return for each k the index of the centre nearest to each point.

    The arrays that are returned, of shape (n_points,), are for all ``points``.
    """
    solutions = search(part, ks, restarts=STABILITY_RESTARTS, seed=seed, bits=bits, pool=pool)
    return [kernel.labels(points, solution.centres) for solution in solutions]


def _rand_index(
    labels: NDArray[np.int64],
    other: NDArray[np.int64],
    shared: NDArray[np.bool_],
    weights: NDArray[np.float64],
    k: int,
) -> float:
    """Return the adjusted Rand index of two clusterings, on the points where ``shared`` is true; 1 if there are none.

    ``labels`` and ``other`` hold the cluster index of each point in these clusterings, in [0, k), shape (n_points,).
    """
    pairs = np.bincount(labels[shared] * k + other[shared], weights=weights[shared], minlength=k * k)
    ari = agreement(pairs.astype(np.int64).reshape(k, k)).ari
    return 1.0 if ari is None else ari
