"""A KMeansModel with given centres: exact centres and order, predictions, and errors."""

import numpy as np
import pytest
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.linalg import Vectors

from segue.core import centres_model
from segue.core.centres_model import kmeans_model_from_centres
from segue.errors import ClusteringError


def made(spark, centres):
    return kmeans_model_from_centres(spark, centres, features_col="scaled", prediction_col="label")


@pytest.mark.parametrize(("k", "n_features"), [(2, 1), (7, 3), (60, 12)])
def test_centres_and_their_order_are_exact(spark, k, n_features):
    centres = np.random.default_rng(k).normal(size=(k, n_features)) * 10.0 ** np.arange(n_features)
    returned = np.array(made(spark, centres).clusterCenters())
    assert returned.tobytes() == centres.tobytes()


def test_centres_that_differ_in_the_last_bit_are_exact(spark):
    centres = np.array([[0.3, 1e3], [np.nextafter(0.3, 1), 1e3], [-5e-324, 0.1]])
    assert np.array(made(spark, centres).clusterCenters()).tobytes() == centres.tobytes()


def test_label_is_the_row_of_the_nearest_centre_also_after_saving(spark, tmp_path):
    model = made(spark, np.array([[1.0, 1.0], [0.0, 0.0], [5.0, 0.0]]))
    model.save(str(tmp_path / "model"))
    points = spark.createDataFrame([(Vectors.dense(p),) for p in ([0.1, 0.2], [4.0, 0.0], [0.9, 2.0])], ["scaled"])
    for each in (model, KMeansModel.load(str(tmp_path / "model"))):
        assert [row["label"] for row in each.transform(points).collect()] == [1, 2, 0]


@pytest.mark.parametrize(
    ("centres", "message"),
    [
        ([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0]], "2 of 3 centres are distinct, expected all"),
        ([[0.0], [-0.0]], "1 of 2 centres are distinct"),
        ([[0.0, np.nan], [np.inf, 3.0]], "2 values of the centres are not finite"),
        ([[0.0, 1.0]], r"shape \(1, 2\), expected \(k, n_features\) with k >= 2"),
        ([0.0, 1.0], r"shape \(2,\), expected"),
    ],
)
def test_unusable_centres_are_refused(spark, centres, message):
    with pytest.raises(ClusteringError, match=message):
        made(spark, np.array(centres))


def test_a_spark_that_returns_another_order_is_reported(spark, monkeypatch):
    monkeypatch.setitem(centres_model._PERMUTATIONS, 3, (0, 1, 2))
    given = np.array([[0.0], [1.0], [2.0]])
    with pytest.raises(ClusteringError, match=r"returns other centres than given: centre \d is \[\d.0\], expected"):
        made(spark, given)


def test_a_spark_that_returns_fewer_centres_is_reported(spark, monkeypatch):
    fit_rows = centres_model._fit_rows
    monkeypatch.setattr(centres_model, "_PERMUTATIONS", {})
    monkeypatch.setattr(centres_model, "_fit_rows", lambda spark, rows, *columns: fit_rows(spark, rows[:-1], *columns))
    with pytest.raises(
        ClusteringError, match=r"returns other centres than given: of shape \(3, 1\), expected \(4, 1\)"
    ):
        made(spark, np.arange(8.0).reshape(4, 2))
