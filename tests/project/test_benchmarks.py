"""The benchmarks run at their smallest size, and compute the right figures."""

import json
import subprocess
import sys

import genres
import grid
import ingest
import layout
import numpy as np
import pandas as pd
import pipeline
import playlists
import processes
import pytest
import quality
import scale
from common import FEATURES, inertia
from deltalake import write_deltalake
from sklearn.cluster import KMeans


@pytest.fixture
def printed_lines(capsys):
    """Return a function that returns the JSON lines printed so far."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def random_tracks(spark, n_tracks):
    tracks = pd.DataFrame(np.random.default_rng(2).random((n_tracks, len(FEATURES))), columns=list(FEATURES))
    tracks["track_id"] = [f"id{i}" for i in range(n_tracks)]
    tracks["genre"] = "rock"
    return spark.createDataFrame(tracks).coalesce(2)


def no_warm_up(task, names):
    pass


def write_run(root, job, counts):
    """Append a run of a job to a table ``runs``."""
    run = pd.DataFrame({"job": [job], "started_at": [1], "counts": [json.dumps(counts)]})
    write_deltalake(str(root / "runs"), run, mode="append")


def test_inertia_equals_scikit_learn_with_any_chunk_size():
    rows = np.random.default_rng(1).normal(size=(100, 3))
    model = KMeans(4, n_init=1, random_state=0).fit(rows)
    assert inertia(rows, model.cluster_centers_, chunk_rows=7) == pytest.approx(model.inertia_, rel=1e-12)


def test_grid_writes_every_fit_and_isolates_planted_tracks(spark, printed_lines):
    peers = ["pyspark.ml block", "scikit-learn"]
    words = ["--tracks", "1000", "--features", "3", "--ks", "2", "--seeds", "1", "--restarts", "2"]
    args = grid.parse_args([*words, "--planted", "0.03", "--peers", ",".join(peers)])
    grid.run(spark, args, catalogue=random_tracks, warm_up=no_warm_up)
    lines = printed_lines()
    fits = [(line["engine"], line["k"]) for line in lines if line.get("k") and "inertia" in line]
    assert fits == [(engine, 2) for engine in ("segue", *peers)]
    *compared, planted = [line for line in lines if "summary" in line]
    assert [line["peer"] for line in compared] == peers
    assert [line["inertia_ratio_worst"] for line in compared] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert 15 < planted["planted"] < 50
    assert planted["right_ks"] == planted["alone_with_every_seed"]["segue"] == [2]
    assert planted["best_silhouette"] > 0.9


def test_quality_writes_gaps_and_picked_k(spark, real_data, printed_lines):
    args = quality.parse_args(["--data", str(real_data), "--ks", "8", "--seeds", "1"])
    quality.run(spark, args, warm_up=no_warm_up)
    *_, summary = printed_lines()
    assert summary["picked"] == {"8": 1}
    # the reference is the best of 2,000 starts, which need not be the optimum
    assert -0.01 < summary["median_gap_percent"]["segue"] < 2


def test_genres_finds_genres_that_one_feature_decides(spark, tmp_path, printed_lines):
    rng = np.random.default_rng(3)
    tracks = pd.DataFrame(rng.random((160, 4)), columns=["liveness", "acousticness", "speechiness", "energy"])
    is_rock = rng.random(160) > 0.5
    tracks["valence"] = np.where(is_rock, 0.8, 0.2) + rng.normal(0, 0.01, 160)
    tracks["genre"] = np.where(is_rock, "rock", "pop")
    names = [f"name {n}" for n in tracks.index]
    tracks = tracks.assign(title=names, artist=names, bpm=60 + tracks.index, loudness=-20 * rng.random(160))
    tracks.to_csv(tmp_path / "few.csv", index=False)
    genres.run(spark, genres.parse_args(["--data", str(tmp_path), "--files", "few.csv:2", "--recipes", "guided"]))
    (line,) = printed_lines()
    assert (line["tracks"], line["recipe"], line["supervised"], line["coordinates"]) == (160, "guided", True, 1)
    assert (line["k"], line["nmi"]) == (2, 1.0)
    assert line["chosen_k"] >= 8
    assert 0 < line["chosen_nmi"] < 1


def test_pipeline_seconds_are_split_and_compared(tmp_path, printed_lines):
    counts = {"ingest": {"seconds": 2.0}, "train": {"seconds": 3.0}, "label": {"seconds": 1.0}, "seconds": 7.0}

    def run_command(command, log):
        if "jobs/run_pipeline.py" not in command:
            return 5.0
        write_run(tmp_path / "work" / command[command.index("--output") + 1], "run_pipeline", counts)
        return 12.0

    words = ["--input", str(tmp_path / "tracks.csv"), "--folder", str(tmp_path / "work"), "--repeats", "2"]
    pipeline.run(pipeline.parse_args(words), run_command)
    *runs, summary = printed_lines()
    assert [run["what"] for run in runs] == ["empty session", "pipeline"] * 2
    assert summary["times_the_peer"] == 2.4
    assert summary["inside"] == {
        "ingest": 2.0, "train": 3.0, "label": 1.0, "between stages": 1.0, "start and stop": 5.0,
    }  # fmt: skip


def test_scale_writes_growth_by_size_and_stage(tmp_path, printed_lines):
    def run_command(command, log, every):
        stage = next((name for name in scale.STAGES if f"jobs/{name}.py" in command), None)
        if stage is None:
            return 1.0, {}
        root = command[command.index("--output") + 1]
        n_tracks = int(root.rpartition("/")[2])
        write_run(tmp_path / root, stage, {"seconds": n_tracks / 10})
        return n_tracks / 5, {"jvm": 100.0 + n_tracks}

    scale.run(scale.parse_args(["--tracks", "100,300", "--folder", str(tmp_path)]), run_command)
    *_, summary = printed_lines()
    expected = {"tracks": 3.0, "seconds_after_start": 3.0, "peak jvm": 2.0}
    assert summary["times_the_smallest"]["train_clusters"]["300"] == expected
    assert not (tmp_path / "300").exists()


def test_ingest_is_compared_with_plain_read_of_same_file(tmp_path, printed_lines):
    def run_command(command, log, every):
        if any(word.endswith("make_input.py") for word in command):
            (tmp_path / "work" / "20.csv").write_text("track_id\n" * 21)
            return 1.0, {}
        if "jobs/ingest_tracks.py" not in command:
            assert str(tmp_path / "work" / "20.csv") in command
            return 4.0, {"jvm": 10.0}
        root = tmp_path / "work" / command[command.index("--output") + 1]
        write_run(root, "ingest_tracks", {"ingest": {"read": 20}})
        return 10.0, {"jvm": 20.0}

    ingest.run(ingest.parse_args(["--rows", "20", "--folder", str(tmp_path / "work")]), run_command)
    *_, summary = printed_lines()
    assert summary["times"] == 2.5
    assert not (tmp_path / "work" / "20.csv").exists()


def test_layouts_are_compared_by_reads_and_update(spark, tmp_path, printed_lines):
    rows = pd.DataFrame({"track_id": [f"id{i:04}" for i in range(2000)]})
    rows = rows.assign(title="t", artist=[f"O'{i % 20}" for i in range(2000)], genre="rock", year=2000)
    rows = rows.assign(cluster=[i % 4 for i in range(2000)])
    names = ("partitioned by cluster", "liquid by cluster")
    layout.run(
        spark,
        layout.parse_args(["--tracks", "2000", "--repeats", "1", "--folder", str(tmp_path / "work")]),
        layouts=[each for each in layout.LAYOUTS if each.name in names],
        catalogue=lambda spark, n_tracks: spark.createDataFrame(rows).repartition(2),
    )
    partitioned, liquid, _ = printed_lines()
    assert partitioned["files"] == 4
    assert partitioned["reads"]["one cluster"]["files"] == 1
    assert partitioned["reads"]["one artist"]["files"] == 4
    # so few rows are compacted into one file
    assert liquid["files"] == 1
    assert partitioned["update"]["bytes"] > 0
    assert liquid["update"]["bytes"] > 0


@pytest.mark.skipif(not processes.PROC.is_dir(), reason="no /proc")
def test_memory_includes_descendants():
    allocate = "x = bytearray(200_000_000); import time; time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {allocate!r}])"
    with subprocess.Popen([sys.executable, "-c", parent]) as child:
        peaks = processes.peak_memory(child, 0.1)
    assert 190 < peaks["python driver"] < 400
    assert peaks["python workers"] == 0


def test_playlists_measures_learned_weights_on_playlists_held_out(tmp_path, printed_lines, monkeypatch):
    # playlists are of consecutive tempos
    rng = np.random.default_rng(3)
    names = ["danceability", "energy", "speechiness", "acousticness", "instrumentalness", "liveness", "valence"]
    rows = pd.DataFrame(rng.random((360, 7)), columns=names)
    rows["tempo"] = np.linspace(60, 200, 360)
    rows["playlist_id"] = np.arange(360) // 12
    rows["loudness"], rows["duration_ms"] = rng.normal(-8, 3, 360), rng.normal(200_000, 20_000, 360)
    rows["track_popularity"] = rng.integers(0, 100, 360)
    rows["track_album_release_date"] = [f"{year}-01-01" for year in rng.integers(1960, 2020, 360)]
    for name in ("track_id", "track_name", "track_artist"):
        rows[name] = [f"{name} {number}" for number in range(360)]
    rows.to_csv(tmp_path / "songs.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["playlists.py", str(tmp_path / "songs.csv"), "--learned"])
    playlists.main()
    lines = printed_lines()
    assert [line.get("split") for line in lines[:6]] == [1, 2, 3, 4, 5, None]
    for line in lines[:5]:
        assert max(line["weights"], key=line["weights"].get) == "bpm"
        assert line["learned"] > 2 * line["era"]
    over = {(line["likeness"], line["over"]): line for line in lines[5:]}
    # every split holds out six playlists of twelve tracks
    shares = np.mean([line["learned"] for line in lines[:5]])
    assert over["learned", "era"]["share"]["value"] == pytest.approx(shares, abs=1e-4)
    assert over["learned", "era"]["gain"]["low"] > 0
    assert over["era", "era"]["ratio"] == 1
