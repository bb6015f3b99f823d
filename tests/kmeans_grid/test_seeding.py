"""Starts: k-means++, Lloyd's iterations and exchanged centres, against scikit-learn and brute force."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances

from segue.kmeans_grid import kernel, seeding
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.seeding import Start

BITS = 24


def points_of(rows, weights=None):
    return Points.of(kernel.round_to_grid(np.asarray(rows, dtype=float), BITS), weights)


def inertia(points, centres):
    """Straight from the definition."""
    return float(pairwise_distances(points.rows, centres, metric="sqeuclidean").min(axis=1) @ points.weights)


def squared_lengths(points):
    return float((points.rows**2).sum(axis=1) @ points.weights)


def fresh(centres):
    return Start(np.asarray(centres, dtype=float), np.inf, 0, False)


@pytest.fixture(scope="module")
def cloud():
    return points_of(np.random.default_rng(0).random((400, 3)))


def rows_in(centres, points):
    known = {row.tobytes() for row in np.ascontiguousarray(points.rows)}
    return [row.tobytes() in known for row in np.ascontiguousarray(centres)]


def test_plus_plus_chooses_points_all_different(cloud):
    for centres in seeding.plus_plus(cloud, 30, range(5), seed=1):
        assert all(rows_in(centres, cloud))
        assert len(np.unique(centres, axis=0)) == 30


def test_plus_plus_finds_every_point_where_there_are_just_enough():
    rare = np.array([[0.0, 0.0]] * 1000 + [[i / 8, 1.0] for i in range(5)])
    for centres in seeding.plus_plus(points_of(rare), 6, range(20), seed=0):
        assert np.array_equal(np.unique(centres, axis=0), np.unique(rare, axis=0))


def test_a_restart_does_not_depend_on_those_beside_it(cloud):
    together = seeding.plus_plus(cloud, 12, range(6), seed=3)
    for number in (0, 4):
        (alone,) = seeding.plus_plus(cloud, 12, [number], seed=3)
        assert np.array_equal(alone, together[number])


def test_restarts_and_seeds_differ(cloud):
    first = seeding.plus_plus(cloud, 8, range(10), seed=3)
    other = seeding.plus_plus(cloud, 8, range(10), seed=4)
    assert len({centres.tobytes() for centres in [*first, *other]}) == 20


def test_plus_plus_draws_by_weight():
    # the first centre is drawn by weight alone: 1 of 1,000 against 999
    points = points_of([[0.0], [1.0]], np.array([1, 999]))
    first = [centres[0, 0] for centres in seeding.plus_plus(points, 2, range(500), seed=0)]
    assert sum(value == 0.0 for value in first) <= 5


def test_further_centres_are_drawn_and_judged_by_weight_too():
    # 0 is all but certain to come first and 1 second; then 1/16 counts a thousand times, and 9/16 once
    points = points_of([[0.0], [1.0], [0.25], [-0.75]], np.array([10**8, 10**5, 1000, 1]))
    found = [centres[:, 0].tolist() for centres in seeding.plus_plus(points, 3, range(50), seed=0)]
    assert found.count([0.0, 1.0, 0.25]) >= 48


def test_plus_plus_goes_where_the_gaps_are():
    # three tight groups of equal size, far apart: greedy k-means++ misses one once in very many draws
    rng = np.random.default_rng(0)
    middles = np.array([[0, 0], [0, 1], [1, 0]])
    points = points_of(np.repeat(middles, 50, axis=0) + rng.normal(0, 0.001, (150, 2)))
    for centres in seeding.plus_plus(points, 3, range(50), seed=0):
        assert np.array_equal(np.unique(np.rint(centres), axis=0), middles)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_lloyd_ends_where_scikit_learn_ends(cloud, k):
    begin = cloud.rows[:k]
    wanted = KMeans(k, init=begin, n_init=1, algorithm="lloyd", tol=0, max_iter=300).fit(cloud.rows)
    (found,) = seeding.lloyd(cloud, [fresh(begin)], 300, BITS)
    assert found.settled
    assert np.abs(found.centres - wanted.cluster_centers_).max() <= 2.0**-BITS
    assert found.cost + squared_lengths(cloud) == pytest.approx(wanted.inertia_, rel=1e-9)
    assert found.cost + squared_lengths(cloud) == pytest.approx(inertia(cloud, found.centres), rel=1e-9)


def test_lloyd_with_weights_is_lloyd_with_repeated_points():
    rng = np.random.default_rng(1)
    rows, weights = rng.random((80, 2)), rng.integers(1, 5, 80)
    weighted, repeated = points_of(rows, weights), points_of(np.repeat(rows, weights, axis=0))
    begin = weighted.rows[:4]
    (a,), (b,) = (seeding.lloyd(points, [fresh(begin)], 300, BITS) for points in (weighted, repeated))
    assert np.array_equal(a.centres, b.centres)
    assert (a.cost, a.iterations, a.settled) == (b.cost, b.iterations, b.settled)


def test_lloyd_stops_after_as_many_iterations_as_it_is_given(cloud):
    begin = fresh(cloud.rows[:9])
    (twice,) = seeding.lloyd(cloud, seeding.lloyd(cloud, [begin], 2, BITS), 1, BITS)
    (thrice,) = seeding.lloyd(cloud, [begin], 3, BITS)
    assert (thrice.iterations, thrice.settled) == (3, False)
    assert np.array_equal(twice.centres, thrice.centres)
    # the cost is that of the centres before the third move
    (before,) = seeding.lloyd(cloud, [begin], 2, BITS)
    assert thrice.cost + squared_lengths(cloud) == pytest.approx(inertia(cloud, before.centres), rel=1e-9)


def test_settled_starts_are_left_alone(cloud):
    begun = [fresh(cloud.rows[:4]), fresh(cloud.rows[:7])]
    settled = seeding.lloyd(cloud, begun, 300, BITS)
    assert all(a is b for a, b in zip(seeding.lloyd(cloud, settled, 300, BITS), settled, strict=True))


def test_an_emptied_cluster_goes_to_the_point_farthest_from_all():
    points = points_of([[0.0], [0.1], [0.2], [0.9]])
    # all points are nearest to the first centre: the others have none
    (found,) = seeding.lloyd(points, [fresh([[0.0], [-0.9], [-1.0]])], 1, BITS)
    mean = kernel.round_to_grid(np.array([[0.3]]), BITS)[0, 0]
    # 0.9 is farthest from the mean 0.3; with a centre there, 0.0 is
    assert found.centres.ravel().tolist() == [pytest.approx(mean, abs=2.0**-BITS), points.rows[3, 0], 0.0]


def test_of_equally_far_points_the_first_fills_a_cluster():
    points = points_of([[0.5], [-0.5], [0.0]])
    filled = seeding.fill_empty_clusters(points, np.array([[0.0], [9.0]]), np.array([False, True]))
    assert filled.tolist() == [[0.0], [0.5]]


def test_nothing_is_filled_where_nothing_is_empty(cloud):
    centres = cloud.rows[:3]
    assert seeding.fill_empty_clusters(cloud, centres, np.zeros(3, dtype=bool)) is centres


def test_the_best_are_the_cheapest_without_repeats_and_the_earlier_of_equals():
    costs = [3.0, 1.0, 2.0, 1.0, 3.0]
    begun = [Start(np.zeros((1, 1)), cost, place, True) for place, cost in enumerate(costs)]
    assert [start.iterations for start in seeding.best_starts(begun, 2)] == [1, 2]
    assert [start.iterations for start in seeding.best_starts(begun, 9)] == [1, 2, 0]
    assert seeding.best_starts([], 3) == []


@pytest.mark.parametrize("seed", range(5))
def test_the_centre_that_costs_least_is_left_out(seed):
    rng = np.random.default_rng(seed)
    points = points_of(rng.random((120, 2)), rng.integers(1, 4, 120))
    centres = points.rows[:7]
    without = [np.delete(centres, i, axis=0) for i in range(7)]
    wanted = min(without, key=lambda left: inertia(points, left))
    assert np.array_equal(seeding.without_cheapest_centre(points, centres), wanted)


def test_what_a_centre_costs_is_counted_by_weight():
    # without weights the third would cost least: 1/256 against 1/64
    points = points_of([[0.0], [0.125], [0.75], [0.8125]], np.array([1, 1, 100, 100]))
    assert seeding.without_cheapest_centre(points, points.rows).ravel().tolist() == [0.125, 0.75, 0.8125]


@pytest.mark.parametrize("seed", range(5))
def test_the_point_that_saves_most_is_added(seed):
    rng = np.random.default_rng(seed)
    points = points_of(rng.random((60, 2)), rng.integers(1, 4, 60))
    centres = points.rows[:3]
    # so many draws that every point away from the centres is among them
    found = seeding.with_added_centre(points, centres, (np.arange(20_000) + 0.5) / 20_000)
    wanted = min(inertia(points, np.vstack([centres, row])) for row in points.rows)
    assert np.array_equal(found[:3], centres)
    assert rows_in(found[3:], points) == [True]
    assert inertia(points, found) == pytest.approx(wanted, rel=1e-9)


def test_no_point_is_added_where_each_has_a_centre():
    points = points_of([[0.0], [0.5], [0.5]])
    assert seeding.with_added_centre(points, np.array([[0.5], [0.0]]), np.array([0.1, 0.9])) is None


def grid_of(points, ks):
    return seeding.lloyd(points, [fresh(points.rows[:k]) for k in ks], 300, BITS)


def test_a_k_suggests_to_itself_and_its_neighbours(cloud):
    found = grid_of(cloud, [3, 4, 5])
    draws = np.random.default_rng(0).random(8)
    sizes = {place: [(to, len(c)) for to, c in seeding.propose(cloud, found, place, draws)] for place in range(3)}
    assert sizes == {
        0: [(0, 3), (0, 3), (1, 4)],
        1: [(1, 4), (1, 4), (0, 3), (2, 5)],
        2: [(2, 5), (2, 5), (1, 4)],
    }


def test_nothing_is_suggested_across_a_gap(cloud):
    found = grid_of(cloud, [3, 5, 6])
    draws = np.random.default_rng(0).random(8)
    assert {to for to, _ in seeding.propose(cloud, found, 0, draws)} == {0}
    assert {to for to, _ in seeding.propose(cloud, found, 1, draws)} == {1, 2}


def test_a_centre_for_each_point_suggests_nothing():
    points = points_of([[0.0], [0.5], [1.0]])
    found = grid_of(points, [2, 3])
    assert seeding.propose(points, found, 1, np.array([0.5])) == []


def test_a_centre_that_is_stuck_is_freed():
    # two centres share the left group while one serves both others: Lloyd's iterations alone never leave that
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(middle, 0.01, 40) for middle in (-0.8, 0.7, 0.9)])[:, None]
    points = points_of(rows)
    (stuck,) = seeding.lloyd(points, [fresh([[-0.81], [-0.79], [0.8]])], 300, BITS)
    offers = seeding.propose(points, [stuck], 0, rng.random(8))
    freed = seeding.lloyd(points, [fresh(centres) for _, centres in offers], 300, BITS)
    best = KMeans(3, n_init=10, random_state=0, tol=0).fit(points.rows).inertia_
    assert inertia(points, stuck.centres) > 5 * best
    for start in freed:
        assert inertia(points, start.centres) == pytest.approx(best, rel=1e-9)
