"""Search the best centres for every k on a sample of the points, and measure how stable the clusters are.

The search has three steps.

1. Restarts: run a few of Lloyd's iterations from every start of every k; then run the best starts of each k until they
   converge.
2. Exchanges, in rounds: add, remove or replace one centre of the solution for k, and run the result as a start for
   k + 1, k - 1 or k. The rounds end when they no longer lower the inertia of any k, or after ``MAX_EXCHANGES`` rounds.
3. If steps 1 and 2 used only the first points of a large sample: run the best solutions on the whole sample until they
   converge.

The search runs on the driver, which is possible because the size of the sample is bounded.
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
"""Steps 1 and 2 run on the first max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * largest k) points of the sample."""
EARLY_ITERATIONS, N_REFINED = 5, 3
"""Number of Lloyd's iterations of every start, and number of best starts of each k that then run until convergence."""
FINAL_ITERATIONS = 2
"""Number of Lloyd's iterations of every solution in step 3. The best of each k then runs until convergence."""
MAX_EXCHANGES, MAX_FAILED_EXCHANGES = 8, 2
"""Maximum number of exchange rounds (step 2), and of successive rounds without a lower inertia for any k."""
DRAWS = 32
"""Number of points drawn as candidates for an added centre."""
MAX_ITERATIONS = 300
"""Maximum number of iterations of a solution; few need more than 30.

Without a limit, rounding could cause an endless cycle.
"""


def search(
    sample: Points, ks: Sequence[int], *, restarts: int, seed: int, bits: int, pool: WorkerPool | None = None
) -> list[Solution]:
    """Search the best centres of every k on a sample, by the three steps in the module's docstring.

    Parameters
    ----------
    sample : shuffled points, at least ``ks[-1]`` of them distinct; coordinates are multiples of 2^-bits in [-1, 1]
    ks : numbers of clusters, rising
    restarts : number of random starts for every k
    seed : whole number
    bits : number of fractional bits of coordinates
    pool : processes that share the work; their number does not affect the result

    Returns
    -------
    list of Solution
        One for each k, by rising k. Lloyd's iterations have converged on the whole sample, unless they were stopped by
        ``MAX_ITERATIONS``.
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
    """Return the first points of ``sample``, for steps 1 and 2 of the search.

    Their number is max(10,000, 50 * ``max_k``), with ``max_k`` the largest k. The whole sample is returned if it has
    no more points than that, or if fewer than ``max_k`` of the first points are distinct.
    """
    n = max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * max_k)
    if n >= len(sample):
        return sample
    first = Points(sample.homogeneous_columns[:, :n], sample.weighted_rows[:n])
    return first if len(np.unique(first.rows, axis=0)) >= max_k else sample


def _run_restarts(
    points: Points, ks: Sequence[int], restarts: int, seed: int, bits: int, pool: WorkerPool
) -> list[list[Solution]]:
    """Run step 1 of the search: ``restarts`` random starts of each k, on ``points``.

    Returns, for each k, a list of its best solutions: at most ``N_REFINED``, converged, the lowest inertia first.
    """
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
    """Run a few of Lloyd's iterations on all solutions; then run the ``n`` best of each k until they converge.

    Parameters
    ----------
    points : coordinates are multiples of 2^-bits in [-1, 1]
    by_k : a list of solutions for each k
    n : number of solutions of each k that run until they converge
    bits : number of fractional bits of coordinates
    pool : processes that share the work
    early_iterations : number of Lloyd's iterations after which the ``n`` best solutions are chosen

    Returns
    -------
    list of lists of Solution
        For each k its best solutions, at most ``n``, the lowest inertia first.
    """
    early = iter(_lloyd(points, [solution for group in by_k for solution in group], early_iterations, bits, pool))
    best = [seeding.best_solutions([next(early) for _ in group], n) for group in by_k]
    converged = iter(_lloyd(points, [solution for group in best for solution in group], MAX_ITERATIONS, bits, pool))
    return [seeding.best_solutions([next(converged) for _ in group], n) for group in best]


def _lloyd(
    points: Points, solutions: Sequence[Solution], iterations: int, bits: int, pool: WorkerPool
) -> list[Solution]:
    """Run at most ``iterations`` Lloyd iterations on each solution, in parallel; return the new solutions in order.

    A solution that has converged already is returned unchanged.
    """
    n = len(pool)
    # each process gets every n-th solution: solutions are sorted by k, so the process with the last part of them would
    # take longest
    parts = [solutions[i::n] for i in range(n)]
    by_part = pool.map(seeding.lloyd, repeat(points, n), parts, repeat(iterations, n), repeat(bits, n))
    results: list[Solution] = list(solutions)
    for i, part_results in enumerate(by_part):
        results[i::n] = part_results
    return results


def _propose(points: Points, solutions: list[Solution], draws: Matrix, pool: WorkerPool) -> list[tuple[int, Matrix]]:
    """Make new starting centres from every solution by ``seeding.propose``, in parallel.

    Returns pairs of a position in ``solutions`` and starting centres for the k at this position. ``solutions`` has one
    solution per k, by rising k; ``draws`` are random numbers in [0, 1), shape (n,).
    """
    n = len(pool)
    parts = [range(len(solutions))[i::n] for i in range(n)]
    by_part = pool.map(seeding.propose_all, repeat(points, n), repeat(solutions, n), parts, repeat(draws, n))
    by_index = {index: proposals for part_proposals in by_part for index, proposals in part_proposals}
    return [proposal for index in sorted(by_index) for proposal in by_index[index]]


def _exchange(
    points: Points, solutions: list[Solution], random: np.random.Generator, bits: int, pool: WorkerPool
) -> list[Solution]:
    """Run step 2 of the search: try starts made from the solutions for k - 1, k and k + 1; return the best for each k.

    ``solutions`` and the result have one solution per k. Ends after ``MAX_EXCHANGES`` rounds, or after
    ``MAX_FAILED_EXCHANGES`` successive rounds without a lower inertia for any k.
    """
    tried: set[bytes] = set()
    n_failed = 0
    for _ in range(MAX_EXCHANGES):
        draws = random.random(DRAWS)
        proposed: list[list[Solution]] = [[] for _ in solutions]
        for index, centres in _propose(points, solutions, draws, pool):
            content = centres.tobytes()
            if content not in tried:
                tried.add(content)
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
    """Measure the stability of every k: how well clusterings of random halves of a sample agree.

    A half contains each point with probability 1/2. ``search`` fits each half, from only four starts, because exchanges
    of centres make up for poor starts. The agreement of two halves is the adjusted Rand index of their clusterings on
    the points in both halves, or 1 if no point is in both.

    Parameters
    ----------
    sample : shuffled points; coordinates are multiples of 2^-bits in [-1, 1]
        Only the first 20,000 are used.
    ks : numbers of clusters, rising
    subsamples : number of halves, at least 2
    seed : whole number
    bits : number of fractional bits of coordinates
    pool : processes that share the work; their number does not affect the result

    Returns
    -------
    list of Stability or None
        One per k: mean and standard deviation over all pairs of halves; None if a half has fewer than k distinct
        points.

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
            _adjusted_rand_index(labels[a][index], labels[b][index], masks[a] & masks[b], points.weights, k)
            for a, b in combinations(range(subsamples), 2)
        ]
        results[index] = Stability(float(np.mean(indices)), float(np.std(indices)), subsamples)
    return results


