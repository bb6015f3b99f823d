"""Discriminants learned by Spark: from which tracks, and what two halves without a common artist are."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.functions import vector_to_array
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from segue.clustering import guide
from segue.clustering.feature_space import FeatureSpace, preparation_stages, to_original_units
from segue.errors import ClusteringError

SPACE = FeatureSpace(
    ("bpm", "energy", "liveness"), "standard", log_offsets={"liveness": 0.01}, guide="genre", optional=("energy",)
)
DDL = "track_id string, artist string, genre string, bpm double, energy double, liveness double"


@pytest.fixture(scope="module")
def table():
    """600 tracks by 60 artists: three genres that bpm and the logarithm of liveness separate, a rare one, and none."""
    rng = np.random.default_rng(4)
    genre = rng.choice(["rock", "pop", "folk"], 600)
    level = pd.Series(genre).map({"rock": 0.0, "pop": 1.0, "folk": 2.0}).to_numpy()
    rows = pd.DataFrame(
        {
            "track_id": [f"t{i:03}" for i in range(600)],
            "artist": [f"Artist {i % 60}" for i in range(600)],
            "genre": genre,
            "bpm": 100 + 20 * level + rng.normal(0, 10, 600),
            "energy": rng.random(600),
            "liveness": np.exp(-level + rng.normal(0, 1, 600)) / 50,
        }
    )
    rows.loc[:9, "genre"], rows.loc[10:99, "genre"] = "rare", None
    rows.loc[200:220, "energy"] = None
    return rows


def frame(spark, rows):
    records = rows.astype(object).where(rows.notna(), None).to_records(index=False).tolist()
    return spark.createDataFrame(records, DDL).coalesce(2)


def test_directions_equal_scikit_learns(spark, table):
    guided = guide.fit_guide(frame(spark, table), SPACE)
    learned = guided.space.discriminants
    values = np.stack([table.bpm, table.energy.fillna(table.energy.median()), np.log(table.liveness + 0.01)], axis=1)
    scaled = (values - values.mean(0)) / values.std(0, ddof=1)
    known = table.genre.isin(["rock", "pop", "folk"]).to_numpy()
    expected = LinearDiscriminantAnalysis(solver="eigen", shrinkage=learned.shrinkage)
    expected.fit(scaled[known], table.genre[known])
    ours = learned.matrix * values.std(0, ddof=1)[:, None]
    theirs = expected.scalings_[:, : ours.shape[1]]
    cosines = (ours * theirs).sum(0) / np.linalg.norm(ours, axis=0) / np.linalg.norm(theirs, axis=0)
    # Spark's median of energy is that of a value nearby
    assert np.abs(cosines) == pytest.approx(np.ones(ours.shape[1]), abs=1e-5)
    assert set(learned.classes) == {"rock", "pop", "folk"}
    assert learned.n_tracks == known.sum()
    assert 0.1 < learned.explained < 0.6


def test_stages_project_and_are_inverted(spark, table):
    tracks = frame(spark, table)
    space = guide.fit_guide(tracks, SPACE).space
    preparation = Pipeline(stages=preparation_stages(space)).fit(tracks)
    points = preparation.transform(tracks).select(vector_to_array(space.output)).toPandas().iloc[:, 0]
    points = np.stack(points.to_list())
    # scaled to deviation 1, then weighted by the canonical correlations
    assert points.std(0, ddof=1) == pytest.approx(space.discriminants.weights)
    assert points.mean(0) == pytest.approx(np.zeros(len(space.coordinates)), abs=1e-9)
    originals = to_original_units(points, preparation, space)
    again = spark.createDataFrame([(None, None, None, *row) for row in originals.tolist()], DDL).coalesce(1)
    returned = preparation.transform(again).select(vector_to_array(space.output)).toPandas().iloc[:, 0]
    assert np.stack(returned.to_list()) == pytest.approx(points, abs=1e-9)


def test_tracks_without_a_frequent_genre_change_no_direction(spark, table):
    with_genre = frame(spark, table)
    other = table.copy()
    other.loc[:9, "genre"] = None
    first, second = (guide.fit_guide(each, SPACE).space.discriminants for each in (with_genre, frame(spark, other)))
    assert np.array_equal(first.matrix, second.matrix)


def test_tracks_of_one_artist_are_in_the_same_half(spark):
    artists = [f"Artist {i}" for i in range(40)]
    spellings = [text for name in artists for text in (name, f" {name.upper()} ", f"{name}; Guest")]
    rows = [(f"t{i}", text) for i, text in enumerate([*spellings, None, None, ""])]
    labels = spark.createDataFrame(rows, "track_id string, artist string").select(guide.artist_half()).toPandas()
    by_artist = labels.iloc[:120, 0].to_numpy().reshape(40, 3)
    assert (by_artist == by_artist[:, :1]).all()
    assert 10 <= by_artist[:, 0].sum() <= 30
    assert labels.iloc[:, 0].isin([0, 1]).all()


@pytest.mark.parametrize(
    ("genres", "message"),
    [
        ([None], "no track has a genre; expected at least two genres of 20 tracks each"),
        (["rock"], r"the most frequent genre is 'rock' \(600 tracks\)"),
    ],
)
def test_too_few_genres_are_refused(spark, table, genres, message):
    with pytest.raises(ClusteringError, match=message):
        guide.fit_guide(frame(spark, table.assign(genre=genres * len(table))), SPACE)
