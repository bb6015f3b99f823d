"""Test reading and writing ``model.json``, its scaling formulas, and model versions."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from pyspark.ml import Pipeline

from segue.clustering import feature_space
from segue.clustering.feature_space import FeatureSpace
from segue.clustering.model_card import ModelCard, from_json, model_version, scale_features
from segue.errors import InputError

CARD = ModelCard(
    model_version="0123456789abcdef",
    trained_at="2026-01-01T00:00:00+00:00",
    settings={"features": {"columns": ["bpm"]}},
    versions={"segue": "0.1"},
    space="bpm",
    features=["bpm"],
    imputed={},
    log=[],
    scaler={"name": "minmax", "minimum": [60.0], "maximum": [200.0]},
    weights={},
    n_tracks=3,
    silhouette=0.1 + 0.2,
    centres=[[100.0], [1 / 3]],
    centres_scaled=[[0.1], [0.5]],
    sizes=[2, 1],
    cluster_names=["Cluster 1", "Cluster 2"],
    cluster_descriptions=["fast", "Björk; \u2028"],
    thresholds=[0.1, 5e-324],
    sums=[[0.2], [0.5]],
    square_sums=[0.02, 0.25],
    profiles=[{"cluster": 1, "top_genres": []}],
)
DOCUMENTED_KEYS = {
    "model_version", "features", "scaler", "centres", "centres_scaled", "sizes", "cluster_names",
    "cluster_descriptions", "thresholds",
}  # fmt: skip


def json_with(**content) -> str:
    """Return the JSON of ``CARD`` with other or further keys."""
    return json.dumps(json.loads(CARD.to_json()) | content)


def test_card_round_trips_exactly():
    assert from_json(CARD.to_json(), "x") == CARD
    assert from_json(CARD.to_json(), "x").to_json() == CARD.to_json()
    assert CARD.k == 2


def test_json_has_the_documented_keys_and_exact_numbers():
    content = json.loads(CARD.to_json())
    assert content.keys() >= DOCUMENTED_KEYS
    assert content["centres"][1][0] == 1 / 3
    assert "Björk" in CARD.to_json()


def test_nan_is_an_error():
    with pytest.raises(ValueError, match="JSON"):
        replace(CARD, silhouette=float("nan")).to_json()


def test_unknown_keys_are_ignored():
    assert from_json(json_with(colour="red"), "x") == CARD


def test_card_of_0_2_0_has_no_discriminants():
    content = json.loads(CARD.to_json())
    former = {name: value for name, value in content.items() if name not in ("log_offsets", "discriminants")}
    assert from_json(json.dumps(former), "x") == CARD
    assert (CARD.log_offsets, CARD.discriminants) == ({}, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", '{"model_version": "x"}'])
def test_invalid_json_is_an_error_with_path_and_remedy(text):
    with pytest.raises(InputError, match=r"^out/models/v/model\.json: cannot read .* train again with train_clusters"):
        from_json(text, "out/models/v/model.json")


def test_version_is_a_truncated_sha_256():
    canonical = '{"a": [1, 2.5], "b": {"c": "\u00e9", "d": null}}'
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]
    assert model_version({"b": {"d": None, "c": "é"}, "a": (1, 2.5)}) == expected


@pytest.mark.parametrize("other", [{"seed": 1}, {"seed": 0, "k": None}, {"seed": "0"}, {"seed": 0.0}, {}])
def test_other_content_gets_another_version(other):
    assert model_version(other) != model_version({"seed": 0})


ROWS = [(100.0, -20.0, 0.5), (150.0, -10.0, 0.5), (None, -5.0, 0.5), (200.0, 0.0, 0.5)]
SPACES = [
    FeatureSpace(("bpm", "loudness", "valence"), impute=True),
    FeatureSpace(("bpm", "loudness", "valence"), scaler="standard", impute=True),
    FeatureSpace(("bpm", "loudness", "valence"), scaler="robust", impute=True),
    FeatureSpace(("bpm", "loudness"), impute=True, log=("bpm",), weights={"loudness": 3.0}),
    FeatureSpace(
        ("bpm", "loudness", "valence"), "standard", log_offsets={"bpm": 0.0, "valence": 0.01}, optional=("bpm",)
    ),
]


def card_of(preparation, space):
    """Return a card with the parameters of fitted stages; all else is None."""
    other = dict.fromkeys(ModelCard.__dataclass_fields__)
    return ModelCard(
        **other
        | {
            "features": list(space.columns),
            "imputed": feature_space.imputed_values(preparation, space),
            "log": list(space.log),
            "scaler": feature_space.scaler_parameters(preparation),
            "weights": space.factors,
            "log_offsets": space.log_offsets,
        }
    )


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_scaled_features_equal_those_of_the_pipeline(spark, space):
    frame = spark.createDataFrame(ROWS, "bpm double, loudness double, valence double")
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    expected = np.array([row[space.output].toArray() for row in preparation.transform(frame).collect()])
    values = np.array(frame.select(*space.columns).toPandas(), dtype=float)
    assert scale_features(card_of(preparation, space), values) == pytest.approx(expected, abs=1e-12)


def test_missing_values_without_imputation_stay_missing(spark):
    space = FeatureSpace(("bpm", "loudness", "valence"))
    frame = spark.createDataFrame([row for row in ROWS if row[0]], "bpm double, loudness double, valence double")
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    points = scale_features(card_of(preparation, space), np.array([[np.nan, -10.0, np.nan]]))
    assert np.isnan(points).tolist() == [[True, False, True]]
