"""Make and improve starting centres: k-means++, Lloyd's iterations, and removal and addition of single centres.

All functions work on arrays in memory. Their results have the same bits on every machine.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segue.kmeans_grid import kernel
from segue.kmeans_grid.kernel import Matrix, Points


class Solution(NamedTuple):
    """The centres of one k after a number of Lloyd's iterations."""

    centres: Matrix
    """Centre of each cluster, shape (k, n_features); coordinates are multiples of 2^-bits in [-1, 1]."""
    inertia_offset: float
    """Inertia before the last iteration, minus the sum of the squared lengths of all points.

    A lower offset means a lower inertia. Computed by the function ``inertia_offset``; infinite before the first
    iteration.
    """
    iterations: int
    """Number of Lloyd's iterations since the starting centres."""
    converged: bool
    """Whether the last iteration moved no centre."""


def plus_plus(points: Points, n_centres: int, restarts: Sequence[int], seed: int) -> list[Matrix]:
    """Choose starting centres for several restarts by greedy k-means++. O(n d) for each candidate.

    The first centre is a point drawn with a probability proportional to its weight. For each further centre,
    2 + int(ln(n_centres)) candidates are drawn, with probabilities proportional to weight times squared distance to the
    nearest centre chosen so far. The candidate with the lowest resulting inertia is chosen.

    Parameters
    ----------
    points : Points, at least ``n_centres`` of them distinct
    n_centres : number of centres, the largest k
    restarts : the numbers of the restarts, such as range(10)
        The number of a restart and ``seed`` determine its random numbers.
    seed : whole number

    Returns
    -------
    list of arrays of shape (n_centres, n_features)
        One for each restart. For a smaller k, the first k rows are the starting centres.

    References
    ----------
    D. Arthur, S. Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA, 1027-1035.
    """
    n_draws = 2 + int(math.log(n_centres))
    draws = np.stack(
        [np.random.Generator(np.random.PCG64([seed, number])).random((n_centres, n_draws)) for number in restarts]
    )
    rows, weights = points.rows, points.weights
    squares = np.einsum("ij,ij->i", rows, rows)
    each = np.arange(len(restarts))
    # cumsum always adds from left to right; the order of the additions of np.sum differs between processors
    first = np.searchsorted(np.cumsum(weights), draws[:, 0, 0] * weights.sum(), side="right")
    chosen = [np.minimum(first, len(points) - 1)]
    distances = _squared_distances(points, squares, chosen[0])
    potential = np.cumsum(distances * weights, axis=1)
    for step in range(1, n_centres):
        targets = draws[:, step] * potential[:, -1:]
        drawn = np.stack([np.searchsorted(p, t, side="right") for p, t in zip(potential, targets, strict=True)])
        drawn = np.minimum(drawn, len(points) - 1)
        closer = np.minimum(
            distances[:, None], _squared_distances(points, squares, drawn.ravel()).reshape(*drawn.shape, -1)
        )
        sums = np.cumsum(closer * weights, axis=2)
        best = sums[:, :, -1].argmin(axis=1)
        chosen.append(drawn[each, best])
        distances, potential = closer[each, best], sums[each, best]
    return [rows[list(indices)] for indices in np.stack(chosen, axis=1)]


def _squared_distances(points: Points, squares: Matrix, indices: NDArray[np.int64]) -> Matrix:
    """Return the squared distances of all points to the points at ``indices``, shape (n_indices, n_points).

    ``squares`` are the squared lengths of all points, shape (n_points,).
    """
    return np.maximum(kernel.distance_coefficients(points.rows[indices]) @ points.homogeneous_columns + squares, 0.0)


def lloyd(points: Points, solutions: Sequence[Solution], iterations: int, bits: int) -> list[Solution]:
    """Run at most ``iterations`` Lloyd iterations on each solution; return the new solutions in order.

    A solution that has converged already is unchanged. Centres are rounded to multiples of 2^-bits.
    """
    results = list(solutions)
    for _ in range(iterations):
        moving = [i for i, solution in enumerate(results) if not solution.converged]
        if not moving:
            break
        for i, sums in zip(moving, kernel.centre_sums(points, [results[i].centres for i in moving]), strict=True):
            before = results[i]
            after = fill_empty_clusters(points, kernel.updated_centres(sums, before.centres, bits), sums[:, -2] == 0)
            converged = np.array_equal(after, before.centres)
            results[i] = Solution(after, inertia_offset(sums, before.centres), before.iterations + 1, converged)
    return results


def inertia_offset(sums: Matrix, centres: Matrix) -> float:
    """Return the inertia of centres minus the sum of the squared lengths of all points.

    The subtracted sum does not depend on the centres. So the centres with the lowest offset have the lowest inertia.
    The offset is computed from exact numbers: the number of points of each centre, and the sums of their coordinates.
    So, unlike the inertia, it has the same bits for any order of the points.

    Parameters
    ----------
    sums : result of ``kernel.centre_sums`` for ``centres``
    centres : shape (k, n_features)
    """
    # fsum rounds only its result; the order of additions in numpy, and thus the rounding, differs between processors
    terms = sums[:, -2:-1] * centres * centres - 2 * centres * sums[:, :-2]
    return math.fsum(terms.ravel())


