"""Test labels of single tracks against scikit-learn and the definitions."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from segue.clustering.cluster_stats import ClusterStats, fit_cluster_stats
from segue.clustering.labels import silhouettes, with_distances


def random_clusters(seed=0, n=50, k=4):
    """Return random points, labels without an empty cluster, and the means of the clusters."""
    rng = np.random.default_rng(seed)
    points, labels = rng.random((n, 3)), np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    centres = np.stack([points[labels == c].mean(axis=0) for c in range(k)])
    return points, labels, centres


def labeled_frame(spark, points, labels):
    rows = [(str(i), p.tolist(), int(c) + 1) for i, (p, c) in enumerate(zip(points, labels, strict=True))]
    return spark.createDataFrame(rows, "track_id string, point array<double>, cluster int")


def expected_stats(points, labels, centres, threshold):
    """Return the statistics by their definitions, with one threshold for all clusters."""
    k = len(centres)
    return ClusterStats(
        centres,
        np.bincount(labels, minlength=k),
        np.stack([points[labels == c].sum(axis=0) for c in range(k)]),
        np.array([(points[labels == c] ** 2).sum() for c in range(k)]),
        np.full(k, threshold),
    )


def test_cluster_stats_follow_their_definitions(spark):
    points, labels, centres = random_clusters()
    stats = fit_cluster_stats(labeled_frame(spark, points, labels).repartition(3), centres)
    expected = expected_stats(points, labels, centres, 0.0)
    assert stats.sizes.tolist() == expected.sizes.tolist()
    assert stats.sums == pytest.approx(expected.sums, abs=1e-9)
    assert stats.square_sums == pytest.approx(expected.square_sums, abs=1e-9)
    distances = np.sqrt(((points - centres[labels]) ** 2).sum(axis=1))
    thresholds = [distances[labels == c].mean() + 3 * distances[labels == c].std() for c in range(4)]
    assert stats.thresholds == pytest.approx(thresholds, abs=1e-8)


def test_tracks_equally_far_from_their_centre_are_no_outliers(spark):
    points, _, _ = random_clusters(n=8, k=4)
    labels = np.arange(8) // 2
    centres = np.stack([points[labels == c].mean(axis=0) for c in range(4)])
    labeled = labeled_frame(spark, points, labels)
    rows = with_distances(labeled, fit_cluster_stats(labeled, centres)).collect()
    assert [row.is_outlier for row in rows] == [False] * 8


def test_silhouettes_from_sums_equal_those_from_all_pairs():
    points, labels, centres = random_clusters(n=40, k=5)
    points[:3] = points[0]  # three equal points
    labels = np.concatenate([labels, [5]])  # a track alone in its cluster
    points = np.concatenate([points, [[2.0, 2.0, 2.0]]])
    centres = np.concatenate([centres, points[-1:]])
    values = silhouettes(points, labels, expected_stats(points, labels, centres, 1.0))
    assert values == pytest.approx(silhouette_samples(points, labels, metric="sqeuclidean"), abs=1e-9)
    assert values[-1] == 0


def test_distance_second_cluster_silhouette_and_outlier_flag(spark):
    points = np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 0.0], [3.0, 9.0], [9.0, 0.0]])
    labels = np.array([0, 0, 1, 1, 2])
    centres = np.array([[0.0, 1.0], [3.0, 0.0], [9.0, 0.0]])
    stats = expected_stats(points, labels, centres, 5.0)
    rows = with_distances(labeled_frame(spark, points, labels), stats).orderBy("track_id").collect()
    assert [row.distance for row in rows] == [1.0, 1.0, 0.0, 9.0, 0.0]
    assert [row.second_cluster for row in rows] == [2, 2, 1, 1, 2]
    assert [row.is_outlier for row in rows] == [False, False, False, True, False]
    expected = silhouette_samples(points, labels, metric="sqeuclidean")
    assert [row.silhouette for row in rows] == pytest.approx(expected.tolist(), abs=1e-12)
