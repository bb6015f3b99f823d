"""Davies-Bouldin and Calinski-Harabasz from sums, against scikit-learn on the points themselves."""

import numpy as np
import pytest
from sklearn import metrics

from segue.clustering import scores


def davies_bouldin(points, labels):
    means = np.stack([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    distances = np.linalg.norm(points - means[labels], axis=1)
    return scores.davies_bouldin(means, np.bincount(labels, distances) / np.bincount(labels))


def calinski_harabasz(points, labels):
    means = np.stack([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    return scores.calinski_harabasz(np.bincount(labels), means, ((points - means[labels]) ** 2).sum())


@pytest.mark.parametrize("k", [2, 3, 7, 59, 60])
def test_they_equal_scikit_learns(k):
    rng = np.random.default_rng(k)
    points = rng.random((61, 3))
    labels = np.concatenate([np.arange(k), rng.integers(0, k, 61 - k)])
    # scikit-learn's distance of a point to itself is not always 0
    assert davies_bouldin(points, labels) == pytest.approx(metrics.davies_bouldin_score(points, labels), abs=1e-7)
    wanted = metrics.calinski_harabasz_score(points, labels)
    assert calinski_harabasz(points, labels) == pytest.approx(wanted, rel=1e-9)


def test_by_hand():
    # means 1 and 6, mean distances 1 and 2, so (1 + 2) / 5; within 2 + 8, between 4 times 2.5^2
    points, labels = np.array([[0.0], [2.0], [4.0], [8.0]]), np.array([0, 0, 1, 1])
    assert davies_bouldin(points, labels) == pytest.approx(0.6)
    assert calinski_harabasz(points, labels) == pytest.approx(25 / 1 / (10 / 2))


@pytest.mark.parametrize(
    ("points", "labels"),
    [
        ([[0.0, 0.0]] * 3 + [[1.0, 1.0]] * 2, [0, 0, 0, 1, 1]),
        ([[0.5, 0.5]] * 4, [0, 0, 1, 1]),
        # two of three means are equal
        ([[-1.0], [1.0], [-2.0], [2.0], [5.0], [7.0]], [0, 0, 1, 1, 2, 2]),
        # all means are equal
        ([[-1.0], [1.0], [-2.0], [2.0]], [0, 0, 1, 1]),
    ],
)
def test_degenerate_clusters_are_as_scikit_learn_has_them(points, labels):
    points, labels = np.array(points), np.array(labels)
    assert davies_bouldin(points, labels) == pytest.approx(metrics.davies_bouldin_score(points, labels), abs=1e-12)
    assert calinski_harabasz(points, labels) == pytest.approx(metrics.calinski_harabasz_score(points, labels))


def test_a_cluster_for_each_point_is_one():
    points = np.random.default_rng(0).random((4, 2))
    assert calinski_harabasz(points, np.arange(4)) == 1.0
