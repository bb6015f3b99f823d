"""The arithmetic of the grid: exact, so it is compared with whole numbers of any size, not with tolerances."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from segue.kmeans_grid import kernel
from segue.kmeans_grid.kernel import Points


def on_grid(rng, n, n_features):
    """Points that use every bit the grid has, in [-1, 1]."""
    steps = 1 << kernel.grid_bits(n_features)
    return rng.integers(-steps, steps, (n, n_features), endpoint=True) / steps


def whole(values, bits):
    """The same values as Python's integers, in steps of the grid."""
    return [[int(value * (1 << bits)) for value in row] for row in values.tolist()]


def by_integers(rows, weights, centres):
    """What the points nearest to each centre add up to, in Python's integers: coordinates, counts."""
    sums = [[0] * len(rows[0]) for _ in centres]
    counts = [0] * len(centres)
    for row, weight in zip(rows, weights, strict=True):
        gaps = [sum((x - c) ** 2 for x, c in zip(row, centre, strict=True)) for centre in centres]
        nearest = gaps.index(min(gaps))
        counts[nearest] += weight
        sums[nearest] = [total + weight * x for total, x in zip(sums[nearest], row, strict=True)]
    return sums, counts


@pytest.mark.parametrize(("n_features", "bits"), [(1, 24), (10, 24), (11, 23), (42, 23), (43, 22), (170, 22)])
def test_the_grid_is_as_fine_as_documented(n_features, bits):
    assert kernel.grid_bits(n_features) == bits


@pytest.mark.parametrize("n_features", range(1, 171))
def test_what_decides_labels_fits_in_a_float(n_features):
    bits = kernel.grid_bits(n_features)
    # |c|^2 - 2 x.c is a multiple of 2^(-2 bits) and, c and x being corners of the cube, at most 3 n_features in size
    assert 3 * n_features * 4**bits <= 2**53
    # with one bit more it would not fit, or a float32 could not hold a coordinate
    assert bits == 24 or 3 * n_features * 4 ** (bits + 1) > 2**53
    assert kernel.max_points(n_features) * 2**bits == 2**53


def test_ten_features_have_room_for_two_to_the_29_points():
    assert kernel.max_points(10) == 2**29


@pytest.mark.parametrize(
    ("largest", "power"),
    [
        (1.0, 0),
        (1.0000001, -1),
        (2.0, -1),
        (2.5, -2),
        (1e6, -20),
        (2.0**20, -20),
        (0.0, 0),
        (0.5, 1),
        (0.3, 1),
        (1e-6, 19),
    ],
)
def test_one_power_of_two_brings_values_into_the_cube(largest, power):
    assert kernel.exponent(largest) == power
    assert largest == 0 or 0.5 < largest * 2.0**power <= 1


def test_rounding_goes_to_the_nearest_step_and_keeps_the_corners():
    values = np.array([[0.1, 0.9, -0.3, 1.0, -1.0, 0.125, 0.0625]])
    # in quarters and eighths, by hand; halves go to the even step
    assert kernel.round_to_grid(values, 2).tolist() == [[0.0, 1.0, -0.25, 1.0, -1.0, 0.0, 0.0]]
    assert kernel.round_to_grid(values, 3).tolist() == [[0.125, 0.875, -0.25, 1.0, -1.0, 0.125, 0.0]]


def test_there_is_one_zero_only():
    # two zeros that differ in a bit would make equal points look different
    assert not np.signbit(kernel.round_to_grid(np.array([[-1e-9, -0.0, 1e-9]]), 24)).any()


@pytest.mark.parametrize("n_features", [1, 6, 10, 11, 42, 170])
def test_every_value_of_the_grid_survives_storage_as_float32(n_features):
    points = on_grid(np.random.default_rng(0), 1000, n_features)
    assert np.array_equal(points.astype(np.float32).astype(float), points)


@pytest.mark.parametrize("n_features", [1, 2, 10, 11, 42, 170])
def test_sums_equal_whole_numbers(n_features):
    rng = np.random.default_rng(n_features)
    bits = kernel.grid_bits(n_features)
    points, weights = on_grid(rng, 60, n_features), rng.integers(1, 1000, 60)
    centres = on_grid(rng, 5, n_features)
    (total,) = kernel.centre_sums(Points.of(points, weights), [centres])
    sums, counts = by_integers(whole(points, bits), weights.tolist(), whole(centres, bits))
    assert total[:, -2].tolist() == counts
    assert whole(total[:, :-2], bits) == sums


def test_a_difference_of_one_step_decides_even_in_the_far_corners():
    step = 2.0**-24
    corner = np.ones((1, 10))
    corner[0, 3] -= step
    # the first two centres differ from the point by two steps and by one; the sums at stake are 30 in size
    centres = np.ones((3, 10))
    centres[0, 3] += -3 * step
    centres[2] = -1.0
    (total,) = kernel.centre_sums(Points.of(corner), [centres])
    assert total[:, -2].tolist() == [0, 1, 0]
    assert kernel.labels(Points.of(corner), centres).tolist() == [1]


