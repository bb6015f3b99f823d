"""Points by the card's numbers alone, against the pipeline's own."""

import numpy as np
import pytest
from pyspark.ml import Pipeline

from segue import features
from segue.clustering import model
from segue.clustering.card import ModelCard
from segue.clustering.scaled import scaled
from segue.features import Space

ROWS = [(100.0, -20.0, 0.5), (150.0, -10.0, 0.5), (None, -5.0, 0.5), (200.0, 0.0, 0.5)]
SPACES = [
    Space(("bpm", "loudness", "valence"), impute=True),
    Space(("bpm", "loudness", "valence"), scaler="standard", impute=True),
    Space(("bpm", "loudness", "valence"), scaler="robust", impute=True),
    Space(("bpm", "loudness"), impute=True, log=("bpm",), weights={"loudness": 3.0}),
]


def card_of(preparation, space):
    other = dict.fromkeys(ModelCard.__dataclass_fields__)
    return ModelCard(
        **other
        | {
            "features": list(space.columns),
            "imputed": model.imputed_numbers(preparation, space),
            "log": list(space.log),
            "scaler": model.scaler_numbers(preparation),
            "weights": dict(space.weights),
        }
    )


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_points_are_the_pipelines(spark, space):
    frame = spark.createDataFrame(ROWS, "bpm double, loudness double, valence double")
    preparation = Pipeline(stages=features.stages(space)).fit(frame)
    wanted = np.array([row[space.output].toArray() for row in preparation.transform(frame).collect()])
    values = np.array(frame.select(*space.columns).toPandas(), dtype=float)
    assert scaled(card_of(preparation, space), values) == pytest.approx(wanted, abs=1e-12)


def test_what_the_model_does_not_fill_stays_missing(spark):
    space = Space(("bpm", "loudness", "valence"))
    frame = spark.createDataFrame([row for row in ROWS if row[0]], "bpm double, loudness double, valence double")
    preparation = Pipeline(stages=features.stages(space)).fit(frame)
    found = scaled(card_of(preparation, space), np.array([[np.nan, -10.0, np.nan]]))
    assert np.isnan(found).tolist() == [[True, False, True]]
