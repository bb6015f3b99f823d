"""The engine ``spark-ml``: scores against scikit-learn, caches, and the cancellation of other fits after an error."""

import ast
from pathlib import Path

import numpy as np
import pytest
from pyspark.ml.clustering import KMeans
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql.types import StringType, StructType
from sklearn import metrics
from tests.helpers import waiting

from segue.clustering import spark_engine
from segue.core.grid_result import GridOptions
from segue.errors import ClusteringError

BUDGET = GridOptions(restarts=2, max_iter=30, tol=1e-6, seed=0)
SCHEMA = StructType().add("track_id", StringType()).add("point", VectorUDT()).add("genre", StringType())
ALLOWED = {"segue.core", "segue.errors"}


def frame_of(spark, points, genres):
    rows = [
        (f"t{i:04}", Vectors.dense(point), genre) for i, (point, genre) in enumerate(zip(points, genres, strict=True))
    ]
    return spark.createDataFrame(rows, SCHEMA)


@pytest.fixture(scope="module")
def points():
    """Return 120 random points, and the first ten of them two more times."""
    points = np.random.default_rng(7).random((120, 3))
    return np.concatenate([points, points[:10], points[:10]])


@pytest.fixture(scope="module")
def genres(points):
    names = np.random.default_rng(8).choice(["pop", "rock", "soul"], len(points)).tolist()
    return [None if i % 9 == 0 else name for i, name in enumerate(names)]


@pytest.fixture(scope="module")
def frame(spark, points, genres):
    with_cache = frame_of(spark, points, genres).coalesce(2).cache()
    yield with_cache
    with_cache.unpersist()


@pytest.fixture(scope="module")
def fits(frame):
    return spark_engine.fit(frame, [2, 3, 5], BUDGET)


def test_scores_equal_those_of_scikit_learn(fits, points, genres):
    has_genre = np.array([genre is not None for genre in genres])
    given = [genre for genre in genres if genre is not None]
    assert [fit.k for fit in fits] == [2, 3, 5]
    for fit in fits:
        squares = metrics.pairwise_distances(points, fit.centres, metric="sqeuclidean")
        labels = squares.argmin(axis=1)
        silhouettes = metrics.silhouette_samples(points, labels, metric="sqeuclidean")
        own = labels[has_genre]
        assert fit.sizes.tolist() == np.bincount(labels).tolist()
        assert fit.inertia == pytest.approx(squares.min(axis=1).sum(), rel=1e-9)
        assert fit.silhouette == pytest.approx(silhouettes.mean(), abs=1e-9)
        by_cluster = [silhouettes[labels == cluster].mean() for cluster in range(fit.k)]
        assert fit.cluster_silhouettes == pytest.approx(by_cluster, abs=1e-9)
        assert fit.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(points, labels), rel=1e-9)
        assert fit.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(points, labels), rel=1e-9)
        assert fit.agreement.nmi == pytest.approx(metrics.normalized_mutual_info_score(given, own), abs=1e-9)
        assert fit.agreement.ari == pytest.approx(metrics.adjusted_rand_score(given, own), abs=1e-9)
        assert fit.agreement.purity == pytest.approx(
            metrics.cluster.contingency_matrix(given, own).max(0).sum() / own.size
        )
        assert (fit.engine, fit.restarts, fit.stability) == ("spark-ml", 2, None)
        assert 1 <= fit.iterations <= 30


def test_the_start_of_lowest_inertia_is_returned(frame, fits):
    distinct = spark_engine._weighted(frame, 140)
    starts = [spark_engine._fit_start(distinct, 120, 5, start, BUDGET).summary.trainingCost for start in range(2)]
    assert starts[0] != pytest.approx(starts[1], rel=1e-6)
    # Spark's trainingCost is the inertia before the last move of the centres
    assert fits[-1].inertia == pytest.approx(min(starts), rel=1e-6)


def test_points_without_any_genre_have_no_agreement(spark, points):
    (fit,) = spark_engine.fit(frame_of(spark, points, [None] * len(points)), [2], BUDGET)
    assert fit.agreement == (None, None, None)


def test_a_cluster_of_one_point_has_silhouette_zero(spark):
    points = [[0.0, 0.0], [0.0, 0.1], [0.1, 0.0], [1.0, 1.0]]
    (fit,) = spark_engine.fit(frame_of(spark, points, [None] * 4), [2], BUDGET)
    expected = metrics.silhouette_samples(points, [0, 0, 0, 1], metric="sqeuclidean")
    assert sorted(fit.sizes.tolist()) == [1, 3]
    assert sorted(fit.cluster_silhouettes) == pytest.approx([0, expected[:3].mean()], abs=1e-12)


