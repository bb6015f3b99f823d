"""The grid as a pyspark.ml Estimator: by itself, in a pipeline, saved and loaded."""

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import MinMaxScaler, VectorAssembler
from pyspark.sql import functions as F
from sklearn.cluster import KMeans

from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel


@pytest.fixture(scope="module")
def rows(spark):
    rng = np.random.default_rng(5)
    corners = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 30.0], [10.0, 30.0], [5.0, 15.0]])
    points = np.concatenate([corner + rng.normal(0, 0.4, (40, 2)) for corner in corners])
    told = [(f"id{i}", float(x), float(y), "left" if x < 2 else None) for i, (x, y) in enumerate(points)]
    made = spark.createDataFrame(told, "id string, x double, y double, side string").coalesce(2)
    return VectorAssembler(inputCols=["x", "y"], outputCol="features").transform(made).cache()


@pytest.fixture(scope="module")
def fitted(rows):
    return KMeansGrid(idCol="id", classCol="side", ks=range(2, 8), seed=3).fit(rows)


def test_the_best_model_has_the_clusters_that_are_there(rows, fitted):
    points = np.array([row.features.toArray() for row in rows.collect()])
    assert len(fitted.bestModel.clusterCenters()) == 5
    for score in fitted.scores:
        best = KMeans(score.k, n_init=20, random_state=0).fit(points)
        assert score.inertia <= best.inertia_ * (1 + 1e-6)
        assert sorted(score.sizes)[-1] <= len(points)
        assert sum(score.sizes) == len(points)
    assert [score.k for score in fitted.scores] == [2, 3, 4, 5, 6, 7]
    assert all(0 <= score.nmi <= 1 for score in fitted.scores)


def test_its_silhouette_is_the_evaluators(rows, fitted):
    (score,) = [score for score in fitted.scores if score.k == 5]
    assert ClusteringEvaluator().evaluate(fitted.transform(rows)) == pytest.approx(score.silhouette, abs=1e-9)


def test_saved_and_loaded_it_is_the_same(rows, fitted, tmp_path):
    fitted.write().overwrite().save(str(tmp_path / "grid"))
    loaded = KMeansGridModel.load(str(tmp_path / "grid"))
    assert loaded.scores == fitted.scores
    assert loaded.uid == fitted.uid
    assert loaded.getKs() == list(range(2, 8))
    assert loaded.getIdCol() == "id"
    for k in (None, 3):
        assert np.array_equal(loaded.clusterCenters(k), fitted.clusterCenters(k))
    one, other = (model.transform(rows).select("id", "prediction").collect() for model in (fitted, loaded))
    assert one == other


@pytest.mark.usefixtures("spark")
def test_an_unfitted_grid_is_saved_with_its_params(tmp_path):
    grid = KMeansGrid(ks=[3, 9], restarts=4, featuresCol="scaled")
    grid.save(str(tmp_path / "unfitted"))
    loaded = KMeansGrid.load(str(tmp_path / "unfitted"))
    assert (loaded.getKs(), loaded.getRestarts(), loaded.getFeaturesCol()) == ([3, 9], 4, "scaled")
    assert loaded.getIdCol() is None


def test_it_is_a_stage_of_a_pipeline(rows, tmp_path):
    scaler = MinMaxScaler(inputCol="features", outputCol="scaled")
    grid = KMeansGrid(featuresCol="scaled", predictionCol="cluster", ks=[2, 5, 6], restarts=3, fewest=5)
    made = Pipeline(stages=[scaler, grid]).fit(rows)
    made.save(str(tmp_path / "pipeline"))
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    found = loaded.transform(rows).select("cluster").distinct().collect()
    assert sorted(row.cluster for row in found) == [0, 1, 2, 3, 4]


def test_a_param_given_to_fit_or_set_later_counts(rows):
    grid = KMeansGrid(ks=[2]).setKs([3]).setSeed(1).setRestarts(2)
    assert [score.k for score in grid.fit(rows).scores] == [3]
    assert [score.k for score in grid.fit(rows, {grid.ks: [4]}).scores] == [4]


def test_another_column_may_be_transformed(rows, fitted):
    other = {fitted.featuresCol: "v", fitted.predictionCol: "place"}
    found = fitted.copy(other).transform(rows.select("id", F.col("features").alias("v")))
    assert found.columns == ["id", "v", "place"]


def test_wrong_params_are_told_together(rows):
    with pytest.raises(ValueError, match=r"restarts is 0.*ks is \[1, 4\].*seed is -1"):
        KMeansGrid(ks=[1, 4], restarts=0, seed=-1).fit(rows)
    with pytest.raises(ValueError, match="k = 9 was not fitted, only 2"):
        KMeansGrid(ks=[2], restarts=1).fit(rows).clusterCenters(9)
