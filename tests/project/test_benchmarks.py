"""The benchmarks run, at the smallest size, and what they work out is right."""

import json
import subprocess
import sys

import grid
import ingest
import layout
import numpy as np
import pipeline
import processes
import pytest
import quality
import scale
from common import FEATURES, inertia
from deltalake import write_deltalake
from pandas import DataFrame
from sklearn.cluster import KMeans


def told(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


@pytest.fixture
def quick(monkeypatch):
    """Warm nothing up, and take any numbers for tracks: to make synthetic ones takes longer than to cluster few."""

    def tracks(spark, n_tracks):
        made = DataFrame(np.random.default_rng(2).random((n_tracks, len(FEATURES))), columns=list(FEATURES))
        made["track_id"] = [f"id{i}" for i in range(n_tracks)]
        made["genre"] = "rock"
        return spark.createDataFrame(made).coalesce(2)

    monkeypatch.setattr("common.synthetic", tracks)
    monkeypatch.setattr("engines.warm", lambda task, names: None)


def test_inertia_is_scikit_learns_whatever_the_rows_in_a_chunk(monkeypatch):
    rows = np.random.default_rng(1).normal(size=(100, 3))
    model = KMeans(4, n_init=1, random_state=0).fit(rows)
    monkeypatch.setattr("common.ROWS_AT_ONCE", 7)
    assert inertia(rows, model.cluster_centers_) == pytest.approx(model.inertia_, rel=1e-12)


def test_the_grid_tells_every_engine_and_k_and_finds_what_was_planted(spark, quick, capsys):
    peers = ["pyspark.ml block", "scikit-learn"]
    words = ["--tracks", "1000", "--features", "3", "--ks", "2", "--seeds", "1", "--restarts", "2"]
    grid.work(spark, grid.options([*words, "--planted", "0.03", "--peers", ",".join(peers)]))
    lines = told(capsys)
    fits = [(line["engine"], line["k"]) for line in lines if line.get("k") and "inertia" in line]
    assert fits == [(engine, 2) for engine in ("segue", *peers)]
    *compared, planted = [line for line in lines if "summary" in line]
    assert [line["peer"] for line in compared] == peers
    assert [line["inertia_ratio_worst"] for line in compared] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert 15 < planted["planted"] < 50
    assert planted["right_ks"] == planted["alone_with_every_seed"]["segue"] == [2]
    assert planted["best_silhouette"] > 0.9


def test_the_quality_tells_gaps_and_picks(spark, quick, real_data, capsys):
    quality.work(spark, quality.options(["--data", str(real_data), "--ks", "8", "--seeds", "1"]))
    *_, summary = told(capsys)
    assert summary["picked"] == {"8": 1}
    # the best of 2,000 starts is not quite the best there is
    assert -0.01 < summary["median_gap_percent"]["segue"] < 2


def recorded(root, job, counts):
    row = {"job": [job], "started_at": [1], "counts": [json.dumps(counts)]}
    write_deltalake(str(root / "runs"), DataFrame(row), mode="append")


def test_the_pipeline_is_compared_with_the_empty_session(tmp_path, capsys):
    counts = {"ingest": {"seconds": 2.0}, "train": {"seconds": 3.0}, "label": {"seconds": 1.0}, "seconds": 7.0}

    def timed(command, log):
        if "jobs/run_pipeline.py" not in command:
            return 5.0
        recorded(tmp_path / "work" / command[command.index("--output") + 1], "run_pipeline", counts)
        return 12.0

    words = ["--input", str(tmp_path / "tracks.csv"), "--folder", str(tmp_path / "work"), "--repeats", "2"]
    pipeline.work(pipeline.options(words), timed)
    *runs, summary = told(capsys)
    assert [run["what"] for run in runs] == ["empty session", "pipeline"] * 2
    assert summary["times_the_peer"] == 2.4
    assert summary["inside"] == {
        "ingest": 2.0, "train": 3.0, "label": 1.0, "between stages": 1.0, "start and stop": 5.0,
    }  # fmt: skip


def test_growth_is_told_by_size_and_stage(tmp_path, capsys):
    def timed(command, log, every):
        stage = next((name for name in scale.STAGES if f"jobs/{name}.py" in command), None)
        if stage is None:
            return 1.0, {}
        root = command[command.index("--output") + 1]
        n_tracks = int(root.rpartition("/")[2])
        recorded(tmp_path / root, stage, {"seconds": n_tracks / 10})
        return n_tracks / 5, {"jvm": 100.0 + n_tracks}

    scale.work(scale.options(["--tracks", "100,300", "--folder", str(tmp_path)]), timed)
    *_, summary = told(capsys)
    wanted = {"tracks": 3.0, "seconds_after_start": 3.0, "peak jvm": 2.0}
    assert summary["times_the_smallest"]["train_clusters"]["300"] == wanted
    assert not (tmp_path / "300").exists()


def test_the_ingest_is_compared_with_a_plain_read_of_the_same_file(tmp_path, capsys):
    def timed(command, log, every):
        if any(word.endswith("make_csv.py") for word in command):
            (tmp_path / "work" / "20.csv").write_text("track_id\n" * 21)
            return 1.0, {}
        if "jobs/ingest_tracks.py" not in command:
            assert str(tmp_path / "work" / "20.csv") in command
            return 4.0, {"jvm": 10.0}
        root = tmp_path / "work" / command[command.index("--output") + 1]
        recorded(root, "ingest_tracks", {"ingest": {"read": 20}})
        return 10.0, {"jvm": 20.0}

    ingest.work(ingest.options(["--rows", "20", "--folder", str(tmp_path / "work")]), timed)
    *_, summary = told(capsys)
    assert summary["times"] == 2.5
    assert not (tmp_path / "work" / "20.csv").exists()


def test_layouts_are_compared_by_reads_and_by_a_night(spark, tmp_path, monkeypatch, capsys):
    rows = DataFrame({"track_id": [f"id{i:04}" for i in range(2000)]})
    rows = rows.assign(title="t", artist=[f"O'{i % 20}" for i in range(2000)], genre="rock", year=2000)
    rows = rows.assign(cluster=[i % 4 for i in range(2000)])
    monkeypatch.setattr(layout, "labeled", lambda spark, n_tracks: spark.createDataFrame(rows).repartition(2))
    kinds = ("partitioned by cluster", "liquid by cluster")
    monkeypatch.setattr(layout, "LAYOUTS", [one for one in layout.LAYOUTS if one.name in kinds])
    words = ["--tracks", "2000", "--repeats", "1", "--folder", str(tmp_path / "work")]
    layout.work(spark, layout.options(words))
    partitioned, liquid, _ = told(capsys)
    assert partitioned["files"] == 4
    assert partitioned["reads"]["one cluster"]["files"] == 1
    assert partitioned["reads"]["one artist"]["files"] == 4
    # so few rows become one file
    assert liquid["files"] == 1
    assert partitioned["night"]["bytes"] > 0
    assert liquid["night"]["bytes"] > 0


@pytest.mark.skipif(not processes.PROC.is_dir(), reason="no /proc")
def test_the_memory_of_a_child_of_a_child_is_seen():
    hungry = "x = bytearray(200_000_000); import time; time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hungry!r}])"
    with subprocess.Popen([sys.executable, "-c", parent]) as child:
        peaks = processes.watch(child, 0.1)
    assert 190 < peaks["python driver"] < 400
    assert peaks["python workers"] == 0
