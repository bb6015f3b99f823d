"""The whole pipeline on the file that the project starts from, against what scikit-learn found on it."""

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
    words = ["--input", str(real_data / "spotify_2000.csv"), "--output", str(out), "--set", "clustering.ks=2-15"]
    assert runner.execute(run_all.JOB, words, start=lambda _: spark) == 0
    return out


def table(root, name):
    return DeltaTable(str(root / name)).to_pandas()


def test_every_inertia_is_close_to_the_best_of_two_thousand_starts(root, real_data):
    reference = json.loads((real_data / "reference_spotify_2000.json").read_text("utf-8"))
    best = {row["k"]: row["inertia"] for row in reference["best_inertia_of_2000_starts"]}
    scores = table(root, "k_scores").set_index("k").inertia
    gaps = {k: scores[k] / best[k] - 1 for k in range(2, 16)}
    assert max(gaps.values()) < 0.007, gaps
    # two thousand starts are not the optimum, but far below it only a wrong sum could lie
    assert min(gaps.values()) > -1e-4, gaps


def test_the_chosen_k_is_what_the_rule_gives_on_the_stored_scores(root):
    scores = table(root, "k_scores")
    eligible = scores[scores.k >= 8].sort_values(["silhouette", "k"], ascending=[False, True])
    assert scores[scores.chosen].k.tolist() == [eligible.k.iloc[0]]


def test_its_silhouette_is_scikit_learns_on_the_stored_labels(root, real_data):
    labeled, scores = table(root, "labeled_tracks"), table(root, "k_scores")
    (path,) = (root / "models").glob("*/model.json")
    made = json.loads(path.read_text("utf-8"))
    reference = json.loads((real_data / "reference_spotify_2000.json").read_text("utf-8"))
    low, high = np.array(made["scaler"]["minimum"]), np.array(made["scaler"]["maximum"])
    # fractions here, percentages in the published file
    assert low == pytest.approx(np.array(reference["data_min"]) / [1, 1, 100, 100, 100, 100])
    scaled = (labeled[made["features"]].to_numpy() - low) / (high - low)
    wanted = silhouette_score(scaled, labeled.cluster, metric="sqeuclidean")
    assert scores[scores.chosen].silhouette.iloc[0] == pytest.approx(wanted, abs=1e-9)
    assert len(labeled) == 1994


def test_the_same_command_again_changes_nothing_but_runs(root, spark, real_data, run_job):
    def state():
        files = (path for path in root.rglob("*") if path.is_file() and "runs" not in path.parts)
        return {path: path.stat().st_mtime_ns for path in files}

    before = state()
    words = ["--input", real_data / "spotify_2000.csv", "--output", root, "--set", "clustering.ks=2-15"]
    assert run_job(run_all.JOB, *words) == 0
    assert state() == before
    assert len(table(root, "runs")) == 2
