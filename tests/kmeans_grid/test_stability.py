"""Stability by random halves, on points with known clusters."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segue.core.grid_result import STABILITY_RESTARTS
from segue.kmeans_grid import kernel, search


def blobs(k, n, spread, seed=0):
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(k) / k
    middles = 0.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([middle + rng.normal(0, spread, (n, 2)) for middle in middles])
    return kernel.Points.of(kernel.round_to_fixed_point(rng.permutation(points), 24))


def test_separated_clusters_are_stable():
    (result,) = search.stability(blobs(5, 80, 0.02), [5], subsamples=4, seed=0, bits=24)
    assert (result.mean, result.sd, result.subsamples) == (1.0, 0.0, 4)


def test_too_many_clusters_are_less_stable():
    four, five, nine = search.stability(blobs(5, 80, 0.02), [4, 5, 9], subsamples=4, seed=0, bits=24)
    assert five.mean > four.mean
    assert nine.mean < 0.9
    assert nine.sd > 0
    assert nine.standard_error == pytest.approx(nine.sd / 2)


def test_stability_is_the_rand_index_on_shared_points():
    points = blobs(3, 60, 0.3)
    (result,) = search.stability(points, [6], subsamples=2, seed=4, bits=24)
    masks = np.random.Generator(np.random.PCG64([4, 2, 1])).random((2, len(points))) < 0.5
    labels = []
    for number, mask in enumerate(masks):
        half = kernel.Points.of(points.rows[mask])
        (solution,) = search.search(half, [6], restarts=STABILITY_RESTARTS, seed=4 + number, bits=24)
        distances = ((points.rows[:, None] - solution.centres[None]) ** 2).sum(-1)
        labels.append(distances.argmin(axis=1))
    both = masks.all(axis=0)
    assert result.mean == pytest.approx(adjusted_rand_score(labels[0][both], labels[1][both]), abs=1e-12)


def test_a_k_above_the_distinct_points_of_a_half_is_none():
    points = kernel.Points.of(np.array([[0.0], [0.25], [0.5], [0.75]] * 40))
    result = search.stability(points, [2, 4, 5], subsamples=3, seed=0, bits=24)
    assert [each is None for each in result] == [False, False, True]
    assert result[1].mean == 1.0
