"""The feature space: each stage against its definition."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.functions import vector_to_array

from segue.clustering import feature_space
from segue.clustering.feature_space import FeatureSpace

ROWS = [(100.0, -20.0, 0.5), (150.0, -10.0, 0.5), (None, -5.0, 0.5), (200.0, 0.0, 0.5)]
DDL = "bpm double, loudness double, valence double"


def transformed(spark, space, rows=ROWS):
    frame = spark.createDataFrame(rows, DDL).coalesce(1)
    found = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame).transform(frame)
    return np.array([row[0] for row in found.select(vector_to_array(space.output)).collect()])


def test_minmax_maps_to_zero_and_one_and_a_constant_to_the_middle(spark):
    found = transformed(spark, FeatureSpace(("loudness", "valence")))
    assert found.tolist() == [[0.0, 0.5], [0.5, 0.5], [0.75, 0.5], [1.0, 0.5]]


def test_the_imputer_fills_the_median(spark):
    found = transformed(spark, FeatureSpace(("bpm",), impute=True))
    assert found.ravel().tolist() == [0.0, 0.5, 0.5, 1.0]


def test_standard_has_mean_zero_and_sample_deviation_one(spark):
    found = transformed(spark, FeatureSpace(("loudness",), scaler="standard"))
    values = np.array([-20.0, -10.0, -5.0, 0.0])
    assert found.ravel() == pytest.approx((values - values.mean()) / values.std(ddof=1), abs=1e-12)


def test_robust_has_the_median_at_zero_and_quartiles_one_apart(spark):
    rows = [(float(i), 0.0, 0.0) for i in range(1, 6)]
    found = transformed(spark, FeatureSpace(("bpm",), scaler="robust"), rows)
    assert found.ravel().tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]


def test_logarithm_comes_before_the_scaler_and_weight_behind_it(spark):
    rows = [(float(np.expm1(x)), -1.0, 0.5) for x in (1.0, 2.0, 3.0)]
    space = FeatureSpace(("bpm", "valence"), log=("bpm",), weights={"bpm": 4.0})
    assert transformed(spark, space, rows) == pytest.approx(np.array([[0.0, 0.5], [2.0, 0.5], [4.0, 0.5]]))
    assert space.name == "minmax: 4*log1p(bpm), valence"
