"""k-means++, Lloyd's iterations and exchanges of centres, against scikit-learn and brute force."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances

from segue.kmeans_grid import kernel, seeding
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.seeding import Solution

BITS = 24


def points_of(rows, weights=None):
    return Points.of(kernel.round_to_fixed_point(np.asarray(rows, dtype=float), BITS), weights)


def inertia(points, centres):
    """Compute the inertia by its definition."""
    return float(pairwise_distances(points.rows, centres, metric="sqeuclidean").min(axis=1) @ points.weights)


def squared_lengths(points):
    return float((points.rows**2).sum(axis=1) @ points.weights)


def fresh(centres):
    return Solution(np.asarray(centres, dtype=float), np.inf, 0, False)


@pytest.fixture(scope="module")
def cloud():
    return points_of(np.random.default_rng(0).random((400, 3)))


def rows_in(centres, points):
    rows = {row.tobytes() for row in np.ascontiguousarray(points.rows)}
    return [row.tobytes() in rows for row in np.ascontiguousarray(centres)]


def test_plus_plus_chooses_distinct_points(cloud):
    for centres in seeding.plus_plus(cloud, 30, range(5), seed=1):
        assert all(rows_in(centres, cloud))
        assert len(np.unique(centres, axis=0)) == 30


def test_plus_plus_chooses_every_distinct_point_if_there_are_just_enough():
    rare = np.array([[0.0, 0.0]] * 1000 + [[i / 8, 1.0] for i in range(5)])
    for centres in seeding.plus_plus(points_of(rare), 6, range(20), seed=0):
        assert np.array_equal(np.unique(centres, axis=0), np.unique(rare, axis=0))


def test_a_restart_does_not_depend_on_other_restarts(cloud):
    all_restarts = seeding.plus_plus(cloud, 12, range(6), seed=3)
    for number in (0, 4):
        (alone,) = seeding.plus_plus(cloud, 12, [number], seed=3)
        assert np.array_equal(alone, all_restarts[number])


def test_restarts_and_seeds_differ(cloud):
    first = seeding.plus_plus(cloud, 8, range(10), seed=3)
    other = seeding.plus_plus(cloud, 8, range(10), seed=4)
    assert len({centres.tobytes() for centres in [*first, *other]}) == 20


def test_plus_plus_draws_by_weight():
    # the first centre is drawn by weight alone: 1 of 1,000 against 999
    points = points_of([[0.0], [1.0]], np.array([1, 999]))
    first = [centres[0, 0] for centres in seeding.plus_plus(points, 2, range(500), seed=0)]
    assert sum(value == 0.0 for value in first) <= 5


def test_plus_plus_draws_and_compares_by_weight():
    # by their weights, 0 is almost surely first and 1 second; then 0.25 has 1000 * 1/16, and -0.75 only 1 * 9/16
    points = points_of([[0.0], [1.0], [0.25], [-0.75]], np.array([10**8, 10**5, 1000, 1]))
    drawn = [centres[:, 0].tolist() for centres in seeding.plus_plus(points, 3, range(50), seed=0)]
    assert drawn.count([0.0, 1.0, 0.25]) >= 48


def test_plus_plus_draws_from_each_distant_group():
    # three tight groups of equal size, far apart: greedy k-means++ almost never misses a group
    rng = np.random.default_rng(0)
    middles = np.array([[0, 0], [0, 1], [1, 0]])
    points = points_of(np.repeat(middles, 50, axis=0) + rng.normal(0, 0.001, (150, 2)))
    for centres in seeding.plus_plus(points, 3, range(50), seed=0):
        assert np.array_equal(np.unique(np.rint(centres), axis=0), middles)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_lloyd_converges_to_the_centres_of_scikit_learn(cloud, k):
    begin = cloud.rows[:k]
    expected = KMeans(k, init=begin, n_init=1, algorithm="lloyd", tol=0, max_iter=300).fit(cloud.rows)
    (result,) = seeding.lloyd(cloud, [fresh(begin)], 300, BITS)
    assert result.converged
    assert np.abs(result.centres - expected.cluster_centers_).max() <= 2.0**-BITS
    assert result.inertia_offset + squared_lengths(cloud) == pytest.approx(expected.inertia_, rel=1e-9)
    assert result.inertia_offset + squared_lengths(cloud) == pytest.approx(inertia(cloud, result.centres), rel=1e-9)


def test_lloyd_weights_equal_repeated_points():
    rng = np.random.default_rng(1)
    rows, weights = rng.random((80, 2)), rng.integers(1, 5, 80)
    weighted, repeated = points_of(rows, weights), points_of(np.repeat(rows, weights, axis=0))
    begin = weighted.rows[:4]
    (a,), (b,) = (seeding.lloyd(points, [fresh(begin)], 300, BITS) for points in (weighted, repeated))
    assert np.array_equal(a.centres, b.centres)
    assert (a.inertia_offset, a.iterations, a.converged) == (b.inertia_offset, b.iterations, b.converged)


def test_lloyd_stops_after_the_given_iterations(cloud):
    begin = fresh(cloud.rows[:9])
    (twice,) = seeding.lloyd(cloud, seeding.lloyd(cloud, [begin], 2, BITS), 1, BITS)
    (thrice,) = seeding.lloyd(cloud, [begin], 3, BITS)
    assert (thrice.iterations, thrice.converged) == (3, False)
    assert np.array_equal(twice.centres, thrice.centres)
    # the offset is that of the centres before the third move
    (before,) = seeding.lloyd(cloud, [begin], 2, BITS)
    assert thrice.inertia_offset + squared_lengths(cloud) == pytest.approx(inertia(cloud, before.centres), rel=1e-9)


def test_converged_solutions_are_returned_unchanged(cloud):
    solutions = [fresh(cloud.rows[:4]), fresh(cloud.rows[:7])]
    converged = seeding.lloyd(cloud, solutions, 300, BITS)
    assert all(a is b for a, b in zip(seeding.lloyd(cloud, converged, 300, BITS), converged, strict=True))


def test_empty_clusters_move_to_the_farthest_points():
    points = points_of([[0.0], [0.1], [0.2], [0.9]])
    # all points are nearest to the first centre
    (result,) = seeding.lloyd(points, [fresh([[0.0], [-0.9], [-1.0]])], 1, BITS)
    mean = kernel.round_to_fixed_point(np.array([[0.3]]), BITS)[0, 0]
    # 0.9 is farthest from the mean 0.3; once a centre is at 0.9, the point 0.0 is farthest from its nearest centre
    assert result.centres.ravel().tolist() == [pytest.approx(mean, abs=2.0**-BITS), points.rows[3, 0], 0.0]


def test_the_first_of_equally_far_points_fills_a_cluster():
    points = points_of([[0.5], [-0.5], [0.0]])
    filled = seeding.fill_empty_clusters(points, np.array([[0.0], [9.0]]), np.array([False, True]))
    assert filled.tolist() == [[0.0], [0.5]]


def test_centres_without_an_empty_cluster_are_unchanged(cloud):
    centres = cloud.rows[:3]
    assert seeding.fill_empty_clusters(cloud, centres, np.zeros(3, dtype=bool)) is centres


def test_best_solutions_have_distinct_lowest_inertia():
    offsets = [3.0, 1.0, 2.0, 1.0, 3.0]
    solutions = [Solution(np.zeros((1, 1)), offset, index, True) for index, offset in enumerate(offsets)]
    assert [solution.iterations for solution in seeding.best_solutions(solutions, 2)] == [1, 2]
    assert [solution.iterations for solution in seeding.best_solutions(solutions, 9)] == [1, 2, 0]
    assert seeding.best_solutions([], 3) == []


@pytest.mark.parametrize("seed", range(5))
def test_the_cheapest_centre_is_removed(seed):
    rng = np.random.default_rng(seed)
    points = points_of(rng.random((120, 2)), rng.integers(1, 4, 120))
    centres = points.rows[:7]
    without = [np.delete(centres, i, axis=0) for i in range(7)]
    expected = min(without, key=lambda others: inertia(points, others))
    assert np.array_equal(seeding.without_cheapest_centre(points, centres), expected)


def test_the_loss_of_a_centre_is_weighted():
    # without weights the third centre would be cheapest: its removal costs 1/256, that of the first 1/64
    points = points_of([[0.0], [0.125], [0.75], [0.8125]], np.array([1, 1, 100, 100]))
    assert seeding.without_cheapest_centre(points, points.rows).ravel().tolist() == [0.125, 0.75, 0.8125]


@pytest.mark.parametrize("seed", range(5))
def test_the_point_that_lowers_inertia_most_is_added(seed):
    rng = np.random.default_rng(seed)
    points = points_of(rng.random((60, 2)), rng.integers(1, 4, 60))
    centres = points.rows[:3]
    # so many draws that every point away from the centres is among them
    result = seeding.with_added_centre(points, centres, (np.arange(20_000) + 0.5) / 20_000)
    expected = min(inertia(points, np.vstack([centres, row])) for row in points.rows)
    assert np.array_equal(result[:3], centres)
    assert rows_in(result[3:], points) == [True]
    assert inertia(points, result) == pytest.approx(expected, rel=1e-9)


def test_no_point_is_added_if_each_is_a_centre():
    points = points_of([[0.0], [0.5], [0.5]])
    assert seeding.with_added_centre(points, np.array([[0.5], [0.0]]), np.array([0.1, 0.9])) is None


def grid_of(points, ks):
    return seeding.lloyd(points, [fresh(points.rows[:k]) for k in ks], 300, BITS)


def test_starts_are_proposed_for_a_k_and_its_neighbours(cloud):
    solutions = grid_of(cloud, [3, 4, 5])
    draws = np.random.default_rng(0).random(8)
    sizes = {index: [(to, len(c)) for to, c in seeding.propose(cloud, solutions, index, draws)] for index in range(3)}
    assert sizes == {
        0: [(0, 3), (0, 3), (1, 4)],
        1: [(1, 4), (1, 4), (0, 3), (2, 5)],
        2: [(2, 5), (2, 5), (1, 4)],
    }


def test_no_start_is_proposed_for_a_distant_k(cloud):
    solutions = grid_of(cloud, [3, 5, 6])
    draws = np.random.default_rng(0).random(8)
    assert {to for to, _ in seeding.propose(cloud, solutions, 0, draws)} == {0}
    assert {to for to, _ in seeding.propose(cloud, solutions, 1, draws)} == {1, 2}


def test_no_start_is_proposed_if_every_point_is_a_centre():
    points = points_of([[0.0], [0.5], [1.0]])
    solutions = grid_of(points, [2, 3])
    assert seeding.propose(points, solutions, 1, np.array([0.5])) == []


def test_proposals_leave_a_local_optimum():
    # two centres in the left group, and one between the other two groups: a local optimum of Lloyd's iterations
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(middle, 0.01, 40) for middle in (-0.8, 0.7, 0.9)])[:, None]
    points = points_of(rows)
    (stuck,) = seeding.lloyd(points, [fresh([[-0.81], [-0.79], [0.8]])], 300, BITS)
    proposals = seeding.propose(points, [stuck], 0, rng.random(8))
    improved = seeding.lloyd(points, [fresh(centres) for _, centres in proposals], 300, BITS)
    best = KMeans(3, n_init=10, random_state=0, tol=0).fit(points.rows).inertia_
    assert inertia(points, stuck.centres) > 5 * best
    for solution in improved:
        assert inertia(points, solution.centres) == pytest.approx(best, rel=1e-9)
