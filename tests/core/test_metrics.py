"""Scores of clusterings against scikit-learn, the definition, and values by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
)

from segue.core import metrics
from segue.core.metrics import Agreement, agreement

TABLES = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 6))
)


def labels(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cluster and the class of each point, two arrays, for points with these counts."""
    rows, columns = np.indices(counts.shape)
    return np.repeat(rows.ravel(), counts.ravel()), np.repeat(columns.ravel(), counts.ravel())


def purity(clusters: np.ndarray, classes: np.ndarray) -> float:
    """Compute the purity by its definition."""
    commonest = [max(np.sum(classes[clusters == c] == g) for g in set(classes)) for c in set(clusters)]
    return sum(commonest) / len(classes)


@given(TABLES)
def test_agreement_equals_scikit_learn(counts):
    result = agreement(counts)
    if not counts.any():
        assert result == Agreement(None, None, None)
        return
    clusters, classes = labels(counts)
    assert result.nmi == pytest.approx(normalized_mutual_info_score(classes, clusters), abs=1e-12)
    assert result.ari == pytest.approx(adjusted_rand_score(classes, clusters), abs=1e-12)
    assert result.purity == pytest.approx(purity(clusters, classes), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[5, 0], [0, 7]], (1.0, 1.0, 1.0)),
        ([[0, 5], [7, 0]], (1.0, 1.0, 1.0)),
        ([[3]], (1.0, 1.0, 1.0)),
        ([[1]], (1.0, 1.0, 1.0)),
        ([[1, 1], [1, 1]], (0.0, -0.5, 0.5)),  # no pair of points is in both; by chance 2 * 2 / 6, at most 2
        ([[2, 2]], (0.0, 0.0, 0.5)),
        ([[2], [2]], (0.0, 0.0, 1.0)),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], (1.0, 1.0, 1.0)),
        ([[0, 0], [5, 0], [0, 7]], (1.0, 1.0, 1.0)),
    ],
)
def test_agreement_of_degenerate_tables_by_hand(counts, expected):
    assert agreement(np.array(counts)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shape", [(2, 3), (3, 0), (0, 0)])
def test_agreement_without_classes_is_none(shape):
    assert agreement(np.zeros(shape, dtype=np.int64)) == Agreement(None, None, None)


def test_agreement_of_billions_of_points_does_not_overflow():
    counts = np.array([[3, 1], [1, 5]])
    small, large = agreement(counts * 10**6), agreement(counts * 10**9)
    assert large == pytest.approx(small, abs=1e-6)
    assert agreement(np.diag([10**9, 10**9])) == Agreement(1.0, 1.0, 1.0)


@given(TABLES)
def test_agreement_ignores_the_order_of_clusters_and_classes(counts):
    flipped = agreement(counts[::-1, ::-1])
    if counts.any():
        assert flipped == pytest.approx(agreement(counts), abs=1e-12)


def davies_bouldin(points, labels):
    means = np.stack([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    distances = np.linalg.norm(points - means[labels], axis=1)
    return metrics.davies_bouldin(means, np.bincount(labels, distances) / np.bincount(labels))


def calinski_harabasz(points, labels):
    means = np.stack([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    return metrics.calinski_harabasz(np.bincount(labels), means, ((points - means[labels]) ** 2).sum())


@pytest.mark.parametrize("k", [2, 3, 7, 59, 60])
def test_cluster_scores_equal_scikit_learn(k):
    rng = np.random.default_rng(k)
    points = rng.random((61, 3))
    labels = np.concatenate([np.arange(k), rng.integers(0, k, 61 - k)])
    # scikit-learn's distance of a point to itself is not always 0
    assert davies_bouldin(points, labels) == pytest.approx(davies_bouldin_score(points, labels), abs=1e-7)
    expected = calinski_harabasz_score(points, labels)
    assert calinski_harabasz(points, labels) == pytest.approx(expected, rel=1e-9)


def test_cluster_scores_by_hand():
    # means 1 and 6, mean distances 1 and 2: (1 + 2) / 5; squares within clusters 2 + 8, between them 4 times 2.5^2
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
def test_cluster_scores_of_coincident_points_or_means(points, labels):
    points, labels = np.array(points), np.array(labels)
    assert davies_bouldin(points, labels) == pytest.approx(davies_bouldin_score(points, labels), abs=1e-12)
    assert calinski_harabasz(points, labels) == pytest.approx(calinski_harabasz_score(points, labels))


def test_calinski_harabasz_of_a_cluster_per_point_is_1():
    points = np.random.default_rng(0).random((4, 2))
    assert calinski_harabasz(points, np.arange(4)) == 1.0
