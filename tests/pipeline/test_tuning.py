"""Training over several feature spaces, by stability, and after an interruption."""

import json

import pytest
from deltalake import DeltaTable

from segue import schema
from segue.kmeans_grid import engine, lloyd
from segue.pipeline import train, tuning
from segue.settings import load
from segue.storage.store import Store
from segue.synthetic import as_table_rows, synthetic_tracks

QUICK = ["--set", "clustering.ks=3-5", "--set", "clustering.restarts=2", "--set", "selection.min_k=3"]


@pytest.fixture(scope="module")
def root(spark, tmp_path_factory):
    """An output with 300 tracks."""
    out = tmp_path_factory.mktemp("tuning")
    tracks = as_table_rows(synthetic_tracks(spark, 300, seed=5))
    Store(spark, str(out)).sync(schema.TRACKS, tracks, remove_missing=True)
    return out


def scores(root, run_job, *settings):
    """Train a model, and return its rows of k_scores and its model.json."""
    before = {path.name for path in (root / "models").iterdir()} if (root / "models").is_dir() else set()
    words = [word for setting in settings for word in ("--set", setting)]
    assert run_job(train.JOB, "--output", root, *QUICK, *words) == 0
    (version,) = {path.name for path in (root / "models").iterdir()} - before
    rows = DeltaTable(str(root / "k_scores")).to_pandas()
    card = json.loads((root / "models" / version / "model.json").read_text("utf-8"))
    return rows[rows.model_version == version], card


def test_every_combination_is_one_space():
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


def test_space_that_agrees_best_with_genres_is_chosen(root, run_job):
    rows, card = scores(root, run_job, 'features.columns=["liveness"]', 'tuning.columns=[["energy", "acousticness"]]')
    assert len(rows) == 6
    means = rows.groupby("space").genre_nmi.mean()
    assert rows[rows.chosen].space.tolist() == [means.idxmax()] == ["minmax: energy, acousticness"]
    assert card["features"] == ["energy", "acousticness"]
    chosen = rows[rows.chosen].iloc[0]
    assert chosen.silhouette == rows[rows.space == chosen.space].silhouette.max()
    assert rows.stability.isna().all()


def test_stable_rule_chooses_the_largest_k_within_one_error(root, run_job):
    rows, card = scores(root, run_job, "selection.rule=stable", "selection.subsamples=4")
    best = rows.loc[rows.stability.idxmax()]
    within = rows[rows.stability >= best.stability - best.stability_sd / 4**0.5]
    assert rows[rows.chosen].k.tolist() == [within.k.max()] == [len(card["sizes"])]
    assert rows.stability.between(-1, 1).all()


def test_interrupted_grid_resumes(spark, root, monkeypatch, caplog):
    # otherwise so few tracks are all collected to the driver
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
