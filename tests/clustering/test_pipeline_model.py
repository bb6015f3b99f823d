"""A pipeline made of given centres: the centres it has, and back to the features' units."""

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel

from segue.clustering import feature_space, pipeline_model
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


def fitted(spark, space):
    frame = spark.createDataFrame(ROWS, DDL).coalesce(1)
    return frame, Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)


@pytest.mark.parametrize("k", [2, 5, 23])
def test_the_saved_pipeline_has_the_given_centres_in_the_given_order(spark, tmp_path, k):
    space = SPACES[0]
    frame, preparation = fitted(spark, space)
    centres = np.random.default_rng(k).random((k, 2))
    pipeline_model.pipeline_with_centres(spark, preparation, space, centres).write().save(str(tmp_path / "m"))
    loaded = PipelineModel.load(str(tmp_path / "m"))
    assert np.array_equal(np.array(loaded.stages[-1].clusterCenters()), centres)
    scaled = np.array([[0.0, 0.0], [0.5, 0.5], [0.2, 0.75], [1.0, 1.0]])
    nearest = ((scaled[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
    assert [row.prediction for row in loaded.transform(frame).collect()] == nearest.tolist()


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_scaled_points_go_back_to_their_own_units(spark, space):
    frame, preparation = fitted(spark, space)
    scaled = np.array([row[space.output].toArray() for row in preparation.transform(frame).collect()])
    wanted = np.array(frame.select(*space.columns).collect())
    assert pipeline_model.to_original_units(scaled, preparation, space) == pytest.approx(wanted, abs=1e-9)


def test_the_numbers_of_the_scaler_are_told_by_name(spark):
    _, minmax = fitted(spark, SPACES[0])
    assert pipeline_model.scaler_parameters(minmax) == {"name": "minmax", "minimum": [100, -20], "maximum": [200, 0]}
    _, standard = fitted(spark, SPACES[2])
    assert pipeline_model.scaler_parameters(standard)["deviation"] == pytest.approx(
        np.array(ROWS)[:, :2].std(axis=0, ddof=1)
    )


def test_constant_features_are_named(spark):
    assert pipeline_model.constant_features(fitted(spark, SPACES[1])[1], SPACES[1]) == ["valence"]


def test_the_medians_that_fill_gaps_are_told(spark):
    frame = spark.createDataFrame([*ROWS, (None, -1.0, 0.5)], DDL)
    space = FeatureSpace(("bpm", "loudness"), impute=True)
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    assert pipeline_model.imputed_values(preparation, space) == {"bpm": 120.0, "loudness": -5.0}


def test_the_largest_cluster_is_the_first_and_equals_go_by_their_centres():
    centres = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.3]])
    assert pipeline_model.cluster_order(np.array([5, 5, 9]), centres) == [2, 1, 0]
    assert pipeline_model.cluster_order(np.array([5, 5, 5]), centres) == [2, 1, 0]