@pytest.mark.parametrize("elements", [1, 1 << 12, 1 << 18, 1 << 24])
def test_neither_the_order_of_points_nor_the_size_of_chunks_changes_a_bit(monkeypatch, elements):
    rng = np.random.default_rng(1)
    points, weights = on_grid(rng, 1500, 6), rng.integers(1, 9, 1500)
    points[700:] = points[:800]  # duplicates
    sets = [on_grid(rng, k, 6) for k in (2, 3, 17, 40)]
    wanted = kernel.centre_sums(Points.of(points, weights), sets)
    labels = kernel.labels(Points.of(points), sets[2])
    monkeypatch.setattr(kernel, "_ELEMENTS", elements)
    order = rng.permutation(1500)
    found = kernel.centre_sums(Points.of(points[order], weights[order]), sets)
    for a, b in zip(found, wanted, strict=True):
        assert np.array_equal(a[:, :-1], b[:, :-1])
        assert np.allclose(a[:, -1], b[:, -1], rtol=1e-12)  # sums of squares are not exact
    assert np.array_equal(kernel.labels(Points.of(points[order]), sets[2]), labels[order])


def test_parts_add_up_to_the_whole_to_the_bit():
    rng = np.random.default_rng(2)
    points, centres = on_grid(rng, 1000, 10), on_grid(rng, 8, 10)
    cuts = [0, 1, 130, 131, 700, 1000]
    parts = [kernel.centre_sums(Points.of(points[a:b]), [centres])[0] for a, b in pairwise(cuts)]
    assert np.array_equal(sum(parts)[:, :-1], kernel.centre_sums(Points.of(points), [centres])[0][:, :-1])


def test_labels_are_the_nearest_centres_of_scikit_learn():
    rng = np.random.default_rng(3)
    points, centres = on_grid(rng, 400, 7), on_grid(rng, 20, 7)
    assert np.array_equal(kernel.labels(Points.of(points), centres), pairwise_distances(points, centres).argmin(axis=1))


def test_ties_go_to_the_lower_centre_in_totals_and_labels():
    points = Points.of(np.array([[0.0, 0.0], [0.5, 0.0], [-0.25, 0.25]]), np.array([1, 10, 100]))
    # the first point lies between all four centres, the second on one, the third between (-0.5, 0) and (0, 0.5)
    centres = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    assert kernel.centre_sums(points, [centres])[0][:, -2].tolist() == [11, 100, 0, 0]
    assert kernel.centre_sums(points, [centres[::-1]])[0][:, -2].tolist() == [1, 100, 0, 10]
    assert kernel.labels(points, centres).tolist() == [0, 0, 1]
    assert kernel.labels(points, centres[::-1]).tolist() == [0, 3, 1]


def test_a_tie_in_one_set_leaves_the_others_alone():
    points = Points.of(np.array([[0.0], [0.75]]))
    tied, clear = np.array([[0.5], [-0.5]]), np.array([[-1.0], [0.25], [1.0]])
    assert [t[:, -2].tolist() for t in kernel.centre_sums(points, [tied, clear, tied[::-1]])] == [
        [2, 0],
        [0, 1, 1],
        [1, 1],
    ]


def test_equal_centres_leave_all_points_to_the_first():
    (total,) = kernel.centre_sums(Points.of(np.array([[0.0], [0.5]])), [np.array([[0.25], [0.25], [0.25]])])
    assert total[:, -2].tolist() == [2, 0, 0]


def test_many_sets_come_back_in_their_order():
    rng = np.random.default_rng(4)
    points = Points.of(on_grid(rng, 300, 2))
    # one product serves 2,048 centres: these take three, and the set of 2,100 one of its own
    sets = [on_grid(rng, k, 2) for k in (3, 60, 50, 30, 200, 4, 2)]
    for found, centres in zip(kernel.centre_sums(points, sets), sets, strict=True):
        wanted = pairwise_distances(points.rows, centres).argmin(axis=1)
        assert found[:, -2].tolist() == np.bincount(wanted, minlength=len(centres)).tolist()


def test_sets_share_a_product_up_to_so_many_centres():
    sets = [np.zeros((k, 1)) for k in (3, 60, 50, 30, 200, 4, 2)]
    assert [[len(c) for c in group] for group in kernel._groups(sets)] == [[3, 60, 50], [30], [200], [4, 2]]


def test_weights_count_points_as_often_as_repeating_them():
    rng = np.random.default_rng(5)
    points, weights, centres = on_grid(rng, 50, 3), rng.integers(1, 6, 50), on_grid(rng, 4, 3)
    (weighted,) = kernel.centre_sums(Points.of(points, weights), [centres])
    (repeated,) = kernel.centre_sums(Points.of(np.repeat(points, weights, axis=0)), [centres])
    assert np.array_equal(weighted[:, :-1], repeated[:, :-1])
    assert weighted[:, -1] == pytest.approx(repeated[:, -1], rel=1e-14)


def test_points_give_back_what_they_were_made_of():
    rows, weights = on_grid(np.random.default_rng(6), 9, 4), np.arange(1, 10)
    points = Points.of(rows, weights)
    assert (len(points), points.n_features) == (9, 4)
    assert np.array_equal(points.rows, rows)
    assert points.weights.tolist() == weights.tolist()
    assert points.moments[:, -1] == pytest.approx(weights * (rows**2).sum(axis=1), rel=1e-15)


def test_moved_centres_are_means_to_the_nearest_step_and_empty_ones_stay():
    total = np.array([[1.0, 2.0, 3.0, 9.0], [0.0, 0.0, 0.0, 0.0], [-0.5, 0.25, 1.0, 9.0]])
    centres = np.array([[0.0, 0.0], [0.125, 0.375], [0.0, 0.0]])
    found = kernel.updated_centres(total, centres, 24)
    thirds = [[float(Fraction(round(Fraction(i, 3) * 2**24), 2**24)) for i in (1, 2)]]
    assert found.tolist() == [*thirds, [0.125, 0.375], [-0.5, 0.25]]
