"""Scores of every k, against scikit-learn on the same labels."""

import numpy as np
import pytest
from pyspark.sql import functions as F
from sklearn import metrics

from segue.clustering.scores import fit_scores


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).random((60, 3))


def score(spark, points, labels_by_fit, genres=None):
    ks = [max(labels) + 1 for labels in labels_by_fit]
    each = [[int(labels[i]) for labels in labels_by_fit] for i in range(len(points))]
    genres = genres or [None] * len(points)
    rows = [(p.tolist(), g, ls) for p, g, ls in zip(points, genres, each, strict=True)]
    frame = spark.createDataFrame(rows, "point array<double>, genre string, labels array<int>")
    return fit_scores(frame, ks, points.shape[1])


def test_several_fits_at_once_equal_scikit_learn(spark, points):
    rng = np.random.default_rng(1)
    fits = [np.concatenate([np.arange(k), rng.integers(0, k, len(points) - k)]) for k in (2, 3, 7)]
    genres = [str(g) for g in rng.integers(0, 4, len(points))]
    for found, labels in zip(score(spark, points, fits, genres), fits, strict=True):
        assert found.sizes.tolist() == np.bincount(labels).tolist()
        assert found.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(points, labels), abs=1e-9)
        assert found.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(points, labels), rel=1e-9)
        nmi, ari = metrics.normalized_mutual_info_score, metrics.adjusted_rand_score
        assert found.agreement.nmi == pytest.approx(nmi(genres, labels), abs=1e-9)
        assert found.agreement.ari == pytest.approx(ari(genres, labels), abs=1e-9)


def test_without_genres_there_is_no_agreement(spark, points):
    (found,) = score(spark, points, [np.arange(len(points)) % 2])
    assert found.agreement == (None, None, None)


def test_tracks_without_a_genre_do_not_count(spark, points):
    labels = np.arange(len(points)) % 2
    genres = ["a" if label else "b" for label in labels]
    genres[0] = genres[1] = None
    (found,) = score(spark, points, [labels], genres)
    assert found.agreement == pytest.approx((1.0, 1.0, 1.0))


def test_clusters_of_equal_points_are_as_scikit_learn_has_them(spark):
    points = np.array([[0.0, 0.0]] * 3 + [[1.0, 1.0]] * 2)
    labels = np.array([0, 0, 0, 1, 1])
    (found,) = score(spark, points, [labels])
    assert found.davies_bouldin == metrics.davies_bouldin_score(points, labels) == 0.0
    assert found.calinski_harabasz == metrics.calinski_harabasz_score(points, labels) == 1.0


def test_nothing_depends_on_partitions(spark, points):
    rows = [(p.tolist(), str(i % 3), [i % 4]) for i, p in enumerate(points)]
    frame = spark.createDataFrame(rows, "point array<double>, genre string, labels array<int>")
    found = [fit_scores(frame.repartition(n, F.rand(n)), [4], 3)[0] for n in (1, 2, 8)]
    for other in found[1:]:
        assert other.davies_bouldin == pytest.approx(found[0].davies_bouldin, abs=1e-9)
        assert other.agreement == found[0].agreement
