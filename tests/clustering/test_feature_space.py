"""Test every stage of a feature space against its definition."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.functions import vector_to_array

from segue.clustering import feature_space
from segue.clustering.feature_space import FeatureSpace

ROWS = [(100.0, -20.0, 0.5), (150.0, -10.0, 0.5), (None, -5.0, 0.5), (200.0, 0.0, 0.5)]
DDL = "bpm double, loudness double, valence double"


def fit_transform(spark, space, rows=ROWS):
    """Fit the stages of a space on rows, and return the rows' points, shape (n_rows, n_features)."""
    frame = spark.createDataFrame(rows, DDL).coalesce(1)
    points = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame).transform(frame)
    return np.array([row[0] for row in points.select(vector_to_array(space.output)).collect()])


def test_minmax_maps_to_0_and_1_and_a_constant_to_one_half(spark):
    points = fit_transform(spark, FeatureSpace(("loudness", "valence")))
    assert points.tolist() == [[0.0, 0.5], [0.5, 0.5], [0.75, 0.5], [1.0, 0.5]]


def test_imputer_fills_in_the_median(spark):
    points = fit_transform(spark, FeatureSpace(("bpm",), impute=True))
    assert points.ravel().tolist() == [0.0, 0.5, 0.5, 1.0]


def test_standard_scaler_gives_mean_0_and_sample_deviation_1(spark):
    points = fit_transform(spark, FeatureSpace(("loudness",), scaler="standard"))
    values = np.array([-20.0, -10.0, -5.0, 0.0])
    assert points.ravel() == pytest.approx((values - values.mean()) / values.std(ddof=1), abs=1e-12)


def test_robust_scaler_gives_median_0_and_interquartile_range_1(spark):
    rows = [(float(i), 0.0, 0.0) for i in range(1, 6)]
    points = fit_transform(spark, FeatureSpace(("bpm",), scaler="robust"), rows)
    assert points.ravel().tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]


def test_logarithm_precedes_the_scaler_and_weight_follows_it(spark):
    rows = [(float(np.expm1(x)), -1.0, 0.5) for x in (1.0, 2.0, 3.0)]
    space = FeatureSpace(("bpm", "valence"), log=("bpm",), weights={"bpm": 4.0})
    assert fit_transform(spark, space, rows) == pytest.approx(np.array([[0.0, 0.5], [2.0, 0.5], [4.0, 0.5]]))
    assert space.name == "minmax: 4*log1p(bpm), valence"


def test_natural_logarithm_of_value_plus_offset(spark):
    rows = [(float(np.exp(x)), -1.0, float(np.exp(-x) - 0.01)) for x in (1.0, 2.0, 3.0)]
    space = FeatureSpace(("bpm", "valence"), log_offsets={"bpm": 0.0, "valence": 0.01})
    assert fit_transform(spark, space, rows) == pytest.approx(np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]))
    assert space.name == "minmax: ln(bpm), ln(valence + 0.01)"


def test_only_optional_features_are_imputed(spark):
    space = FeatureSpace(("bpm", "valence"), optional=("bpm", "year"), log_offsets={"bpm": 0.0})
    rows = [(100.0, 0.0, 0.0), (None, 0.0, 0.5), (200.0, 0.0, 1.0), (400.0, 0.0, 1.0)]
    assert fit_transform(spark, space, rows) == pytest.approx(np.array([[0, 0], [0.5, 0.5], [0.5, 1], [1, 1]]))
    assert space.name == "minmax: ln(bpm), valence (bpm: median where missing)"
    with pytest.raises(Exception, match="null"):
        fit_transform(spark, space, [(100.0, 0.0, None), (200.0, 0.0, 1.0)])


def test_year_is_imputed_as_a_whole_number(spark):
    frame = spark.createDataFrame([(1990,), (None,), (2000,), (2010,)], "year int").coalesce(1)
    space = FeatureSpace(("year",), optional=("year",))
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    points = preparation.transform(frame).select(vector_to_array(space.output)).toPandas().iloc[:, 0]
    assert np.stack(points.to_list()).ravel().tolist() == [0.0, 0.5, 0.5, 1.0]
    assert feature_space.imputed_values(preparation, space) == {"year": 2000.0}
