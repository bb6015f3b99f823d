"""The engine on Spark: centres depend on the points alone, and scores equal scikit-learn's and Spark's."""

import logging

import numpy as np
import pytest
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances
from tests.kmeans_grid.conftest import Checkpoint

from segue.core.grid_result import GridOptions
from segue.kmeans_grid import engine
from segue.kmeans_grid.blocks import Blocks

KS = [2, 5, 9]
# the sample size is below the number of points, which are therefore packed into blocks
OPTIONS = GridOptions(restarts=3, max_iter=4, tol=1e-6, seed=0, sample_size=300)
BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    middles = rng.random((6, 4))
    points = np.clip(middles[rng.integers(0, 6, 1200)] + rng.normal(0, 0.12, (1200, 4)), 0, 1)
    points[1100:] = points[:100]
    return points


@pytest.fixture(scope="module")
def genres(rows):
    return [None if i % 7 == 0 else f"g{int(row[0] * 4)}" for i, row in enumerate(rows)]


@pytest.fixture(scope="module")
def frame(frame_of, rows, genres):
    return frame_of(rows, genres)


def fitted(frame, ks=KS, options=OPTIONS, **how):
    return engine.fit(frame, ks, options, **{"id_column": "id", "class_column": "genre"} | how)


@pytest.fixture(scope="module")
def fits(frame):
    return fitted(frame)


def assert_same_fits(fits, expected):
    """Check that centres have the same bits, and that scores are equal to 1e-9."""
    assert [fit.k for fit in fits] == [fit.k for fit in expected]
    for a, b in zip(fits, expected, strict=True):
        assert a.centres.tobytes() == b.centres.tobytes()
        assert a.iterations == b.iterations
        assert a.sizes.tolist() == b.sizes.tolist()
        for name in ("inertia", "silhouette", "davies_bouldin", "calinski_harabasz"):
            assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9)
        assert a.cluster_silhouettes == pytest.approx(b.cluster_silhouettes, abs=1e-9)
        assert a.agreement == pytest.approx(b.agreement, abs=1e-9)


def test_more_points_than_the_sample_size_are_packed(frame, monkeypatch):
    packed = []
    monkeypatch.setattr(Blocks, "release", lambda blocks: packed.append(blocks.n_points) or blocks.frame.unpersist())
    fitted(frame, [2], GridOptions(restarts=1, max_iter=0, tol=1, seed=0, sample_size=1199))
    fitted(frame, [2], GridOptions(restarts=1, max_iter=0, tol=1, seed=0, sample_size=1200))
    assert packed == [1200]


@pytest.mark.parametrize(("partitions", "batch"), [(1, 10_000), (8, 37)])
def test_partitions_order_and_batches_change_no_bit(spark, frame, fits, partitions, batch):
    shuffled = frame.repartition(partitions, F.rand(partitions)).sortWithinPartitions(F.rand(5)).cache()
    before = spark.conf.get(BATCH)
    spark.conf.set(BATCH, batch)
    try:
        assert_same_fits(fitted(shuffled), fits)
    finally:
        spark.conf.set(BATCH, before)
        shuffled.unpersist()


def test_the_order_changes_no_bit_without_ids(frame, frame_of, rows, genres):
    order = np.random.default_rng(0).permutation(len(rows))
    other = frame_of(rows[order], [genres[i] for i in order], 5)
    first, second = (fitted(points, [2, 5], id_column=None) for points in (frame, other))
    assert_same_fits(second, first)
    assert [fit.sizes.sum() for fit in first] == [1200] * 2


def test_a_given_bound_changes_no_bit(frame, fits):
    assert_same_fits(fitted(frame, bound=1.0), fits)


def test_the_order_changes_no_bit_on_the_driver(frame, frame_of, rows, genres):
    order = np.random.default_rng(1).permutation(len(rows))
    other = frame_of(rows[order], [genres[i] for i in order], 3)
    options = GridOptions(restarts=2, max_iter=4, tol=1e-6, seed=0, sample_size=5000)
    assert_same_fits(fitted(other, [3, 7], options), fitted(frame, [3, 7], options))


def labels_of(rows, centres):
    return pairwise_distances(rows, centres).argmin(axis=1)


