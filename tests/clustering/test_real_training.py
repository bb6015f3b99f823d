"""Test the whole pipeline on the published file of 1,994 tracks against reference results of scikit-learn."""

import json

import numpy as np
import pytest
from deltalake import DeltaTable
from sklearn.metrics import silhouette_score

from segue.pipeline import run_all
from segue.runtime import runner


@pytest.fixture(scope="module")
def root(spark, real_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("spotify_2000")
    arguments = ["--input", str(real_data / "spotify_2000.csv"), "--output", str(out), "--set", "clustering.ks=2-15"]
    assert runner.execute(run_all.JOB, arguments, start=lambda _: spark) == 0
    return out


def read_table(root, name):
    return DeltaTable(str(root / name)).to_pandas()


def test_inertia_is_close_to_the_best_of_2000_starts(root, real_data):
    reference = json.loads((real_data / "reference_spotify_2000.json").read_text("utf-8"))
    best = {row["k"]: row["inertia"] for row in reference["best_inertia_of_2000_starts"]}
    scores = read_table(root, "k_scores").set_index("k").inertia
    excess = {k: scores[k] / best[k] - 1 for k in range(2, 16)}
    assert max(excess.values()) < 0.007, excess
    # the best of 2,000 starts may be slightly above the optimum; an inertia far below it would be a wrong sum
    assert min(excess.values()) > -1e-4, excess


def test_chosen_k_follows_the_rule_on_the_stored_scores(root):
    scores = read_table(root, "k_scores")
    eligible = scores[scores.k >= 8].sort_values(["silhouette", "k"], ascending=[False, True])
    assert scores[scores.chosen].k.tolist() == [eligible.k.iloc[0]]


def test_chosen_silhouette_equals_that_of_scikit_learn(root, real_data):
    labeled, scores = read_table(root, "labeled_tracks"), read_table(root, "k_scores")
    (path,) = (root / "models").glob("*/model.json")
    model = json.loads(path.read_text("utf-8"))
    reference = json.loads((real_data / "reference_spotify_2000.json").read_text("utf-8"))
    low, high = np.array(model["scaler"]["minimum"]), np.array(model["scaler"]["maximum"])
    # the published file has percentages, the tables have fractions
    assert low == pytest.approx(np.array(reference["data_min"]) / [1, 1, 100, 100, 100, 100])
    scaled = (labeled[model["features"]].to_numpy() - low) / (high - low)
    expected = silhouette_score(scaled, labeled.cluster, metric="sqeuclidean")
    assert scores[scores.chosen].silhouette.iloc[0] == pytest.approx(expected, abs=1e-9)
    assert len(labeled) == 1994


def test_rerun_writes_only_the_table_runs(root, spark, real_data, run_job):
    def state():
        files = (path for path in root.rglob("*") if path.is_file() and "runs" not in path.parts)
        return {path: path.stat().st_mtime_ns for path in files}

    before = state()
    arguments = ["--input", real_data / "spotify_2000.csv", "--output", root, "--set", "clustering.ks=2-15"]
    assert run_job(run_all.JOB, *arguments) == 0
    assert state() == before
    assert len(read_table(root, "runs")) == 2
