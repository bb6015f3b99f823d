"""The best clusters of a sample for every k: many starts, few of which are followed to the end.

Restarts run a few iterations and the hopeless ones are dropped; neighbouring k lend each other their centres; what is
left is finished on the whole sample. All of it is arithmetic on a bounded number of points, so it runs on the driver.
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
"""Points that restarts and exchanges run on, the larger of the two; the finalists then see the whole sample."""
EARLY_ITERATIONS, N_REFINED = 5, 3
"""After so many iterations only so many starts of a k go on."""
FINAL_ITERATIONS = 2
"""On the whole sample, where they have settled on a part of it before, so many tell the best."""
MAX_EXCHANGES, MAX_FAILED_EXCHANGES = 8, 2
"""Rounds of exchanges between neighbouring k at the most, and in a row without a gain."""
DRAWS = 32
"""Points among which a further centre is chosen."""
MAX_ITERATIONS = 300
"""Few starts need a tenth of them; the limit is there for a cycle that rounding might make."""


def search(
    sample: Points, ks: Sequence[int], *, restarts: int, seed: int, bits: int, hands: WorkerPool | None = None
) -> list[Start]:
    """Return the best start found for every k.

    Parameters
    ----------
    sample : on the grid, in an order of no meaning, with at least ``ks[-1]`` different points
    ks : numbers of clusters, rising
    restarts : starts for every k
    seed : whole number
    bits : of the grid
    hands : what works side by side

    Returns
    -------
    list of Start
        One per k, settled on the sample. Whatever the number of hands, the same bits.
    """
    first, hands = _first(sample, ks[-1]), hands or WorkerPool(1)
    with threadpool_limits(limits=1):
        by_k = _run_restarts(first, ks, restarts, seed, bits, hands)
        found = [seeding.best_starts(of_k, 1)[0] for of_k in by_k]
        found = _exchange(first, found, np.random.Generator(np.random.PCG64([seed, restarts])), bits, hands)
        if first is sample:
            return found
        finalists = [seeding.best_starts([*of_k, start], N_REFINED) for of_k, start in zip(by_k, found, strict=True)]
        again = [[start._replace(settled=False) for start in of_k] for of_k in finalists]
        return [of_k[0] for of_k in _refine(sample, again, 1, bits, hands, FINAL_ITERATIONS)]


def _first(sample: Points, most_centres: int) -> Points:
    """Return the first points of the sample, or all where these are too few or too much alike."""
    n = max(FIRST_POINTS, FIRST_POINTS_PER_CENTRE * most_centres)
    if n >= len(sample):
        return sample
    first = Points(sample.columns[:, :n], sample.moments[:n])
    return first if len(np.unique(first.rows, axis=0)) >= most_centres else sample


def _run_restarts(
    points: Points, ks: Sequence[int], restarts: int, seed: int, bits: int, hands: WorkerPool
) -> list[list[Start]]:
    """Return the restarts worth following, settled, for every k."""
    begun = seeding.plus_plus(points, ks[-1], range(restarts), seed)
    fresh = [[Start(centres[:k], np.inf, 0, False) for centres in begun] for k in ks]
    return _refine(points, fresh, N_REFINED, bits, hands)


def _refine(
    points: Points,
    by_k: Sequence[Sequence[Start]],
    keep: int,
    bits: int,
    hands: WorkerPool,
    first: int = EARLY_ITERATIONS,
) -> list[list[Start]]:
    """Return the best few starts of every k, settled: the ``first`` iterations tell which."""
    early = iter(_lloyd(points, [start for of_k in by_k for start in of_k], first, bits, hands))
    kept = [seeding.best_starts([next(early) for _ in of_k], keep) for of_k in by_k]
    settled = iter(_lloyd(points, [start for of_k in kept for start in of_k], MAX_ITERATIONS, bits, hands))
    return [seeding.best_starts([next(settled) for _ in of_k], keep) for of_k in kept]


def _lloyd(points: Points, begun: Sequence[Start], iterations: int, bits: int, hands: WorkerPool) -> list[Start]:
    """Run Lloyd's iterations of independent starts side by side."""
    n = len(hands)
    # starts of many centres are dealt out evenly: they stand in the order of k
    dealt = [begun[i::n] for i in range(n)]
    done = hands.map(seeding.lloyd, repeat(points, n), dealt, repeat(iterations, n), repeat(bits, n))
    found: list[Start] = list(begun)
    for i, of_hand in enumerate(done):
        found[i::n] = of_hand
    return found


def _propose(points: Points, found: list[Start], draws: Matrix, hands: WorkerPool) -> list[tuple[int, Matrix]]:
    """Return what every k suggests, in the order of the k."""
    n = len(hands)
    dealt = [range(len(found))[i::n] for i in range(n)]
    offers = hands.map(seeding.propose_all, repeat(points, n), repeat(found, n), dealt, repeat(draws, n))
    by_place = {place: offer for of_hand in offers for place, offer in of_hand}
    return [each for place in sorted(by_place) for each in by_place[place]]


def _exchange(
    points: Points, found: list[Start], draws: np.random.Generator, bits: int, hands: WorkerPool
) -> list[Start]:
    """Return the starts, better where the grid has suggested something better; ends when it no longer does."""
    tried: set[bytes] = set()
    in_vain = 0
    for _ in range(MAX_EXCHANGES):
        where = draws.random(DRAWS)
        fresh: list[list[Start]] = [[] for _ in found]
        for place, centres in _propose(points, found, where, hands):
            name = centres.tobytes()
            if name not in tried:
                tried.add(name)
                fresh[place].append(Start(centres, np.inf, 0, False))
        better = [
            seeding.best_starts([start, *rivals], 1)[0]
            for start, rivals in zip(found, _refine(points, fresh, 1, bits, hands), strict=True)
        ]
        in_vain = in_vain + 1 if all(a is b for a, b in zip(better, found, strict=True)) else 0
        found = better
        if in_vain == MAX_FAILED_EXCHANGES:
            break
    return found