@pytest.mark.parametrize("sample", [300, 5000], ids=["in blocks", "on the driver"])
def test_scores_equal_scikit_learn_and_spark(spark, frame, rows, genres, fits, sample):
    if sample > len(rows):
        fits = fitted(frame, KS, GridOptions(restarts=2, max_iter=4, tol=1e-6, seed=0, sample_size=sample))
    with_genre = [i for i, genre in enumerate(genres) if genre is not None]
    classes = [genres[i] for i in with_genre]
    all_labels = np.stack([labels_of(rows, fit.centres) for fit in fits])
    table = [(row.tolist(), *labels) for row, labels in zip(rows, all_labels.T.tolist(), strict=True)]
    labeled = spark.createDataFrame(table, "array array<double>, " + ", ".join(f"k{k} int" for k in KS))
    labeled = labeled.withColumn("point", array_to_vector(F.col("array"))).coalesce(1).cache()
    for fit, labels in zip(fits, all_labels, strict=True):
        assert fit.sizes.tolist() == np.bincount(labels, minlength=fit.k).tolist()
        distances = pairwise_distances(rows, fit.centres, metric="sqeuclidean")
        assert fit.inertia == pytest.approx(distances.min(axis=1).sum(), rel=1e-6)
        silhouettes = metrics.silhouette_samples(rows, labels, metric="sqeuclidean")
        assert fit.silhouette == pytest.approx(silhouettes.mean(), abs=1e-6)
        assert fit.cluster_silhouettes == pytest.approx(
            [silhouettes[labels == c].mean() for c in range(fit.k)], abs=1e-6
        )
        evaluator = ClusteringEvaluator(featuresCol="point", predictionCol=f"k{fit.k}")
        assert fit.silhouette == pytest.approx(evaluator.evaluate(labeled), abs=1e-6)
        assert fit.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(rows, labels), rel=1e-6)
        assert fit.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(rows, labels), rel=1e-6)
        assert fit.agreement.nmi == pytest.approx(
            metrics.normalized_mutual_info_score(classes, labels[with_genre]), abs=1e-9
        )
        assert fit.agreement.ari == pytest.approx(metrics.adjusted_rand_score(classes, labels[with_genre]), abs=1e-9)
    labeled.unpersist()


def test_agreement_is_none_without_classes(frame, fits):
    for sample in (300, 5000):
        (fit,) = fitted(
            frame, [3], GridOptions(restarts=3, max_iter=4, tol=1e-6, seed=0, sample_size=sample), class_column=None
        )
        assert fit.agreement == (None, None, None)
        assert fit.sizes.sum() == 1200


def test_inertia_is_within_5_percent_of_scikit_learn(rows, fits):
    for fit in fits:
        best = KMeans(fit.k, n_init=5, random_state=0, tol=0).fit(rows).inertia_
        # from three restarts on a sample of 300 points: only 33 points for each of nine centres
        assert fit.inertia <= best * 1.05


def test_driver_and_blocks_agree_on_distinct_clusters(frame_of):
    # clusters are far apart, so that both converge to the same means; points are in fixed point, so that the driver's
    # sums are exact, too
    rng = np.random.default_rng(0)
    middles = rng.permutation(np.stack([np.arange(5) / 5, np.arange(5) ** 2 / 25], axis=1))
    rows = np.rint((np.repeat(middles, 100, axis=0) + rng.normal(0, 0.01, (500, 2))) * 2**12) / 2**12
    frame = frame_of(rows)
    packed, local = [
        fitted(frame, [5], GridOptions(restarts=3, max_iter=50, tol=0, seed=0, sample_size=sample))[0]
        for sample in (100, 500)
    ]
    a, b = (np.unique(fit.centres, axis=0) for fit in (packed, local))
    assert np.array_equal(a, b)
    for name in ("inertia", "silhouette", "davies_bouldin", "calinski_harabasz"):
        assert getattr(packed, name) == pytest.approx(getattr(local, name), rel=1e-9)


def test_an_interrupted_grid_continues_to_the_same_fits(frame, fits, caplog, monkeypatch):
    checkpoint = Checkpoint(fails_after=2)
    with pytest.raises(InterruptedError):
        fitted(frame, checkpoint=checkpoint)
    checkpoint.fails_after = None
    searches = []
    monkeypatch.setattr(engine.search, "search", lambda *_, **__: searches.append(1))
    with caplog.at_level(logging.INFO):
        assert_same_fits(fitted(frame, checkpoint=checkpoint), fits)
    assert "continuing after pass 2" in caplog.text
    assert not searches


def test_a_corrupt_or_foreign_checkpoint_is_ignored(frame, fits):
    checkpoint = Checkpoint('{"passes": 3')
    assert_same_fits(fitted(frame, checkpoint=checkpoint), fits)
    assert checkpoint.saves > 0
    # another seed is another grid
    foreign = checkpoint.text
    other = GridOptions(restarts=3, max_iter=4, tol=1e-6, seed=1, sample_size=300)
    assert_same_fits(fitted(frame, [3], other, checkpoint=Checkpoint(foreign)), fitted(frame, [3], other))
