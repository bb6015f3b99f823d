"""The grid against scikit-learn, and what happens where points are too few or too equal."""

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from segue.clustering.grid import fit_grid
from segue.clustering.spark_ml import Budget
from segue.errors import ClusteringError

BUDGET = Budget(restarts=4, max_iter=40, tol=1e-6, seed=0)


def cached(spark, points):
    rows = [(Vectors.dense(p), "rock" if p[0] < 0.5 else "pop") for p in np.asarray(points, dtype=float)]
    return spark.createDataFrame(rows, ["point", "genre"]).coalesce(2).cache()


def blobs(k, n=30, seed=0):
    rng = np.random.default_rng(seed)
    middles = rng.permutation(np.stack([np.arange(k) / k, np.arange(k) ** 2 / k**2], axis=1))
    return np.concatenate([middle + rng.normal(0, 0.004, (n, 2)) for middle in middles])


def test_every_k_finds_what_scikit_learn_finds(spark):
    points = blobs(4)
    for fit in fit_grid(cached(spark, points), [2, 4], BUDGET):
        best = KMeans(fit.k, n_init=20, random_state=0, tol=1e-9).fit(points)
        assert fit.inertia == pytest.approx(best.inertia_, rel=1e-6)
        labels = best.labels_
        assert fit.silhouette == pytest.approx(silhouette_score(points, labels, metric="sqeuclidean"), abs=1e-9)
        assert sorted(fit.score.sizes.tolist()) == sorted(np.bincount(labels).tolist())
        found, wanted = (np.sort(centres, axis=0) for centres in (fit.centres, best.cluster_centers_))
        assert found == pytest.approx(wanted, abs=1e-9)


def test_k_above_the_distinct_points_is_left_out_with_a_warning(spark, caplog):
    points = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]] * 20
    fits = fit_grid(cached(spark, points), [2, 3, 4, 9], BUDGET)
    assert [fit.k for fit in fits] == [2, 3]
    assert "only 3 distinct tracks" in caplog.text
    assert fits[1].inertia == pytest.approx(0, abs=1e-12)
    assert fits[1].silhouette == 1.0
    assert fits[1].score.sizes.tolist() == [20, 20, 20]


def test_rare_points_among_many_equal_ones_are_found(spark):
    points = [[0.0, 0.0]] * 200 + [[1.0, i / 10] for i in range(5)]
    (fit,) = fit_grid(cached(spark, points), [6], BUDGET)
    assert len(fit.centres) == 6
    assert fit.inertia == pytest.approx(0, abs=1e-12)


def test_one_distinct_point_is_no_grid(spark):
    with pytest.raises(ClusteringError, match="1 distinct track by the chosen features, wanted at least 2"):
        fit_grid(cached(spark, [[0.3, 0.4]] * 7), [2, 3], BUDGET)
