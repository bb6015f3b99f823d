"""The job that learns from playlists, and lists by what was learned."""

import json

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from tests.pipeline.labeled import labeled_tracks, stored

import segue
from segue import schema
from segue.errors import SettingsError
from segue.pipeline import learn, recommend, run_all

LEARNED = ("--set", "recommend.weights=learned")
QUICK = ("--set", "recommend.likeness=audio")


@pytest.fixture(scope="module")
def labeled(spark):
    return labeled_tracks(spark)


@pytest.fixture(scope="module")
def by_valence(labeled):
    """Return ids and titles of the tracks, in order of valence."""
    return labeled.select("track_id", "title", "artist", "valence").toPandas().sort_values("valence")


@pytest.fixture(scope="module")
def root(spark, labeled, tmp_path_factory):
    return stored(spark, tmp_path_factory.mktemp("learn") / "out", labeled)


def table(root, name):
    return DeltaTable(str(root / name))


def write_playlists(path, tracks, size=10):
    """Write a table of playlists, each of ``size`` consecutive tracks, and a playlist of one track."""
    rows = pd.DataFrame({"playlist": np.arange(len(tracks)) // size, "track_id": tracks.track_id.tolist()})
    pd.concat([rows, pd.DataFrame({"playlist": [99, 99], "track_id": [tracks.track_id.iloc[0], "none"]})]).to_csv(
        path, index=False
    )
    return path


def test_version_is_learned_stored_once_and_used(root, run_job, by_valence, tmp_path, caplog):
    playlists = write_playlists(tmp_path / "mine.csv", by_valence)
    assert run_job(recommend.JOB, "--output", root, *QUICK) == 0
    before = table(root, "similar_tracks").to_pandas()
    learn_it = (learn.JOB, "--output", root, "--playlists", playlists, *QUICK)
    assert run_job(*learn_it) == 0
    assert "playlists 16, tracks in them 152, not in the catalogue 1, playlists left out 1 (" in caplog.text
    (row,) = table(root, "learned_similarity").to_pandas().to_dict("records")
    features = {each["name"]: each for each in row["features"]}
    assert features.pop("valence")["weight"] > 2 * max((each["weight"] for each in features.values()), default=0)
    assert 0 < row["gain_low"] < row["gain"] < row["gain_high"]
    assert (row["n_playlists"], row["n_tracks"], row["n_sampled"]) == (15, 150, 150)
    assert json.loads(row["settings"])["before"]["weights"] == {"liveness": 0.5}

    assert run_job(*learn_it) == 0
    assert f"version {row['version']} of learned_similarity is up to date" in caplog.text
    assert table(root, "learned_similarity").version() == 0

    caplog.clear()
    assert run_job(recommend.JOB, "--output", root, *QUICK, *LEARNED) == 0
    news = "what was learned from playlists is new; all lists are computed again, once"
    assert news in caplog.text and f"by version {row['version']} of" in caplog.text
    lists = table(root, "similar_tracks").to_pandas()
    assert set(lists.made_from).isdisjoint(before.made_from)
    # the same settings, written out, are up to date
    weights = {each["name"]: each["weight"] for each in row["features"]}
    offsets = {each["name"]: each["log"] for each in row["features"] if each["log"] is not None}
    written_out = [f"features={list(weights)}", f"weights={toml(weights)}", f"log={toml(offsets)}"]
    options = [word for text in written_out for word in ("--set", f"recommend.{text}")]
    caplog.clear()
    assert run_job(recommend.JOB, "--output", root, *options) == 0
    assert "the lists of 150 tracks are up to date" in caplog.text

    (tmp_path / "seeds.txt").write_text("\n".join(by_valence.track_id[:3]))
    for name, words in (("learned", LEARNED), ("written", options)):
        seeds = (tmp_path / "seeds.txt").rename(tmp_path / f"{name}.txt")
        assert run_job(recommend.JOB, "--output", root, "--seeds", seeds, *words) == 0
        seeds.rename(tmp_path / "seeds.txt")
    lists = (
        table(root, "playlist_recommendations").to_pandas().sort_values("rank").groupby("playlist").track_id.agg(list)
    )
    assert lists["learned"] == lists["written"]


def test_pipeline_and_report_use_the_latest_version(run_job, labeled, tmp_path, caplog):
    names = ["track_id", "title", "artist", "genre", "year", "popularity", *schema.FEATURE_NAMES]
    labeled.select(*names).toPandas().to_csv(tmp_path / "tracks.csv", index=False)
    quick = ("--set", "clustering.ks=2-3", "--set", "selection.min_k=2", *QUICK)
    pipeline = (run_all.JOB, "--input", tmp_path / "tracks.csv", "--output", tmp_path / "out", *quick)
    assert run_job(*pipeline) == 0
    model = table(tmp_path / "out", "labeled_tracks").to_pandas().model_version.unique().tolist()
    ids = table(tmp_path / "out", "tracks").to_pandas()
    versions = []
    for feature in ("valence", "energy"):
        caplog.clear()
        playlists = write_playlists(tmp_path / f"{feature}.csv", ids.sort_values(feature))
        assert run_job(learn.JOB, "--output", tmp_path / "out", "--playlists", playlists, *QUICK) == 0
        assert run_job(*pipeline, *LEARNED) == 0
        rows = table(tmp_path / "out", "learned_similarity").to_pandas().sort_values("learned_at")
        versions.append(rows.version.iloc[-1])
        heaviest = max(rows["features"].iloc[-1], key=lambda each: each["weight"])["name"]
        assert heaviest == feature
        assert f"by version {versions[-1]} of" in caplog.text
        lists = table(tmp_path / "out", "similar_tracks").to_pandas().set_index("track_id").similar
        reported = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["numbers"]["similar_tracks"]
        assert reported
        for entry in reported:
            listed = [each["track"]["track_id"] for each in entry["neighbours"]]
            assert listed and listed == [each["track_id"] for each in lists[entry["track"]["track_id"]]][: len(listed)]
    assert len(set(versions)) == 2
    assert table(tmp_path / "out", "labeled_tracks").to_pandas().model_version.unique().tolist() == model


def toml(mapping):
    return "{ " + ", ".join(f"{name} = {value!r}" for name, value in mapping.items()) + " }"


def test_random_playlists_leave_no_version(spark, labeled, run_job, by_valence, tmp_path, caplog):
    root = stored(spark, tmp_path / "out", labeled)
    shuffled = by_valence.sample(frac=1, random_state=1)
    (tmp_path / "many").mkdir()
    for start in range(0, 150, 10):
        rows = shuffled[start : start + 10]
        rows[["title", "artist"]].to_csv(tmp_path / "many" / f"{start}.csv", index=False)
    assert run_job(learn.JOB, "--output", root, "--playlists", tmp_path / "many") == 0
    assert "no version kept, as the interval of the gain does not lie above 0" in caplog.text
    assert not (root / "learned_similarity").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("# nothing\n", "names no track"),
        ("playlist,track_id\n1,a\n1,b\n", "0 of 1 playlists have 2 or more tracks of the catalogue"),
        ("PK\3\4", "is damaged or breaks off"),
    ],
)
def test_unusable_playlists_are_refused(content, message, spark, labeled, run_job, tmp_path, capsys):
    root = stored(spark, tmp_path / "out", labeled)
    if content is not None:
        (tmp_path / "mine.txt").write_text(content, "utf-8")
    assert run_job(learn.JOB, "--output", root, "--playlists", tmp_path / "mine.txt") == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert message in line
    assert not (root / "learned_similarity").exists()


