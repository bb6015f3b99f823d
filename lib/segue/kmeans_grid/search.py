"""Search the best clusters of a sample for every k: restarts, of which few are continued, and exchanges between k.

All restarts run a few iterations, and only the best of each k run until they converge. Neighbouring k then exchange
centres until that gains nothing. Restarts and exchanges run on the first points of a large sample; the best starts are
finished on all of it. The number of points is bounded, so that all of this runs on the driver.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from threadpoolctl import threadpool_limits

from segue.kmeans_grid import seeding
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.seeding import Start
from segue.kmeans_grid.worker_pool import WorkerPool

FIRST_POINTS, FIRST_POINTS_PER_CENTRE = 10_000, 50
"""Restarts and exchanges run on the larger of these numbers of points."""
EARLY_ITERATIONS, N_REFINED = 5, 3
"""Iterations of every restart, and how many restarts of each k are continued."""
FINAL_ITERATIONS = 2
"""Iterations on the whole sample that decide between starts that have converged on its first points."""
MAX_EXCHANGES, MAX_FAILED_EXCHANGES = 8, 2
"""Most rounds of exchanges between neighbouring k, and most rounds in a row without a gain."""
DRAWS = 32
"""Candidates for an added centre."""
MAX_ITERATIONS = 300
"""Few starts need a tenth of them; the limit ends a cycle that rounding might cause."""


def search(
    sample: Points, ks: Sequence[int], *, restarts: int, seed: int, bits: int, pool: WorkerPool | None = None
) -> list[Start]:
    """Return the best start of every k, converged on the sample.

    Parameters
    ----------
    sample : on the grid, shuffled, at least ``ks[-1]`` of its points different
    ks : numbers of clusters, rising
    restarts : starts for every k
    seed : whole number
    bits : of the grid
    pool : processes to share the work; the result has the same bits for any number of them

    Returns
    -------
    list of Start
        One per k.
    """
    first, pool = _first_points(sample, ks[-1]), pool or WorkerPool(1)
    with threadpool_limits(limits=1):
        by_k = _run_restarts(first, ks, restarts, seed, bits, pool)
        starts = [seeding.best_starts(of_k, 1)[0] for of_k in by_k]
        starts = _exchange(first, starts, np.random.Generator(np.random.PCG64([seed, restarts])), bits, pool)
        if first is sample:
            return starts
        finalists = [seeding.best_starts([*of_k, start], N_REFINED) for of_k, start in zip(by_k, starts, strict=True)]
        reopened = [[start._replace(converged=False) for start in of_k] for of_k in finalists]
        return [of_k[0] for of_k in _refine(sample, reopened, 1, bits, pool, FINAL_ITERATIONS)]


def _first_points(sample: Points, max_k: int) -> Points:
    """Return the first points of the sample, or all if these are too few or have fewer than ``max_k`` distinct ones."""
    n = max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * max_k)
    if n >= len(sample):
        return sample
    first = Points(sample.columns[:, :n], sample.moments[:n])
    return first if len(np.unique(first.rows, axis=0)) >= max_k else sample


def _run_restarts(
    points: Points, ks: Sequence[int], restarts: int, seed: int, bits: int, pool: WorkerPool
) -> list[list[Start]]:
    """Return the best restarts of every k, converged."""
    centres = seeding.plus_plus(points, ks[-1], range(restarts), seed)
    starts = [[Start(of_restart[:k], np.inf, 0, False) for of_restart in centres] for k in ks]
    return _refine(points, starts, N_REFINED, bits, pool)


def _refine(
    points: Points,
    by_k: Sequence[Sequence[Start]],
    n: int,
    bits: int,
    pool: WorkerPool,
    early_iterations: int = EARLY_ITERATIONS,
) -> list[list[Start]]:
    """Return the best ``n`` starts of every k by cost after the early iterations, continued until they converge."""
    early = iter(_lloyd(points, [start for of_k in by_k for start in of_k], early_iterations, bits, pool))
    best = [seeding.best_starts([next(early) for _ in of_k], n) for of_k in by_k]
    converged = iter(_lloyd(points, [start for of_k in best for start in of_k], MAX_ITERATIONS, bits, pool))
    return [seeding.best_starts([next(converged) for _ in of_k], n) for of_k in best]


def _lloyd(points: Points, starts: Sequence[Start], iterations: int, bits: int, pool: WorkerPool) -> list[Start]:
    """Run Lloyd's iterations of independent starts in parallel."""
    n = len(pool)
    # every n-th start: starts are in the order of k, so that each process gets large and small ones
    parts = [starts[i::n] for i in range(n)]
    by_part = pool.map(seeding.lloyd, repeat(points, n), parts, repeat(iterations, n), repeat(bits, n))
    results: list[Start] = list(starts)
    for i, of_part in enumerate(by_part):
        results[i::n] = of_part
    return results


def _propose(points: Points, starts: list[Start], draws: Matrix, pool: WorkerPool) -> list[tuple[int, Matrix]]:
    """Return the proposals of all k (see ``seeding.propose``), in the order of k."""
    n = len(pool)
    parts = [range(len(starts))[i::n] for i in range(n)]
    by_part = pool.map(seeding.propose_all, repeat(points, n), repeat(starts, n), parts, repeat(draws, n))
    by_index = {index: proposals for of_part in by_part for index, proposals in of_part}
    return [proposal for index in sorted(by_index) for proposal in by_index[index]]


def _exchange(
    points: Points, starts: list[Start], random: np.random.Generator, bits: int, pool: WorkerPool
) -> list[Start]:
    """Replace starts by better ones that neighbouring k propose, until two rounds in a row gain nothing."""
    tried: set[bytes] = set()
    n_failed = 0
    for _ in range(MAX_EXCHANGES):
        draws = random.random(DRAWS)
        proposed: list[list[Start]] = [[] for _ in starts]
        for index, centres in _propose(points, starts, draws, pool):
            name = centres.tobytes()
            if name not in tried:
                tried.add(name)
                proposed[index].append(Start(centres, np.inf, 0, False))
        better = [
            seeding.best_starts([start, *rivals], 1)[0]
            for start, rivals in zip(starts, _refine(points, proposed, 1, bits, pool), strict=True)
        ]
        n_failed = n_failed + 1 if all(a is b for a, b in zip(better, starts, strict=True)) else 0
        starts = better
        if n_failed == MAX_FAILED_EXCHANGES:
            break
    return starts
