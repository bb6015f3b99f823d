"""Exact sums in fixed point, compared with Python's integers without tolerance."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from segue.kmeans_grid import kernel
from segue.kmeans_grid.kernel import Points


def on_grid(rng, n, n_features):
    """Return random points in [-1, 1] that use all bits of the fixed point."""
    steps = 1 << kernel.fixed_point_bits(n_features)
    return rng.integers(-steps, steps, (n, n_features), endpoint=True) / steps


def integers(values, bits):
    """Return the values in steps of 2^-bits, as Python's integers."""
    return [[int(value * (1 << bits)) for value in row] for row in values.tolist()]


def by_integers(rows, weights, centres):
    """Sum the coordinates and weights of the points nearest to each centre, in Python's integers."""
    sums = [[0] * len(rows[0]) for _ in centres]
    counts = [0] * len(centres)
    for row, weight in zip(rows, weights, strict=True):
        distances = [sum((x - c) ** 2 for x, c in zip(row, centre, strict=True)) for centre in centres]
        nearest = distances.index(min(distances))
        counts[nearest] += weight
        sums[nearest] = [total + weight * x for total, x in zip(sums[nearest], row, strict=True)]
    return sums, counts


@pytest.mark.parametrize(("n_features", "bits"), [(1, 24), (10, 24), (11, 23), (42, 23), (43, 22), (170, 22)])
def test_fixed_point_bits_are_as_documented(n_features, bits):
    assert kernel.fixed_point_bits(n_features) == bits


@pytest.mark.parametrize("n_features", range(1, 171))
def test_distance_coefficients_fit_into_a_float64(n_features):
    bits = kernel.fixed_point_bits(n_features)
    # |c|^2 - 2 x.c is a multiple of 2^(-2 bits); its largest absolute value, in corners of the cube, is 3 n_features
    assert 3 * n_features * 4**bits <= 2**53
    # with one bit more it would not fit, or a float32 could not hold a coordinate
    assert bits == 24 or 3 * n_features * 4 ** (bits + 1) > 2**53
    assert kernel.max_points(n_features) * 2**bits == 2**53


def test_sums_over_2_to_the_29_points_of_ten_features_are_exact():
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
def test_the_exponent_scales_values_into_the_cube(largest, power):
    assert kernel.exponent(largest) == power
    assert largest == 0 or 0.5 < largest * 2.0**power <= 1


def test_rounding_is_to_the_nearest_step():
    values = np.array([[0.1, 0.9, -0.3, 1.0, -1.0, 0.125, 0.0625]])
    # in quarters and eighths, by hand; halves go to the even step
    assert kernel.round_to_fixed_point(values, 2).tolist() == [[0.0, 1.0, -0.25, 1.0, -1.0, 0.0, 0.0]]
    assert kernel.round_to_fixed_point(values, 3).tolist() == [[0.125, 0.875, -0.25, 1.0, -1.0, 0.125, 0.0]]


def test_rounding_returns_no_negative_zero():
    # a negative zero would make the bytes of equal points differ
    assert not np.signbit(kernel.round_to_fixed_point(np.array([[-1e-9, -0.0, 1e-9]]), 24)).any()


@pytest.mark.parametrize("n_features", [1, 6, 10, 11, 42, 170])
def test_float32_holds_every_value_of_the_grid(n_features):
    points = on_grid(np.random.default_rng(0), 1000, n_features)
    assert np.array_equal(points.astype(np.float32).astype(float), points)


@pytest.mark.parametrize("n_features", [1, 2, 10, 11, 42, 170])
def test_sums_equal_integer_arithmetic(n_features):
    rng = np.random.default_rng(n_features)
    bits = kernel.fixed_point_bits(n_features)
    points, weights = on_grid(rng, 60, n_features), rng.integers(1, 1000, 60)
    centres = on_grid(rng, 5, n_features)
    (result,) = kernel.centre_sums(Points.of(points, weights), [centres])
    sums, counts = by_integers(integers(points, bits), weights.tolist(), integers(centres, bits))
    assert result[:, -2].tolist() == counts
    assert integers(result[:, :-2], bits) == sums


def test_one_step_of_the_grid_decides_the_nearest_centre():
    step = 2.0**-24
    corner = np.ones((1, 10))
    corner[0, 3] -= step
    # the first two centres differ from the point by two steps and by one; the terms of the sums are up to 30
    centres = np.ones((3, 10))
    centres[0, 3] += -3 * step
    centres[2] = -1.0
    (result,) = kernel.centre_sums(Points.of(corner), [centres])
    assert result[:, -2].tolist() == [0, 1, 0]
    assert kernel.labels(Points.of(corner), centres).tolist() == [1]


@pytest.mark.parametrize("elements", [1, 1 << 12, 1 << 18, 1 << 24])
def test_order_and_size_of_chunks_change_no_bit(monkeypatch, elements):
    rng = np.random.default_rng(1)
    points, weights = on_grid(rng, 1500, 6), rng.integers(1, 9, 1500)
    points[700:] = points[:800]  # duplicates
    sets = [on_grid(rng, k, 6) for k in (2, 3, 17, 40)]
    expected = kernel.centre_sums(Points.of(points, weights), sets)
    labels = kernel.labels(Points.of(points), sets[2])
    monkeypatch.setattr(kernel, "_ELEMENTS", elements)
    order = rng.permutation(1500)
    result = kernel.centre_sums(Points.of(points[order], weights[order]), sets)
    for a, b in zip(result, expected, strict=True):
        assert np.array_equal(a[:, :-1], b[:, :-1])
        assert np.allclose(a[:, -1], b[:, -1], rtol=1e-12)  # sums of squares are not exact
    assert np.array_equal(kernel.labels(Points.of(points[order]), sets[2]), labels[order])


