"""Test pipelines with given centres, their parameters, and the conversion of points to the features' units."""

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel

from segue.clustering import feature_space
from segue.clustering.feature_space import FeatureSpace

ROWS = [(100.0, -20.0, 0.5), (150.0, -10.0, 0.5), (120.0, -5.0, 0.5), (200.0, 0.0, 0.5)]
DDL = "bpm double, loudness double, valence double"
SPACES = [
    FeatureSpace(("bpm", "loudness")),
    FeatureSpace(("bpm", "loudness", "valence")),
    FeatureSpace(("bpm", "loudness"), scaler="standard"),
    FeatureSpace(("bpm", "loudness"), scaler="robust"),
    FeatureSpace(("bpm", "loudness"), impute=True, log=("bpm",), weights={"loudness": 3.0}),
]


def fit_stages(spark, space):
    """Return the rows as a DataFrame, and the stages of a space fitted on them."""
    frame = spark.createDataFrame(ROWS, DDL).coalesce(1)
    return frame, Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)


@pytest.mark.parametrize("k", [2, 5, 23])
def test_saved_pipeline_has_the_given_centres_in_order(spark, tmp_path, k):
    space = SPACES[0]
    frame, preparation = fit_stages(spark, space)
    centres = np.random.default_rng(k).random((k, 2))
    feature_space.pipeline_with_centres(spark, preparation, space, centres).write().save(str(tmp_path / "m"))
    loaded = PipelineModel.load(str(tmp_path / "m"))
    assert np.array_equal(np.array(loaded.stages[-1].clusterCenters()), centres)
    scaled = np.array([[0.0, 0.0], [0.5, 0.5], [0.2, 0.75], [1.0, 1.0]])
    nearest = ((scaled[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
    assert [row.prediction for row in loaded.transform(frame).collect()] == nearest.tolist()


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_original_units_invert_the_fitted_stages(spark, space):
    frame, preparation = fit_stages(spark, space)
    scaled = np.array([row[space.output].toArray() for row in preparation.transform(frame).collect()])
    expected = np.array(frame.select(*space.columns).collect())
    assert feature_space.to_original_units(scaled, preparation, space) == pytest.approx(expected, abs=1e-9)


def test_scaler_parameters_by_name(spark):
    _, minmax = fit_stages(spark, SPACES[0])
    assert feature_space.scaler_parameters(minmax) == {"name": "minmax", "minimum": [100, -20], "maximum": [200, 0]}
    _, standard = fit_stages(spark, SPACES[2])
    assert feature_space.scaler_parameters(standard)["deviation"] == pytest.approx(
        np.array(ROWS)[:, :2].std(axis=0, ddof=1)
    )


def test_constant_features_are_listed(spark):
    assert feature_space.constant_features(fit_stages(spark, SPACES[1])[1], SPACES[1]) == ["valence"]


def test_imputed_values_are_the_medians(spark):
    frame = spark.createDataFrame([*ROWS, (None, -1.0, 0.5)], DDL)
    space = FeatureSpace(("bpm", "loudness"), impute=True)
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    assert feature_space.imputed_values(preparation, space) == {"bpm": 120.0, "loudness": -5.0}


def test_clusters_are_ordered_by_size_then_centre():
    centres = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.3]])
    assert feature_space.cluster_order(np.array([5, 5, 9]), centres) == [2, 1, 0]
    assert feature_space.cluster_order(np.array([5, 5, 5]), centres) == [2, 1, 0]
