"""Training over several spaces, by stability, and after an interruption."""

import json

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from segue import schema
from segue.kmeans_grid import engine, lloyd
from segue.pipeline import train, tuning
from segue.settings import load
from segue.storage.store import Store
from segue.synthetic import synthetic_tracks

QUICK = ["--set", "clustering.ks=3-5", "--set", "clustering.restarts=2", "--set", "selection.min_k=3"]


@pytest.fixture(scope="module")
def root(spark, tmp_path_factory):
    out = tmp_path_factory.mktemp("tuning")
    made = synthetic_tracks(spark, 300, seed=5).withColumns(
        {"genres": F.array("genre"), "source_file": F.lit("synthetic")}
    )
    Store(spark, str(out)).sync(schema.TRACKS, made.select(*schema.TRACKS.names), remove_missing=True)
    return out


def scores(root, run_job, *settings):
    """Train, and return the rows of k_scores of the new model."""
    before = {path.name for path in (root / "models").iterdir()} if (root / "models").is_dir() else set()
    words = [word for setting in settings for word in ("--set", setting)]
    assert run_job(train.JOB, "--output", root, *QUICK, *words) == 0
    (version,) = {path.name for path in (root / "models").iterdir()} - before
    found = DeltaTable(str(root / "k_scores")).to_pandas()
    card = json.loads((root / "models" / version / "model.json").read_text("utf-8"))
    return found[found.model_version == version], card


def test_every_combination_is_a_space_and_none_stands_twice():
    settings = load(
        assignments=[
            'features.columns=["bpm", "valence"]',
            'tuning.scalers=["standard", "minmax"]',
            'tuning.log=[["bpm"], ["speechiness"]]',
            "tuning.weights=[{valence = 2}]",
        ]
    )
    names = [space.name for space in tuning.requested_spaces(settings)]
    assert names == [
        "minmax: bpm, valence",
        "minmax: bpm, 2*valence",
        "minmax: log1p(bpm), valence",
        "minmax: log1p(bpm), 2*valence",
        "standard: bpm, valence",
        "standard: bpm, 2*valence",
        "standard: log1p(bpm), valence",
        "standard: log1p(bpm), 2*valence",
    ]


def test_the_space_that_agrees_best_with_genres_becomes_the_model(root, run_job):
    found, card = scores(root, run_job, 'features.columns=["liveness"]', 'tuning.columns=[["energy", "acousticness"]]')
    assert len(found) == 6
    means = found.groupby("space").genre_nmi.mean()
    assert found[found.chosen].space.tolist() == [means.idxmax()] == ["minmax: energy, acousticness"]
    assert card["features"] == ["energy", "acousticness"]
    chosen = found[found.chosen].iloc[0]
    assert chosen.silhouette == found[found.space == chosen.space].silhouette.max()
    assert found.stability.isna().all()


def test_the_rule_stable_is_told_in_the_scores(root, run_job):
    found, card = scores(root, run_job, "selection.rule=stable", "selection.subsamples=4")
    best = found.loc[found.stability.idxmax()]
    within = found[found.stability >= best.stability - best.stability_sd / 4**0.5]
    assert found[found.chosen].k.tolist() == [within.k.max()] == [len(card["sizes"])]
    assert found.stability.between(-1, 1).all()


def test_an_interrupted_grid_resumes(spark, root, monkeypatch, caplog):
    # so few tracks would all go to the driver
    monkeypatch.setattr(engine, "POINTS_PER_CENTRE", 20)
    settings = load(assignments=[*QUICK[1::2], "clustering.tol=1e-9", "clustering.seed=3"])
    settings = settings.model_copy(update={"clustering": settings.clustering.model_copy(update={"sample_size": 100})})
    store = Store(spark, str(root))
    move, moves = lloyd._move, []

    def interrupted(*words, **named):
        moves.append(words)
        if len(moves) == 8:
            raise KeyboardInterrupt
        move(*words, **named)

    monkeypatch.setattr(lloyd, "_move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.train_clusters(store, settings)
    (checkpoint,) = (root / "models").glob("*/grid_0.json")
    assert json.loads(checkpoint.read_text("utf-8"))["passes"] == 2
    monkeypatch.setattr(lloyd, "_move", move)
    with caplog.at_level("INFO", logger="segue"):
        resumed = train.train_clusters(store, settings)
    assert "continuing after pass 2" in caplog.text
    assert not checkpoint.exists()
    card = root / "models" / resumed.model_version / "model.json"
    centres = json.loads(card.read_text("utf-8"))["centres_scaled"]
    card.unlink()
    assert train.train_clusters(store, settings).model_version == resumed.model_version
    assert json.loads(card.read_text("utf-8"))["centres_scaled"] == centres