def test_sums_of_parts_add_up_to_the_same_bits():
    rng = np.random.default_rng(2)
    points, centres = on_grid(rng, 1000, 10), on_grid(rng, 8, 10)
    cuts = [0, 1, 130, 131, 700, 1000]
    parts = [kernel.centre_sums(Points.of(points[a:b]), [centres])[0] for a, b in pairwise(cuts)]
    assert np.array_equal(sum(parts)[:, :-1], kernel.centre_sums(Points.of(points), [centres])[0][:, :-1])


def test_labels_equal_the_nearest_centres_of_scikit_learn():
    rng = np.random.default_rng(3)
    points, centres = on_grid(rng, 400, 7), on_grid(rng, 20, 7)
    assert np.array_equal(kernel.labels(Points.of(points), centres), pairwise_distances(points, centres).argmin(axis=1))


def test_ties_belong_to_the_lower_centre():
    points = Points.of(np.array([[0.0, 0.0], [0.5, 0.0], [-0.25, 0.25]]), np.array([1, 10, 100]))
    # the first point is as far from all four centres, the second is at one, the third between (-0.5, 0) and (0, 0.5)
    centres = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    assert kernel.centre_sums(points, [centres])[0][:, -2].tolist() == [11, 100, 0, 0]
    assert kernel.centre_sums(points, [centres[::-1]])[0][:, -2].tolist() == [1, 100, 0, 10]
    assert kernel.labels(points, centres).tolist() == [0, 0, 1]
    assert kernel.labels(points, centres[::-1]).tolist() == [0, 3, 1]


def test_a_tie_in_one_set_does_not_change_other_sets():
    points = Points.of(np.array([[0.0], [0.75]]))
    tied, clear = np.array([[0.5], [-0.5]]), np.array([[-1.0], [0.25], [1.0]])
    assert [t[:, -2].tolist() for t in kernel.centre_sums(points, [tied, clear, tied[::-1]])] == [
        [2, 0],
        [0, 1, 1],
        [1, 1],
    ]


def test_points_of_equal_centres_belong_to_the_first():
    (result,) = kernel.centre_sums(Points.of(np.array([[0.0], [0.5]])), [np.array([[0.25], [0.25], [0.25]])])
    assert result[:, -2].tolist() == [2, 0, 0]


def test_many_sets_are_returned_in_order():
    rng = np.random.default_rng(4)
    points = Points.of(on_grid(rng, 300, 2))
    # one matrix product has up to 128 centres, or one set: these sets need four products
    sets = [on_grid(rng, k, 2) for k in (3, 60, 50, 30, 200, 4, 2)]
    for result, centres in zip(kernel.centre_sums(points, sets), sets, strict=True):
        expected = pairwise_distances(points.rows, centres).argmin(axis=1)
        assert result[:, -2].tolist() == np.bincount(expected, minlength=len(centres)).tolist()


def test_sets_share_a_product_of_up_to_128_centres():
    sets = [np.zeros((k, 1)) for k in (3, 60, 50, 30, 200, 4, 2)]
    assert [[len(c) for c in group] for group in kernel._groups(sets)] == [[3, 60, 50], [30], [200], [4, 2]]


def test_weights_equal_repeated_points():
    rng = np.random.default_rng(5)
    points, weights, centres = on_grid(rng, 50, 3), rng.integers(1, 6, 50), on_grid(rng, 4, 3)
    (weighted,) = kernel.centre_sums(Points.of(points, weights), [centres])
    (repeated,) = kernel.centre_sums(Points.of(np.repeat(points, weights, axis=0)), [centres])
    assert np.array_equal(weighted[:, :-1], repeated[:, :-1])
    assert weighted[:, -1] == pytest.approx(repeated[:, -1], rel=1e-14)


def test_points_return_their_rows_and_weights():
    rows, weights = on_grid(np.random.default_rng(6), 9, 4), np.arange(1, 10)
    points = Points.of(rows, weights)
    assert (len(points), points.n_features) == (9, 4)
    assert np.array_equal(points.rows, rows)
    assert points.weights.tolist() == weights.tolist()
    assert points.weighted_rows[:, -1] == pytest.approx(weights * (rows**2).sum(axis=1), rel=1e-15)


def test_updated_centres_are_rounded_means():
    sums = np.array([[1.0, 2.0, 3.0, 9.0], [0.0, 0.0, 0.0, 0.0], [-0.5, 0.25, 1.0, 9.0]])
    centres = np.array([[0.0, 0.0], [0.125, 0.375], [0.0, 0.0]])
    result = kernel.updated_centres(sums, centres, 24)
    thirds = [[float(Fraction(round(Fraction(i, 3) * 2**24), 2**24)) for i in (1, 2)]]
    assert result.tolist() == [*thirds, [0.125, 0.375], [-0.5, 0.25]]
