"""Labels of single tracks, against scikit-learn and the definitions."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from segue.clustering import labels
from segue.clustering.cluster_stats import ClusterStats, fit_cluster_stats


def clustered(seed=0, n=50, k=4):
    rng = np.random.default_rng(seed)
    points, own = rng.random((n, 3)), np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    centres = np.stack([points[own == c].mean(axis=0) for c in range(k)])
    return points, own, centres


def frame(spark, points, own):
    rows = [(str(i), p.tolist(), int(c) + 1) for i, (p, c) in enumerate(zip(points, own, strict=True))]
    return spark.createDataFrame(rows, "track_id string, point array<double>, cluster int")


def frozen_by_hand(points, own, centres, thresholds):
    k = len(centres)
    return ClusterStats(
        centres,
        np.bincount(own, minlength=k),
        np.stack([points[own == c].sum(axis=0) for c in range(k)]),
        np.array([(points[own == c] ** 2).sum() for c in range(k)]),
        np.full(k, thresholds),
    )


def test_what_training_freezes_is_what_the_definitions_say(spark):
    points, own, centres = clustered()
    found = fit_cluster_stats(frame(spark, points, own).repartition(3), centres)
    wanted = frozen_by_hand(points, own, centres, 0.0)
    assert found.sizes.tolist() == wanted.sizes.tolist()
    assert found.sums == pytest.approx(wanted.sums, abs=1e-9)
    assert found.square_sums == pytest.approx(wanted.square_sums, abs=1e-9)
    distances = np.sqrt(((points - centres[own]) ** 2).sum(axis=1))
    limits = [distances[own == c].mean() + 3 * distances[own == c].std() for c in range(4)]
    assert found.thresholds == pytest.approx(limits, abs=1e-8)


def test_two_tracks_as_far_from_their_centre_are_no_outliers(spark):
    points, own, _ = clustered(n=8, k=4)
    own = np.arange(8) // 2
    centres = np.stack([points[own == c].mean(axis=0) for c in range(4)])
    labeled = frame(spark, points, own)
    placed = labels.with_distances(labeled, fit_cluster_stats(labeled, centres))
    assert [row.is_outlier for row in placed.collect()] == [False] * 8


def test_silhouettes_from_sums_equal_those_from_all_pairs():
    points, own, centres = clustered(n=40, k=5)
    points[:3] = points[0]  # duplicates too
    own = np.concatenate([own, [5]])  # and a track alone in its cluster
    points = np.concatenate([points, [[2.0, 2.0, 2.0]]])
    centres = np.concatenate([centres, points[-1:]])
    found = labels.silhouettes(points, own, frozen_by_hand(points, own, centres, 1.0))
    assert found == pytest.approx(silhouette_samples(points, own, metric="sqeuclidean"), abs=1e-9)
    assert found[-1] == 0


def test_place_of_every_track(spark):
    points = np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 0.0], [3.0, 9.0], [9.0, 0.0]])
    own = np.array([0, 0, 1, 1, 2])
    centres = np.array([[0.0, 1.0], [3.0, 0.0], [9.0, 0.0]])
    placed = labels.with_distances(frame(spark, points, own), frozen_by_hand(points, own, centres, 5.0))
    rows = placed.orderBy("track_id").collect()
    assert [row.distance for row in rows] == [1.0, 1.0, 0.0, 9.0, 0.0]
    assert [row.second_cluster for row in rows] == [2, 2, 1, 1, 2]
    assert [row.is_outlier for row in rows] == [False, False, False, True, False]
    wanted = silhouette_samples(points, own, metric="sqeuclidean")
    assert [row.silhouette for row in rows] == pytest.approx(wanted.tolist(), abs=1e-12)
