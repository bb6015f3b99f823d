"""Test the grid with both engines against scikit-learn, and on data with few distinct points."""

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors
from sklearn import metrics
from sklearn.cluster import KMeans

from segue.clustering import spark_engine
from segue.core.grid_result import GridOptions
from segue.errors import ClusteringError
from segue.kmeans_grid import engine as fused
from segue.pipeline.tuning import fit_grid

OPTIONS = GridOptions(restarts=4, max_iter=40, tol=1e-6, seed=0)

both_engines = pytest.mark.parametrize("engine", [fused.NAME, spark_engine.NAME])


def cached_frame(spark, points):
    """Cache points as a DataFrame with ids and two genres."""
    points = np.asarray(points, dtype=float).tolist()
    rows = [(f"t{i:04}", Vectors.dense(p), "rock" if p[0] < 0.5 else "pop") for i, p in enumerate(points)]
    return spark.createDataFrame(rows, ["track_id", "point", "genre"]).coalesce(2).cache()


def blobs(k, n=30, seed=0):
    """Return n points around each of k centres on a parabola."""
    rng = np.random.default_rng(seed)
    centres = rng.permutation(np.stack([np.arange(k) / k, np.arange(k) ** 2 / k**2], axis=1))
    return np.concatenate([centre + rng.normal(0, 0.004, (n, 2)) for centre in centres])


@pytest.fixture(scope="module")
def points():
    return blobs(4)


@pytest.fixture(scope="module")
def frame(spark, points):
    return cached_frame(spark, points)


@both_engines
def test_fits_and_scores_equal_those_of_scikit_learn(frame, points, engine):
    fits = fit_grid(frame, [2, 4], OPTIONS, engine=engine)
    assert [fit.k for fit in fits] == [2, 4]
    genres = np.where(points[:, 0] < 0.5, "rock", "pop")
    for fit in fits:
        best = KMeans(fit.k, n_init=20, random_state=0, tol=1e-9).fit(points)
        labels = best.labels_
        assert fit.engine == engine
        assert fit.restarts == 4
        assert fit.inertia == pytest.approx(best.inertia_, rel=1e-6)
        silhouettes = metrics.silhouette_samples(points, labels, metric="sqeuclidean")
        assert fit.silhouette == pytest.approx(silhouettes.mean(), abs=1e-9)
        by_cluster = [silhouettes[labels == c].mean() for c in range(fit.k)]
        assert sorted(fit.cluster_silhouettes) == pytest.approx(sorted(by_cluster), abs=1e-9)
        assert sorted(fit.sizes) == sorted(np.bincount(labels))
        assert fit.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(points, labels), rel=1e-6)
        assert fit.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(points, labels), rel=1e-6)
        nmi = metrics.normalized_mutual_info_score(genres, labels)
        assert fit.agreement.nmi == pytest.approx(nmi, abs=1e-9)
        centres, expected = (np.sort(each, axis=0) for each in (fit.centres, best.cluster_centers_))
        assert centres == pytest.approx(expected, abs=2.0**-24)


@both_engines
def test_k_above_the_number_of_distinct_points_is_left_out(spark, caplog, engine):
    points = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]] * 20
    fits = fit_grid(cached_frame(spark, points), [2, 3, 4, 9], OPTIONS, engine=engine)
    assert [fit.k for fit in fits] == [2, 3]
    assert "only 3 distinct tracks" in caplog.text
    assert fits[1].inertia == pytest.approx(0, abs=1e-12)
    assert fits[1].silhouette == 1.0
    assert fits[1].sizes.tolist() == [20, 20, 20]


@both_engines
def test_rare_points_among_many_equal_ones_get_centres(spark, engine):
    points = [[0.0, 0.0]] * 200 + [[1.0, i / 10] for i in range(5)]
    (fit,) = fit_grid(cached_frame(spark, points), [6], OPTIONS, engine=engine)
    assert len(fit.centres) == 6
    assert fit.inertia == pytest.approx(0, abs=1e-12)


@both_engines
def test_one_distinct_point_is_an_error(spark, engine):
    with pytest.raises(ClusteringError, match="1 distinct track by the chosen features, expected at least 2"):
        fit_grid(cached_frame(spark, [[0.3, 0.4]] * 7), [2, 3], OPTIONS, engine=engine)


def test_points_outside_the_unit_cube_are_scored_in_their_units(spark, points):
    (fit,) = fit_grid(cached_frame(spark, 24 * points), [4], OPTIONS, engine=spark_engine.NAME)
    best = KMeans(4, n_init=20, random_state=0, tol=1e-9).fit(24 * points)
    assert fit.inertia == pytest.approx(best.inertia_, rel=1e-6)
    assert fit.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(24 * points, best.labels_), abs=1e-6)
    assert sorted(fit.sizes.tolist()) == sorted(np.bincount(best.labels_).tolist())
