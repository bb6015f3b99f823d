"""``model.json``: what is written reads back, and the version names the work."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from pyspark.ml import Pipeline

from segue.clustering import feature_space, pipeline_model
from segue.clustering.feature_space import FeatureSpace
from segue.clustering.model_card import ModelCard, as_json, from_json, model_version, scale_features
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
PROMISED = {
    "model_version", "features", "scaler", "centres", "centres_scaled", "sizes", "cluster_names",
    "cluster_descriptions", "thresholds",
}  # fmt: skip


def changed(**content) -> str:
    return json.dumps(json.loads(CARD.to_json()) | content)


def test_card_reads_back_to_the_last_bit():
    assert from_json(CARD.to_json(), "x") == CARD
    assert from_json(CARD.to_json(), "x").to_json() == CARD.to_json()
    assert CARD.k == 2


def test_any_language_reads_what_was_promised():
    content = json.loads(CARD.to_json())
    assert content.keys() >= PROMISED
    assert content["centres"][1][0] == 1 / 3
    assert "Björk" in CARD.to_json()


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        replace(CARD, silhouette=float("nan")).to_json()


def test_what_a_newer_segue_adds_does_no_harm():
    assert from_json(changed(colour="red"), "x") == CARD


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", '{"model_version": "x"}'])
def test_what_is_no_card_names_the_place_and_the_way_out(text):
    with pytest.raises(InputError, match=r"^out/models/v/model\.json .*train again"):
        from_json(text, "out/models/v/model.json")


def test_content_compares_as_json_has_it():
    assert as_json({"ks": (2, 3), "k": None, "w": {"bpm": 0.5}}) == {"ks": [2, 3], "k": None, "w": {"bpm": 0.5}}


def test_version_by_hand():
    canonical = '{"a": [1, 2.5], "b": {"c": "\u00e9", "d": null}}'
    wanted = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]
    assert model_version({"b": {"d": None, "c": "é"}, "a": (1, 2.5)}) == wanted


@pytest.mark.parametrize("other", [{"seed": 1}, {"seed": 0, "k": None}, {"seed": "0"}, {"seed": 0.0}, {}])
def test_other_work_gets_another_version(other):
    assert model_version(other) != model_version({"seed": 0})


ROWS = [(100.0, -20.0, 0.5), (150.0, -10.0, 0.5), (None, -5.0, 0.5), (200.0, 0.0, 0.5)]
SPACES = [
    FeatureSpace(("bpm", "loudness", "valence"), impute=True),
    FeatureSpace(("bpm", "loudness", "valence"), scaler="standard", impute=True),
    FeatureSpace(("bpm", "loudness", "valence"), scaler="robust", impute=True),
    FeatureSpace(("bpm", "loudness"), impute=True, log=("bpm",), weights={"loudness": 3.0}),
]


def card_of(preparation, space):
    other = dict.fromkeys(ModelCard.__dataclass_fields__)
    return ModelCard(
        **other
        | {
            "features": list(space.columns),
            "imputed": pipeline_model.imputed_values(preparation, space),
            "log": list(space.log),
            "scaler": pipeline_model.scaler_parameters(preparation),
            "weights": dict(space.weights),
        }
    )


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_points_are_the_pipelines(spark, space):
    frame = spark.createDataFrame(ROWS, "bpm double, loudness double, valence double")
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    wanted = np.array([row[space.output].toArray() for row in preparation.transform(frame).collect()])
    values = np.array(frame.select(*space.columns).toPandas(), dtype=float)
    assert scale_features(card_of(preparation, space), values) == pytest.approx(wanted, abs=1e-12)


def test_what_the_model_does_not_fill_stays_missing(spark):
    space = FeatureSpace(("bpm", "loudness", "valence"))
    frame = spark.createDataFrame([row for row in ROWS if row[0]], "bpm double, loudness double, valence double")
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(frame)
    found = scale_features(card_of(preparation, space), np.array([[np.nan, -10.0, np.nan]]))
    assert np.isnan(found).tolist() == [[True, False, True]]