def test_faults_of_command_line_and_settings(run_job, tmp_path, capsys):
    clash = ("--set", "recommend.weights=learned", "--set", "recommend.features=bpm,year")
    assert run_job(learn.JOB, "--output", tmp_path / "out", *clash) == 2
    errors = capsys.readouterr().err
    assert "--playlists FILE|FOLDER is missing" in errors
    assert "expected no recommend.features" in errors
    assert not (tmp_path / "out").exists()


def test_learned_without_a_version_names_the_job(spark, labeled, run_job, tmp_path, capsys):
    root = stored(spark, tmp_path / "out", labeled)
    assert run_job(recommend.JOB, "--output", root, *LEARNED) == 3
    assert "run learn_similarity.py --playlists FILE" in capsys.readouterr().err
    assert not (root / "similar_tracks").exists()


def test_function_of_the_front_door(labeled, by_valence):
    playlists = {str(start): by_valence.track_id[start : start + 10] for start in range(0, 150, 10)}
    audio = {"recommend": {"likeness": "audio"}}
    learned = segue.learn_similarity(labeled, playlists, settings=audio)
    assert learned.is_better and learned.n_playlists == 15
    assert max(learned.weights, key=learned.weights.get) == "valence"
    lists = segue.similar_tracks(labeled, settings=learned.settings)
    valence = by_valence.set_index("track_id").valence
    pairs = lists.selectExpr("track_id", "explode(similar.track_id) as other").toPandas()
    gap = (pairs.track_id.map(valence) - pairs.other.map(valence)).abs().mean()
    assert gap < valence.diff().mean() * 15
    with pytest.raises(SettingsError, match=r"segue.learn_similarity"):
        segue.similar_tracks(labeled, settings={"recommend": {"weights": "learned"}})
