"""The engine on Spark: nothing but the points decides the centres, and the scores are everybody's."""

import logging

import numpy as np
import pytest
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances

from segue.core.grid_result import GridOptions
from segue.kmeans_grid import engine
from segue.kmeans_grid.blocks import Blocks

KS = [2, 5, 9]
# far fewer points than there are: the frame is packed
BUDGET = GridOptions(restarts=3, max_iter=4, tol=1e-6, seed=0, sample=300)
BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    middles = rng.random((6, 4))
    found = np.clip(middles[rng.integers(0, 6, 1200)] + rng.normal(0, 0.12, (1200, 4)), 0, 1)
    found[1100:] = found[:100]
    return found


@pytest.fixture(scope="module")
def genres(rows):
    return [None if i % 7 == 0 else f"g{int(row[0] * 4)}" for i, row in enumerate(rows)]


@pytest.fixture(scope="module")
def frame(frame_of, rows, genres):
    return frame_of(rows, genres)


def fitted(frame, ks=KS, budget=BUDGET, **how):
    return engine.fit(frame, ks, budget, **{"id_column": "id", "class_column": "genre"} | how)


@pytest.fixture(scope="module")
def fits(frame):
    return fitted(frame)


def same(found, wanted):
    """Check that centres are equal to the bit and scores to 1e-9."""
    assert [fit.k for fit in found] == [fit.k for fit in wanted]
    for a, b in zip(found, wanted, strict=True):
        assert a.centres.tobytes() == b.centres.tobytes()
        assert a.iterations == b.iterations
        assert a.sizes.tolist() == b.sizes.tolist()
        for name in ("inertia", "silhouette", "davies_bouldin", "calinski_harabasz"):
            assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9)
        assert a.cluster_silhouettes == pytest.approx(b.cluster_silhouettes, abs=1e-9)
        assert a.agreement == pytest.approx(b.agreement, abs=1e-9)


def test_a_frame_of_more_points_than_the_sample_is_packed(frame, monkeypatch):
    packed = []
    monkeypatch.setattr(Blocks, "release", lambda blocks: packed.append(blocks.n_points) or blocks.frame.unpersist())
    fitted(frame, [2], GridOptions(restarts=1, max_iter=0, tol=1, seed=0, sample=1199))
    fitted(frame, [2], GridOptions(restarts=1, max_iter=0, tol=1, seed=0, sample=1200))
    assert packed == [1200]


@pytest.mark.parametrize(("partitions", "batch"), [(1, 10_000), (8, 37)])
def test_neither_partitions_nor_order_nor_batches_change_a_bit(spark, frame, fits, partitions, batch):
    shuffled = frame.repartition(partitions, F.rand(partitions)).sortWithinPartitions(F.rand(5)).cache()
    before = spark.conf.get(BATCH)
    spark.conf.set(BATCH, batch)
    try:
        same(fitted(shuffled), fits)
    finally:
        spark.conf.set(BATCH, before)
        shuffled.unpersist()


def test_neither_does_the_order_without_ids(frame, frame_of, rows, genres):
    order = np.random.default_rng(0).permutation(len(rows))
    other = frame_of(rows[order], [genres[i] for i in order], 5)
    first, second = (fitted(points, [2, 5], id_column=None) for points in (frame, other))
    same(second, first)
    assert [fit.sizes.sum() for fit in first] == [1200] * 2


def test_a_bound_that_is_known_saves_a_pass_and_changes_nothing(frame, fits):
    same(fitted(frame, bound=1.0), fits)


def test_on_the_driver_the_order_does_not_change_a_bit_either(frame, frame_of, rows, genres):
    order = np.random.default_rng(1).permutation(len(rows))
    other = frame_of(rows[order], [genres[i] for i in order], 3)
    budget = GridOptions(restarts=2, max_iter=4, tol=1e-6, seed=0, sample=5000)
    same(fitted(other, [3, 7], budget), fitted(frame, [3, 7], budget))


def labels_of(rows, centres):
    return pairwise_distances(rows, centres).argmin(axis=1)


