"""Stability by random halves, on points of which it is known."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segue.kmeans_grid import kernel, search, stability


def blobs(k, n, spread, seed=0):
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(k) / k
    middles = 0.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([middle + rng.normal(0, spread, (n, 2)) for middle in middles])
    return kernel.Points.of(kernel.round_to_grid(rng.permutation(points), 24))


def test_clusters_that_are_there_are_found_in_every_half():
    found = stability.stability(blobs(5, 80, 0.02), [5], halves=4, seed=0, bits=24)
    assert (found[0].mean, found[0].sd, found[0].halves) == (1.0, 0.0, 4)


def test_more_clusters_than_there_are_depend_on_the_half():
    four, five, nine = stability.stability(blobs(5, 80, 0.02), [4, 5, 9], halves=4, seed=0, bits=24)
    assert five.mean > four.mean
    assert nine.mean < 0.9
    assert nine.sd > 0
    assert nine.standard_error == pytest.approx(nine.sd / 2)


def test_it_is_the_rand_index_of_the_tracks_that_two_halves_share():
    points = blobs(3, 60, 0.3)
    (found,) = stability.stability(points, [6], halves=2, seed=4, bits=24)
    held = np.random.Generator(np.random.PCG64([4, 2, 1])).random((2, len(points))) < 0.5
    labels = []
    for number, mask in enumerate(held):
        half = kernel.Points.of(points.rows[mask])
        (start,) = search.search(half, [6], restarts=stability.RESTARTS, seed=4 + number, bits=24)
        gaps = ((points.rows[:, None] - start.centres[None]) ** 2).sum(-1)
        labels.append(gaps.argmin(axis=1))
    both = held.all(axis=0)
    assert found.mean == pytest.approx(adjusted_rand_score(labels[0][both], labels[1][both]), abs=1e-12)


def test_k_that_a_half_cannot_have_are_left_out():
    points = kernel.Points.of(np.array([[0.0], [0.25], [0.5], [0.75]] * 40))
    found = stability.stability(points, [2, 4, 5], halves=3, seed=0, bits=24)
    assert [each is None for each in found] == [False, False, True]
    assert found[1].mean == 1.0