def with_stability(
    fits: list[Fit], sample: Points, options: GridOptions, bits: int, pool: WorkerPool | None = None
) -> list[Fit]:
    """Add the stability to each fit, measured on random halves of ``sample`` by ``stability``.

    The number of halves is ``options.subsamples``. If it is 0, the fits are returned unchanged.
    """
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
    """Search the centres of every k on ``part``; label all ``points`` with the index of the nearest centre.

    Returns an array of labels, shape (n_points,), for each k.
    """
    solutions = search(part, ks, restarts=STABILITY_RESTARTS, seed=seed, bits=bits, pool=pool)
    return [kernel.labels(points, solution.centres) for solution in solutions]


def _adjusted_rand_index(
    labels: NDArray[np.int64],
    other: NDArray[np.int64],
    shared: NDArray[np.bool_],
    weights: NDArray[np.float64],
    k: int,
) -> float:
    """Return the adjusted Rand index of two clusterings on selected points, or 1 if no point is selected.

    Parameters
    ----------
    labels, other : index of each point's cluster in the two clusterings, in [0, k), shape (n_points,)
    shared : whether a point is selected, shape (n_points,)
    weights : weight of each point, shape (n_points,)
    k : number of clusters of both clusterings
    """
    pairs = np.bincount(labels[shared] * k + other[shared], weights=weights[shared], minlength=k * k)
    ari = agreement(pairs.astype(np.int64).reshape(k, k)).ari
    return 1.0 if ari is None else ari
