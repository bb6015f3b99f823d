"""Search the best clusters of a sample for every k: restarts, of which few are continued, and exchanges between k.

All restarts run a few iterations, and only the best of each k run until they converge. Neighbouring k then exchange
centres until that gains nothing. Restarts and exchanges run on the first points of a large sample; the best solutions
are finished on all of it. The number of points is bounded, so that all of this runs on the driver.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from threadpoolctl import threadpool_limits

from segue.kmeans_grid import seeding
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.seeding import Solution
from segue.kmeans_grid.worker_pool import WorkerPool

FIRST_POINTS, FIRST_POINTS_PER_CENTRE = 10_000, 50
"""Restarts and exchanges run on the larger of these numbers of points."""
EARLY_ITERATIONS, N_REFINED = 5, 3
"""Iterations of every restart, and how many restarts of each k are continued."""
FINAL_ITERATIONS = 2
"""Iterations on the whole sample that decide between solutions that have converged on its first points."""
MAX_EXCHANGES, MAX_FAILED_EXCHANGES = 8, 2
"""Most rounds of exchanges between neighbouring k, and most rounds in a row without a gain."""
DRAWS = 32
"""Candidates for an added centre."""
MAX_ITERATIONS = 300
"""Few solutions need a tenth of them; the limit ends a cycle that rounding might cause."""


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
        One per k.
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
    """Return the first points of the sample, or all if these are too few or have fewer than ``max_k`` distinct ones."""
    n = max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * max_k)
    if n >= len(sample):
        return sample
    first = Points(sample.homogeneous_columns[:, :n], sample.weighted_rows[:n])
    return first if len(np.unique(first.rows, axis=0)) >= max_k else sample


def _run_restarts(
    points: Points, ks: Sequence[int], restarts: int, seed: int, bits: int, pool: WorkerPool
) -> list[list[Solution]]:
    """Return the best restarts of every k, converged."""
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
    """Return the best ``n`` solutions of every k after the early iterations, continued until they converge."""
    early = iter(_lloyd(points, [solution for group in by_k for solution in group], early_iterations, bits, pool))
    best = [seeding.best_solutions([next(early) for _ in group], n) for group in by_k]
    converged = iter(_lloyd(points, [solution for group in best for solution in group], MAX_ITERATIONS, bits, pool))
    return [seeding.best_solutions([next(converged) for _ in group], n) for group in best]


def _lloyd(
    points: Points, solutions: Sequence[Solution], iterations: int, bits: int, pool: WorkerPool
) -> list[Solution]:
    """Run Lloyd's iterations of independent solutions in parallel."""
    n = len(pool)
    # every n-th solution: they are in the order of k, so that each process gets large and small ones
    parts = [solutions[i::n] for i in range(n)]
    by_part = pool.map(seeding.lloyd, repeat(points, n), parts, repeat(iterations, n), repeat(bits, n))
    results: list[Solution] = list(solutions)
    for i, part_results in enumerate(by_part):
        results[i::n] = part_results
    return results


def _propose(points: Points, solutions: list[Solution], draws: Matrix, pool: WorkerPool) -> list[tuple[int, Matrix]]:
    """Return the proposals of all k (see ``seeding.propose``), in the order of k."""
    n = len(pool)
    parts = [range(len(solutions))[i::n] for i in range(n)]
    by_part = pool.map(seeding.propose_all, repeat(points, n), repeat(solutions, n), parts, repeat(draws, n))
    by_index = {index: proposals for part_proposals in by_part for index, proposals in part_proposals}
    return [proposal for index in sorted(by_index) for proposal in by_index[index]]


def _exchange(
    points: Points, solutions: list[Solution], random: np.random.Generator, bits: int, pool: WorkerPool
) -> list[Solution]:
    """Replace solutions by better ones that neighbouring k propose, until two rounds in a row gain nothing."""
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
