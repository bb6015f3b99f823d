"""The recipes: models that Spark alone loads and numpy alone reproduces, of tracks with and without year and genre."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F
from sklearn.metrics import normalized_mutual_info_score

import segue
from segue import schema
from segue.clustering.guide import artist_half
from segue.errors import ClusteringError
from segue.pipeline import label, run_all, train
from segue.pipeline.train import training_settings
from segue.runtime import runner
from segue.settings import load
from segue.storage.store import Store
from segue.synthetic import as_table_rows, synthetic_tracks

CONF = Path(__file__).parents[2] / "conf" / "recipes"
RECIPES = ("sound", "era", "guided")
QUICK = ["--set", "clustering.ks=4-5", "--set", "clustering.restarts=2", "--set", "selection.min_k=4"]
QUICK_SETTINGS = {"clustering": {"ks": "4-5", "restarts": 2}, "selection": {"min_k": 4}}
SPARK_ALONE = """
import sys
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).getOrCreate()
tracks = spark.read.parquet(sys.argv[1])
for model, to in zip(sys.argv[2::2], sys.argv[3::2]):
    PipelineModel.load(model).transform(tracks).select("track_id", "prediction").toPandas().to_csv(to)
assert "segue" not in sys.modules
"""


@pytest.fixture(scope="module")
def catalogue(spark):
    """300 tracks with genres; a fifth of them lacks the year, a fifth instrumentalness, and a fifth the genre."""

    def without(name, fifth):
        return F.when(F.pmod(F.xxhash64("track_id"), F.lit(5)) != fifth, F.col(name))

    tracks = as_table_rows(synthetic_tracks(spark, 300, seed=3))
    names = {"year": 0, "instrumentalness": 1, "genre": 2}
    return tracks.withColumns({name: without(name, fifth) for name, fifth in names.items()}).cache()


@pytest.fixture(scope="module")
def outputs(spark, catalogue, tmp_path_factory):
    """The output of training and labeling by each recipe, by name."""
    roots = {name: tmp_path_factory.mktemp(name) for name in RECIPES}
    for name, root in roots.items():
        Store(spark, str(root)).sync(schema.TRACKS, catalogue, remove_missing=True)
        options = ["--output", str(root), "--config", str(CONF / f"{name}.toml"), *QUICK]
        for entry in (train.JOB, label.JOB):
            assert runner.execute(entry, options, start=lambda _: spark) == 0
    return roots


def table(root, name):
    return DeltaTable(str(root / name)).to_pandas()


def model_card(root):
    """Return the content of the one model.json of an output."""
    (path,) = (root / "models").glob("*/model.json")
    return json.loads(path.read_text("utf-8"))


def points(card, tracks):
    """Return the scaled points of tracks by the formulas that the documentation of model.json states."""
    columns = []
    for name in card["features"]:
        column = tracks[name].astype(float)
        column = column.fillna(card["imputed"][name]) if name in card["imputed"] else column
        if name in card["log_offsets"]:
            column = np.log(column + card["log_offsets"][name])
        columns.append(column.to_numpy())
    values, names = np.stack(columns, axis=1), card["features"]
    if card["discriminants"]:
        values = (values - np.array(card["discriminants"]["mean"])) @ np.array(card["discriminants"]["matrix"])
        names = [f"discriminant_{i + 1}" for i in range(values.shape[1])]
    scaled = (values - np.array(card["scaler"]["mean"])) / np.array(card["scaler"]["deviation"])
    return scaled * [card["weights"].get(name, 1.0) for name in names]


@pytest.mark.parametrize("recipe", RECIPES)
def test_numpy_and_model_json_alone_reproduce_every_label(outputs, recipe):
    card, labeled = model_card(outputs[recipe]), table(outputs[recipe], "labeled_tracks")
    squares = ((points(card, labeled)[:, None] - np.array(card["centres_scaled"])) ** 2).sum(-1)
    assert (squares.argmin(1) + 1).tolist() == labeled.cluster.tolist()
    assert np.sqrt(squares.min(1)) == pytest.approx(labeled.distance.to_numpy(), abs=1e-9)
    # a centre in the features' units is a track that is scaled to the centre
    centres = pd.DataFrame(card["centres"], columns=card["features"])
    assert points(card, centres) == pytest.approx(np.array(card["centres_scaled"]), abs=1e-8)
    missing = {"instrumentalness"} if recipe == "sound" else {"instrumentalness", "year"}
    assert {name for names in labeled.imputed for name in names} == missing
    for name in missing:
        assert card["imputed"][name] == labeled[name].quantile(0.5, interpolation="lower")


def test_spark_alone_gives_the_stored_labels(outputs, catalogue, tmp_path):
    catalogue.drop("genres").write.parquet(str(tmp_path / "tracks"))
    words = []
    for name, root in outputs.items():
        words += [str(root / "models" / model_card(root)["model_version"]), str(tmp_path / f"{name}.csv")]
    script = tmp_path / "alone.py"
    script.write_text(SPARK_ALONE, "utf-8")
    removed = ("PYTHONPATH", "PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR")
    alone = {name: text for name, text in os.environ.items() if name not in removed}
    command = [sys.executable, "-P", str(script), str(tmp_path / "tracks"), *words]
    subprocess.run(command, check=True, env=alone, cwd=tmp_path, capture_output=True)
    for name, root in outputs.items():
        predicted = pd.read_csv(tmp_path / f"{name}.csv").set_index("track_id").prediction + 1
        labeled = table(root, "labeled_tracks").set_index("track_id").cluster
        assert predicted.sort_index().tolist() == labeled.sort_index().tolist()


def test_guided_says_that_it_is_supervised(outputs):
    card, scores = model_card(outputs["guided"]), table(outputs["guided"], "k_scores")
    assert card["discriminants"]["guide"] == "genre"
    assert scores.space.str.startswith("guided by genre (supervised), standard: bpm").all()
    assert set(scores.space) == {card["space"]}
    labeled = table(outputs["guided"], "labeled_tracks")
    counts = labeled.genre.value_counts()
    frequent = counts[counts >= 20]
    assert card["discriminants"]["classes"] == sorted(frequent.index, key=lambda name: (-frequent[name], name))
    assert card["discriminants"]["n_tracks"] == frequent.sum()
    assert labeled.genre.isna().any()


@pytest.fixture(scope="module")
def split_genres(spark):
    """400 tracks by 40 artists; in one half of the artists the genre follows bpm, in the other half energy."""
    rng = np.random.default_rng(1)
    artists = spark.createDataFrame(
        [(f"Artist {i}", f"Artist {i}") for i in range(40)], "artist string, track_id string"
    )
    half = artists.select("artist", artist_half().alias("half")).toPandas().set_index("artist").half
    names = rng.choice(half.index, 400)
    x, y = rng.random((2, 400)) > 0.5
    genre = np.where(np.where(half[names].to_numpy() == 0, x, y), "rock", "pop")
    rows = pd.DataFrame({"track_id": [f"t{i}" for i in range(400)], "artist": names, "genre": genre})
    rows["bpm"] = 100 + 40 * x + rng.normal(0, 5, 400)
    rows["energy"] = np.clip(0.3 + 0.4 * y + rng.normal(0, 0.05, 400), 0, 1)
    return rows


def test_agreement_is_measured_on_tracks_by_artists_that_were_not_learned_from(spark, split_genres):
    given = {"features": {"columns": ["bpm", "energy"], "scaler": "standard", "guide": "genre"}}
    given |= {"clustering": {"ks": [2], "restarts": 2}}
    clusters = segue.fit_clusters(spark.createDataFrame(split_genres), settings=given)
    labels = clusters.transform(spark.createDataFrame(split_genres)).select("genre", "cluster").toPandas()
    # what one half teaches says nothing about the other; a model of all tracks knows the genres of both
    assert clusters.scores.genre_nmi[0] < 0.05
    assert normalized_mutual_info_score(labels.genre, labels.cluster) > 0.1


def test_guide_without_genres_exits_with_3(spark, run_job, catalogue, tmp_path, capsys):
    without = catalogue.withColumn("genre", F.lit(None).cast("string"))
    Store(spark, str(tmp_path)).sync(schema.TRACKS, without, remove_missing=True)
    options = ["--output", tmp_path, "--config", CONF / "guided.toml", *QUICK]
    assert run_job(train.JOB, *options) == 3
    assert "features.guide is 'genre', but no track has a genre" in capsys.readouterr().err
    assert not (tmp_path / "k_scores").exists()


def test_what_no_track_has_is_left_out_with_one_line(spark, catalogue, caplog):
    lacking = catalogue.drop("year", "instrumentalness").limit(100)
    with caplog.at_level(logging.INFO, logger="segue"):
        clusters = segue.fit_clusters(lacking, 4, settings=segue.recipe("era") | QUICK_SETTINGS)
    assert "year" not in clusters.card.features
    assert len(clusters.card.features) == 9
    assert [line for line in caplog.messages if "left out" in line] == [
        "train: no track has instrumentalness, year: left out of the features"
    ]
    with pytest.raises(ClusteringError, match="lack loudness; fill the gaps"):
        segue.fit_clusters(lacking.drop("loudness"), 4, settings=segue.recipe("era") | QUICK_SETTINGS)


def test_new_tracks_are_labeled_by_the_stored_matrix(run_job, tmp_path):
    rng = np.random.default_rng(2)
    names = ["track_id", "track_name", "artist_name", "genre", "tempo", "loudness", "liveness", "valence"]
    names += ["acousticness", "speechiness"]

    def write(numbers):
        rows = [
            [f"id{n}", f"Song {n}", f"Artist {n % 37}", ("rock", "pop")[n % 2] if n < 200 else None] for n in numbers
        ]
        fractions = rng.random((len(rows), 6)).tolist()
        frame = pd.DataFrame([[*row, *each] for row, each in zip(rows, fractions, strict=True)], columns=names)
        frame["tempo"] = 90 + 40 * (frame.index % 2) + 20 * frame.tempo
        frame["loudness"] = -20 * frame.loudness
        (tmp_path / "in").mkdir(exist_ok=True)
        frame.to_csv(tmp_path / "in" / f"{numbers[0]}.csv", index=False)

    root = tmp_path / "out"
    options = ["--input", tmp_path / "in", "--output", root, "--config", CONF / "guided.toml", *QUICK]
    write(range(200))
    assert run_job(run_all.JOB, *options) == 0
    card = model_card(root)
    write(range(200, 230))
    assert run_job(run_all.JOB, *options) == 0
    assert model_card(root) == card
    labeled = table(root, "labeled_tracks")
    assert len(labeled) == 230
    squares = ((points(card, labeled)[:, None] - np.array(card["centres_scaled"])) ** 2).sum(-1)
    assert (squares.argmin(1) + 1).tolist() == labeled.cluster.tolist()
    report = json.loads((root / "report.json").read_text("utf-8"))
    assert report["numbers"]["agreement"]["supervised"] is True


@pytest.mark.guard("added-settings-keep-models")
def test_settings_of_a_model_of_0_2_0_are_the_defaults_and_classic():
    six = ["bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"]
    of_0_2_0 = {"columns": six, "scaler": "minmax", "missing": "reject", "log": [], "weights": {}}
    for settings in (load(), load([str(CONF / "classic.toml")])):
        assert training_settings(settings)["features"] == of_0_2_0
    for recipe in RECIPES:
        assert training_settings(load([str(CONF / f"{recipe}.toml")]))["features"] != of_0_2_0