def fill_empty_clusters(points: Points, centres: Matrix, empty: NDArray[np.bool_]) -> Matrix:
    """Replace each centre without points by the point with the largest distance to its nearest centre.

    Centres are replaced one after the other. A centre without points is ignored until its replacement. If no centre has
    points, the first replacement is the point farthest from the origin.

    Parameters
    ----------
    points : points from which new centres are taken; of equally far points the first is used
    centres : shape (k, n_features)
    empty : whether a centre has no points, shape (k,)

    Returns
    -------
    array of shape (k, n_features)
        ``centres`` itself if every centre has points.
    """
    if not empty.any():
        return centres
    centres = centres.copy()
    squares = np.einsum("ij,ij->i", points.rows, points.rows)
    filled = centres[~empty]
    distances = squares
    if len(filled):
        distances = (kernel.distance_coefficients(filled) @ points.homogeneous_columns).min(axis=0) + squares
    for index in np.flatnonzero(empty):
        centres[index] = points.rows[distances.argmax()]
        distances = np.minimum(distances, _squared_distances(points, squares, np.array([distances.argmax()]))[0])
    return centres


def best_solutions(solutions: Sequence[Solution], n: int) -> list[Solution]:
    """Return the ``n`` solutions with the lowest inertia, the lowest first; fewer if there are not as many.

    Solutions are compared by ``inertia_offset``. Of several solutions with the same offset only the first is returned.
    """
    distinct: dict[float, Solution] = {}
    for solution in sorted(solutions, key=lambda solution: solution.inertia_offset):
        distinct.setdefault(solution.inertia_offset, solution)
    return list(distinct.values())[:n]


def propose_all(
    points: Points, solutions: Sequence[Solution], indices: Sequence[int], draws: Matrix
) -> list[tuple[int, list[tuple[int, Matrix]]]]:
    """Call ``propose`` for each of ``indices``; return pairs of an index and the result for it.

    This is the work of one process of a WorkerPool.
    """
    return [(index, propose(points, solutions, index, draws)) for index in indices]


def propose(points: Points, solutions: Sequence[Solution], index: int, draws: Matrix) -> list[tuple[int, Matrix]]:
    """Make new starting centres for k - 1, k and k + 1 clusters from the centres of a solution for k. O(n k d).

    One centre is added for k + 1, and one is removed for k - 1. For k, one is removed and another added, in both
    orders. Starts from good solutions often lead to better local optima.

    Parameters
    ----------
    points : the sample on which centres are searched
    solutions : one per k, by rising k
    index : position of the solution for k in ``solutions``
    draws : random numbers in [0, 1), shape (n_draws,): one for each point that ``with_added_centre`` draws

    Returns
    -------
    list of (int, array of shape (n_centres, n_features))
        Pairs of a position in ``solutions`` and starting centres for the k at this position. A k that is not among
        ``solutions`` gets none. The list is empty if every point equals a centre.
    """
    centres = solutions[index].centres
    larger = with_added_centre(points, centres, draws)
    if larger is None:
        return []
    smaller = without_cheapest_centre(points, centres)
    swapped = with_added_centre(points, smaller, draws)
    proposals = [(index, without_cheapest_centre(points, larger))]
    if swapped is not None:
        proposals.append((index, swapped))
    if index and len(solutions[index - 1].centres) == len(smaller):
        proposals.append((index - 1, smaller))
    if index + 1 < len(solutions) and len(solutions[index + 1].centres) == len(larger):
        proposals.append((index + 1, larger))
    return proposals


def without_cheapest_centre(points: Points, centres: Matrix) -> Matrix:
    """Remove the centre whose removal raises the inertia least; return the other k - 1 centres. O(n k d)."""
    distances = kernel.distance_coefficients(centres) @ points.homogeneous_columns
    columns = np.arange(len(points))
    labels = kernel.column_argmin(distances)
    nearest = distances[labels, columns]
    distances[labels, columns] = np.inf
    loss = np.bincount(labels, weights=(distances.min(axis=0) - nearest) * points.weights, minlength=len(centres))
    return np.delete(centres, loss.argmin(), axis=0)


def with_added_centre(points: Points, centres: Matrix, draws: Matrix) -> Matrix | None:
    """Add one of the points to k centres; return the k + 1 centres, or None if every point equals a centre.

    Several points are drawn, with probabilities proportional to weight times squared distance to the nearest centre.
    The drawn point that lowers the inertia most is added.

    Parameters
    ----------
    points : candidates for the new centre
    centres : shape (k, n_features)
    draws : random numbers in [0, 1), shape (n,), one for each point to draw

    Returns
    -------
    array of shape (k + 1, n_features), or None
    """
    squares = np.einsum("ij,ij->i", points.rows, points.rows)
    to_nearest = (kernel.distance_coefficients(centres) @ points.homogeneous_columns).min(axis=0)
    distances = np.maximum(to_nearest + squares, 0.0)
    potential = np.cumsum(distances * points.weights)
    if potential[-1] == 0:
        return None
    drawn = np.minimum(np.searchsorted(potential, draws * potential[-1], side="right"), len(points) - 1)
    closer = np.minimum(_squared_distances(points, squares, drawn), distances)
    inertias = np.cumsum(closer * points.weights, axis=1)[:, -1]
    return np.concatenate([centres, points.rows[drawn[inertias.argmin()]][None]])