def test_distant_clusters_are_stable_and_split_clusters_are_not(spark):
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(middle, 0.03, (60, 2)) for middle in (0.0, 1.0)])
    budget = GridOptions(restarts=2, max_iter=30, tol=1e-6, seed=3, subsamples=3)
    apart, split, too_many = spark_engine.fit(frame_of(spark, points, [None] * 120), [2, 5, 100], budget)
    assert (apart.stability.mean, apart.stability.sd, apart.stability.subsamples) == (1.0, 0.0, 3)
    assert 0 < split.stability.mean < 0.95
    assert too_many.stability is None  # a half has about 60 points


def test_subsamples_depend_on_ids_and_seed_alone(spark, points, genres):
    budget = GridOptions(restarts=1, max_iter=30, tol=1e-6, seed=3, sample_size=80, subsamples=2)
    frame = frame_of(spark, points, genres)
    first, again, other = (
        spark_engine.fit(rows, [4], with_budget)[0].stability
        for rows, with_budget in (
            (frame.coalesce(1), budget),
            (frame.orderBy("genre", "track_id").repartition(3), budget),
            (frame, GridOptions(restarts=1, max_iter=30, tol=1e-6, seed=4, sample_size=80, subsamples=2)),
        )
    )
    assert first == again != other


def test_only_the_cache_of_the_caller_remains(frame, fits):
    assert frame.storageLevel.useMemory
    persistent = frame.sparkSession.sparkContext._jsc.getPersistentRDDs()
    spark_engine.fit(frame, [2], GridOptions(restarts=1, max_iter=5, tol=1e-6, seed=0, subsamples=2))
    assert set(frame.sparkSession.sparkContext._jsc.getPersistentRDDs()) == set(persistent)


def test_k_is_left_out_with_a_warning_if_every_start_has_an_empty_cluster(frame, monkeypatch, caplog):
    start = spark_engine._fit_start
    monkeypatch.setattr(
        spark_engine, "_fit_start", lambda rows, n, k, *more: None if k == 3 else start(rows, n, k, *more)
    )
    assert [fit.k for fit in spark_engine.fit(frame, [2, 3], BUDGET)] == [2]
    assert "k 3 is left out: after every start, a cluster has no tracks" in caplog.text
    with pytest.raises(ClusteringError, match="for every k from 3 to 3, after every start, a cluster has no tracks;"):
        spark_engine.fit(frame, [3, 121], BUDGET, n_points=140)  # 120 distinct points


def test_an_error_in_one_fit_cancels_the_jobs_of_the_others(spark, frame, monkeypatch):
    tracker = spark.sparkContext.statusTracker()
    # both RDD and SQL jobs: many KMeans jobs one after the other, and a query that would take hours
    many = spark.range(200_000).selectExpr("array(rand(1), rand(2), rand(3)) AS array")
    long_fit = KMeans(featuresCol="point", k=50, maxIter=1_000_000, tol=0.0, solver="block", initMode="random")
    ended = []

    def start(rows, n_distinct, k, number, budget):
        if number == 0:
            waiting.wait_for(lambda: len(tracker.getActiveJobsIds()) >= 2, "two running jobs")
            raise ValueError("the first fit fails")
        try:
            if number == 1:
                long_fit.fit(many.select(spark_engine.array_to_vector("array").alias("point")))
            spark.range(10**13).selectExpr("sum(hash(id))").collect()
        finally:
            ended.append(number)

    monkeypatch.setattr(spark_engine, "_fit_start", start)
    with pytest.raises(ValueError, match="the first fit fails"):
        spark_engine.fit(frame, [2], GridOptions(restarts=3, max_iter=5, tol=1e-6, seed=0))
    assert sorted(ended) == [1, 2]
    # the tracker still lists a job for a moment after the job's caller has returned
    waiting.wait_for(lambda: not tracker.getActiveJobsIds(), "no running job", seconds=10)
    assert list(spark.sparkContext.getJobTags()) == []


def test_only_shared_modules_are_imported():
    tree = ast.parse(Path(spark_engine.__file__).read_text("utf-8"))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    own = {module for module in modules if module.split(".")[0] == "segue"}
    assert own
    assert {m for m in own if not any(m == allowed or m.startswith(f"{allowed}.") for allowed in ALLOWED)} == set()
