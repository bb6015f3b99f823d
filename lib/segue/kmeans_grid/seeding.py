"""Where the centres start: k-means++ and Lloyd's iterations on a sample, hopeless restarts dropped early.

Runs on arrays alone, with one thread, and gives the same bits on every machine.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segue.kmeans_grid import kernel
from segue.kmeans_grid.kernel import Matrix, Points


class Start(NamedTuple):
    """Centres of one k on the way."""

    centres: Matrix
    """Shape (k, n_features), on the grid."""
    cost: float
    """Inertia less the points' sum of squared lengths, at these centres or at those before their last move."""
    iterations: int
    settled: bool
    """Whether another iteration would move no centre."""


def plus_plus(points: Points, n_centres: int, restarts: Sequence[int], seed: int) -> list[Matrix]:
    """Return the first centres of several restarts by greedy k-means++, each of shape (n_centres, n_features).

    The first k rows are a start for k clusters too, so one run serves all k of a restart. Each next centre is the best
    of 2 + ln(n_centres) candidates, drawn by their squared distance to the centres there are.

    Parameters
    ----------
    points : with at least ``n_centres`` different ones
    n_centres : how many
    restarts : their numbers; each draws numbers of its own, whichever others are made with it
    seed : whole number

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
    every = np.arange(len(restarts))
    # sums from left to right: pairwise ones would differ from processor to processor
    first = np.searchsorted(np.cumsum(weights), draws[:, 0, 0] * weights.sum(), side="right")
    chosen = [np.minimum(first, len(points) - 1)]
    gaps = _squared_distances(points, squares, chosen[0])
    potential = np.cumsum(gaps * weights, axis=1)
    for step in range(1, n_centres):
        wanted = draws[:, step] * potential[:, -1:]
        drawn = np.stack([np.searchsorted(p, w, side="right") for p, w in zip(potential, wanted, strict=True)])
        drawn = np.minimum(drawn, len(points) - 1)
        closer = np.minimum(gaps[:, None], _squared_distances(points, squares, drawn.ravel()).reshape(*drawn.shape, -1))
        sums = np.cumsum(closer * weights, axis=2)
        best = sums[:, :, -1].argmin(axis=1)
        chosen.append(drawn[every, best])
        gaps, potential = closer[every, best], sums[every, best]
    return [rows[list(numbers)] for numbers in np.stack(chosen, axis=1)]


def _squared_distances(points: Points, squares: Matrix, chosen: NDArray[np.int64]) -> Matrix:
    """Return the squared distances of all points to some of them, shape (n_chosen, n_points)."""
    return np.maximum(kernel.distance_form(points.rows[chosen]) @ points.columns + squares, 0.0)


def lloyd(points: Points, starts: Sequence[Start], iterations: int, bits: int) -> list[Start]:
    """Return the starts after so many more of Lloyd's iterations, or fewer where nothing moves any more."""
    found = list(starts)
    for _ in range(iterations):
        moving = [i for i, start in enumerate(found) if not start.settled]
        if not moving:
            break
        for i, total in zip(moving, kernel.centre_sums(points, [found[i].centres for i in moving]), strict=True):
            before = found[i]
            after = fill_empty_clusters(points, kernel.updated_centres(total, before.centres, bits), total[:, -2] == 0)
            settled = np.array_equal(after, before.centres)
            found[i] = Start(after, cost(total, before.centres), before.iterations + 1, settled)
    return found


def cost(total: Matrix, centres: Matrix) -> float:
    """Return the inertia less the sum of squared lengths, the same whatever the order of the points."""
    # product by product and exactly rounded at the end: sums within numpy differ from processor to processor
    each = total[:, -2:-1] * centres * centres - 2 * centres * total[:, :-2]
    return math.fsum(each.ravel())


def fill_empty_clusters(points: Points, centres: Matrix, empty: NDArray[np.bool_]) -> Matrix:
    """Return the centres with each empty one moved to the point that is farthest from all centres by then."""
    if not empty.any():
        return centres
    centres = centres.copy()
    squares = np.einsum("ij,ij->i", points.rows, points.rows)
    kept = centres[~empty]
    gaps = (kernel.distance_form(kept) @ points.columns).min(axis=0) + squares if len(kept) else squares
    for index in np.flatnonzero(empty):
        centres[index] = points.rows[gaps.argmax()]
        gaps = np.minimum(gaps, _squared_distances(points, squares, np.array([gaps.argmax()]))[0])
    return centres


def best_starts(starts: Sequence[Start], keep: int) -> list[Start]:
    """Return the ``keep`` starts of least cost, of equals the earlier, no centres twice."""
    ranked = sorted(starts, key=lambda start: start.cost)
    distinct: dict[float, Start] = {}
    for start in ranked:
        distinct.setdefault(start.cost, start)
    return list(distinct.values())[:keep]


def propose_all(
    points: Points, found: Sequence[Start], places: Sequence[int], draws: Matrix
) -> list[tuple[int, list[tuple[int, Matrix]]]]:
    """Return what several k suggest, each with its place; see ``propose``."""
    return [(place, propose(points, found, place, draws)) for place in places]


def propose(points: Points, found: Sequence[Start], place: int, draws: Matrix) -> list[tuple[int, Matrix]]:
    """Return what one k of the grid suggests to itself and its neighbours, as places in the grid and centres.

    A good clustering for k is a good start for k + 1 with one centre more and for k - 1 with one less; one less and one
    more, in either order, also frees a centre that is stuck.

    Parameters
    ----------
    points : a sample
    found : one start per k, by rising k
    place : which of them suggests
    draws : numbers in [0, 1), shape (n_candidates,): where a further centre is looked for
    """
    centres = found[place].centres
    more = with_added_centre(points, centres, draws)
    if more is None:  # every point has a centre of its own
        return []
    less = without_cheapest_centre(points, centres)
    other = with_added_centre(points, less, draws)
    offers = [(place, without_cheapest_centre(points, more))]
    if other is not None:
        offers.append((place, other))
    if place and len(found[place - 1].centres) == len(less):
        offers.append((place - 1, less))
    if place + 1 < len(found) and len(found[place + 1].centres) == len(more):
        offers.append((place + 1, more))
    return offers


def without_cheapest_centre(points: Points, centres: Matrix) -> Matrix:
    """Return the centres without the one whose points would lose least by going to their second nearest."""
    gaps = kernel.distance_form(centres) @ points.columns
    across = np.arange(len(points))
    own = kernel.column_argmin(gaps)
    nearest = gaps[own, across]
    gaps[own, across] = np.inf
    loss = np.bincount(own, weights=(gaps.min(axis=0) - nearest) * points.weights, minlength=len(centres))
    return np.delete(centres, loss.argmin(), axis=0)


def with_added_centre(points: Points, centres: Matrix, draws: Matrix) -> Matrix | None:
    """Return the centres and one point more, the best of those drawn by their squared distance to the centres.

    None where no point is away from the centres.
    """
    squares = np.einsum("ij,ij->i", points.rows, points.rows)
    gaps = np.maximum((kernel.distance_form(centres) @ points.columns).min(axis=0) + squares, 0.0)
    potential = np.cumsum(gaps * points.weights)
    if potential[-1] == 0:
        return None
    drawn = np.minimum(np.searchsorted(potential, draws * potential[-1], side="right"), len(points) - 1)
    left = np.cumsum(np.minimum(_squared_distances(points, squares, drawn), gaps) * points.weights, axis=1)[:, -1]
    return np.concatenate([centres, points.rows[drawn[left.argmin()]][None]])
