"""KMeansGrid as a pyspark.ml Estimator: alone and in a pipeline, saved and loaded, also if version 0.1.0 saved it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import MinMaxScaler, VectorAssembler
from pyspark.sql import functions as F
from sklearn.cluster import KMeans

from segue.kmeans_grid import estimator
from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel


@pytest.fixture(scope="module")
def rows(spark):
    rng = np.random.default_rng(5)
    corners = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 30.0], [10.0, 30.0], [5.0, 15.0]])
    points = np.concatenate([corner + rng.normal(0, 0.4, (40, 2)) for corner in corners])
    values = [(f"id{i}", float(x), float(y), "left" if x < 2 else None) for i, (x, y) in enumerate(points)]
    table = spark.createDataFrame(values, "id string, x double, y double, side string").coalesce(2)
    return VectorAssembler(inputCols=["x", "y"], outputCol="features").transform(table).cache()


@pytest.fixture(scope="module")
def fitted(rows):
    return KMeansGrid(idCol="id", classCol="side", ks=range(2, 8), seed=3).fit(rows)


def test_the_best_model_has_the_true_number_of_clusters(rows, fitted):
    points = np.array([row.features.toArray() for row in rows.collect()])
    assert len(fitted.bestModel.clusterCenters()) == 5
    for score in fitted.scores:
        best = KMeans(score.k, n_init=20, random_state=0).fit(points)
        assert score.inertia <= best.inertia_ * (1 + 1e-6)
        assert sorted(score.sizes)[-1] <= len(points)
        assert sum(score.sizes) == len(points)
    assert [score.k for score in fitted.scores] == [2, 3, 4, 5, 6, 7]
    assert all(0 <= score.nmi <= 1 for score in fitted.scores)


def test_the_silhouette_equals_clustering_evaluators(rows, fitted):
    (score,) = [score for score in fitted.scores if score.k == 5]
    assert ClusteringEvaluator().evaluate(fitted.transform(rows)) == pytest.approx(score.silhouette, abs=1e-9)


def test_a_model_is_saved_and_loaded(rows, fitted, tmp_path):
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
def test_an_estimator_is_saved_and_loaded(tmp_path):
    grid = KMeansGrid(ks=[3, 9], restarts=4, featuresCol="scaled", minK=3)
    grid.save(str(tmp_path / "unfitted"))
    loaded = KMeansGrid.load(str(tmp_path / "unfitted"))
    assert (loaded.getKs(), loaded.getRestarts(), loaded.getFeaturesCol()) == ([3, 9], 4, "scaled")
    assert (loaded.getMinK(), loaded.getIdCol(), loaded.uid) == (3, None, grid.uid)


def test_a_pipeline_with_the_grid_is_saved_and_loaded(rows, tmp_path):
    scaler = MinMaxScaler(inputCol="features", outputCol="scaled")
    grid = KMeansGrid(featuresCol="scaled", predictionCol="cluster", ks=[2, 5, 6], restarts=3, minK=5)
    model = Pipeline(stages=[scaler, grid]).fit(rows)
    model.save(str(tmp_path / "pipeline"))
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    clusters = loaded.transform(rows).select("cluster").distinct().collect()
    assert sorted(row.cluster for row in clusters) == [0, 1, 2, 3, 4]


def test_params_are_set_by_setters_and_by_fit(rows):
    grid = KMeansGrid(ks=[2]).setKs([3]).setSeed(1).setRestarts(2)
    assert [score.k for score in grid.fit(rows).scores] == [3]
    assert [score.k for score in grid.fit(rows, {grid.ks: [4]}).scores] == [4]


def test_a_copy_transforms_other_columns(rows, fitted):
    other = {fitted.featuresCol: "v", fitted.predictionCol: "label"}
    labels = fitted.copy(other).transform(rows.select("id", F.col("features").alias("v")))
    assert labels.columns == ["id", "v", "label"]


def test_one_error_lists_all_invalid_params(rows):
    with pytest.raises(ValueError, match=r"restarts is 0.*ks is \[1, 4\].*seed is -1"):
        KMeansGrid(ks=[1, 4], restarts=0, seed=-1).fit(rows)
    with pytest.raises(ValueError, match="k = 9 was not fitted, expected one of 2"):
        KMeansGrid(ks=[2], restarts=1).fit(rows).clusterCenters(9)


def write_metadata(folder, class_name, params, **extra):
    """Write the metadata that version 0.1.0 saved, whose Param ``fewest`` is now ``minK``."""
    defaults = {"featuresCol": "features", "predictionCol": "prediction", "maxIter": 20, "tol": 0.001, "seed": 0}
    defaults |= {"ks": list(range(2, 21)), "restarts": 10, "sampleSize": 50000, "fewest": 2}
    metadata = {
        "class": f"segue.clustering.kmeans_grid.{class_name}",
        "timestamp": 1750000000000,
        "sparkVersion": "4.2.0",
        "uid": f"{class_name}_0123456789ab",
        "paramMap": params,
        "defaultParamMap": defaults,
    }
    (folder / "metadata").mkdir(parents=True)
    (folder / "metadata" / "part-00000").write_text(json.dumps(metadata | extra) + "\n", "utf-8")
    (folder / "metadata" / "_SUCCESS").touch()


@pytest.mark.parametrize(("params", "min_k"), [({"ks": [3, 9], "fewest": 9}, 9), ({"ks": [3, 9]}, 2)])
def test_an_estimator_saved_by_0_1_0_is_loaded(spark, tmp_path, params, min_k):
    write_metadata(tmp_path / "grid", "KMeansGrid", params)
    grid = KMeansGrid.load(str(tmp_path / "grid"))
    assert (grid.getMinK(), grid.getKs(), grid.uid) == (min_k, [3, 9], "KMeansGrid_0123456789ab")
    assert grid.isSet(grid.minK) == ("fewest" in params)


def test_a_model_saved_by_0_1_0_is_loaded(fitted, tmp_path):
    folder = tmp_path / "model"
    write_metadata(folder, "KMeansGridModel", {"fewest": 4}, scores=[score._asdict() for score in fitted.scores])
    fitted.bestModel.save(str(folder / "bestModel"))
    model = KMeansGridModel.load(str(folder))
    assert (model.getMinK(), model.uid) == (4, "KMeansGridModel_0123456789ab")
    assert model.scores == fitted.scores
    assert np.array_equal(model.clusterCenters(), fitted.clusterCenters())


def test_the_former_name_of_min_k_is_deprecated(spark):
    message = "fewest is called minK since 0.2.0; the name fewest is removed in 0.3.0"
    with pytest.warns(DeprecationWarning, match=message) as warned:
        grid = KMeansGrid(fewest=5)
        assert grid.getMinK() == 5
        assert grid.setFewest(6).getMinK() == 6
        assert grid.setParams(fewest=4).getMinK() == 4
    # by default Python shows a DeprecationWarning only if it points to the user's own file
    assert [warning.filename for warning in warned] == [__file__] * 3
    assert KMeansGrid().setMinK(7).getMinK() == 7


def test_the_package_needs_only_core_and_errors(tmp_path):
    library = Path(estimator.__file__).parents[1]
    for name in ("core", "kmeans_grid"):
        shutil.copytree(library / name, tmp_path / "segue" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(library / "errors.py", tmp_path / "segue")
    # makes segue a regular package, to which another segue on the path adds no modules
    (tmp_path / "segue" / "__init__.py").touch()
    code = "from segue.kmeans_grid import estimator, worker_pool; print(estimator.__file__)"
    imported = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (imported.stderr, imported.returncode) == ("", 0)
    assert Path(imported.stdout.strip()) == tmp_path / "segue" / "kmeans_grid" / "estimator.py"