@pytest.mark.parametrize("sample", [300, 5000], ids=["in blocks", "on the driver"])
def test_scores_equal_scikit_learn_and_spark(spark, frame, rows, genres, fits, sample):
    if sample > len(rows):
        fits = fitted(frame, KS, GridOptions(restarts=2, max_iter=4, tol=1e-6, seed=0, sample=sample))
    known = [i for i, genre in enumerate(genres) if genre is not None]
    named = [genres[i] for i in known]
    all_labels = np.stack([labels_of(rows, fit.centres) for fit in fits])
    table = [(row.tolist(), *labels) for row, labels in zip(rows, all_labels.T.tolist(), strict=True)]
    labeled = spark.createDataFrame(table, "array array<double>, " + ", ".join(f"k{k} int" for k in KS))
    labeled = labeled.withColumn("point", array_to_vector(F.col("array"))).coalesce(1).cache()
    for fit, labels in zip(fits, all_labels, strict=True):
        assert fit.sizes.tolist() == np.bincount(labels, minlength=fit.k).tolist()
        gaps = pairwise_distances(rows, fit.centres, metric="sqeuclidean")
        assert fit.inertia == pytest.approx(gaps.min(axis=1).sum(), rel=1e-6)
        silhouettes = metrics.silhouette_samples(rows, labels, metric="sqeuclidean")
        assert fit.silhouette == pytest.approx(silhouettes.mean(), abs=1e-6)
        assert fit.cluster_silhouettes == pytest.approx(
            [silhouettes[labels == c].mean() for c in range(fit.k)], abs=1e-6
        )
        evaluator = ClusteringEvaluator(featuresCol="point", predictionCol=f"k{fit.k}")
        assert fit.silhouette == pytest.approx(evaluator.evaluate(labeled), abs=1e-6)
        assert fit.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(rows, labels), rel=1e-6)
        assert fit.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(rows, labels), rel=1e-6)
        assert fit.agreement.nmi == pytest.approx(metrics.normalized_mutual_info_score(named, labels[known]), abs=1e-9)
        assert fit.agreement.ari == pytest.approx(metrics.adjusted_rand_score(named, labels[known]), abs=1e-9)
    labeled.unpersist()


def test_without_classes_there_is_no_agreement(frame, fits):
    for sample in (300, 5000):
        found = fitted(
            frame, [3], GridOptions(restarts=3, max_iter=4, tol=1e-6, seed=0, sample=sample), class_column=None
        )
        assert found[0].agreement == (None, None, None)
        assert found[0].sizes.sum() == 1200


def test_clusters_are_about_as_good_as_scikit_learns(rows, fits):
    for fit in fits:
        best = KMeans(fit.k, n_init=5, random_state=0, tol=0).fit(rows).inertia_
        # three restarts on 300 points, 33 for each of nine centres, know little of the rest
        assert fit.inertia <= best * 1.05


def test_driver_and_blocks_agree_where_both_find_the_best(frame_of):
    # far apart, and on the grid: both converge to the same means, whose sums are exact on the driver too
    rng = np.random.default_rng(0)
    middles = rng.permutation(np.stack([np.arange(5) / 5, np.arange(5) ** 2 / 25], axis=1))
    rows = np.rint((np.repeat(middles, 100, axis=0) + rng.normal(0, 0.01, (500, 2))) * 2**12) / 2**12
    frame = frame_of(rows)
    found = [
        fitted(frame, [5], GridOptions(restarts=3, max_iter=50, tol=0, seed=0, sample=sample))[0]
        for sample in (100, 500)
    ]
    a, b = (np.unique(fit.centres, axis=0) for fit in found)
    assert np.array_equal(a, b)
    for name in ("inertia", "silhouette", "davies_bouldin", "calinski_harabasz"):
        assert getattr(found[0], name) == pytest.approx(getattr(found[1], name), rel=1e-9)


class Kept:
    """A memory that can stand for a crash after some pass."""

    def __init__(self, text=None, fails_after=None):
        self.text, self.saves, self.fails_after = text, 0, fails_after

    def load(self):
        return self.text

    def save(self, text):
        self.text, self.saves = text, self.saves + 1
        if self.saves == self.fails_after:
            raise InterruptedError


def test_an_interrupted_grid_goes_on_and_ends_as_if_it_had_not_been(frame, fits, caplog, monkeypatch):
    memory = Kept(fails_after=2)
    with pytest.raises(InterruptedError):
        fitted(frame, memory=memory)
    memory.fails_after = None
    searches = []
    monkeypatch.setattr(engine.search, "search", lambda *_, **__: searches.append(1))
    with caplog.at_level(logging.INFO):
        same(fitted(frame, memory=memory), fits)
    assert "going on after pass 2" in caplog.text
    assert not searches


def test_corrupt_text_changes_nothing(frame, fits):
    memory = Kept('{"passes": 3')
    same(fitted(frame, memory=memory), fits)
    assert memory.saves > 0
    # another seed is another grid
    left = memory.text
    other = GridOptions(restarts=3, max_iter=4, tol=1e-6, seed=1, sample=300)
    same(fitted(frame, [3], other, memory=Kept(left)), fitted(frame, [3], other))
