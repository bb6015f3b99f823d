"""``import segue`` as its users call it."""

import logging
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from chispa import assert_df_equality
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F
from sklearn import metrics

import segue
from segue import schema
from segue.errors import ClusteringError, InputError, SettingsError

HEADER = ["track_id", "track_name", "artist_name", "tempo", "loudness", "liveness", "valence", "acousticness"]
HEADER += ["speechiness", "energy", "danceability", "duration_ms", "popularity"]
QUICK = {"clustering": {"restarts": 2}, "selection": {"min_k": 2}}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The path of a CSV with 120 tracks around four centres, a row with a tempo out of range, and a duplicate row."""
    random = np.random.default_rng(7)
    centres = np.array([[70, -20, 0.1, 0.1, 0.9, 0.1], [170, -3, 0.3, 0.9, 0.1, 0.1]])
    centres = np.vstack([centres, [[70, -3, 0.9, 0.9, 0.9, 0.9], [170, -20, 0.9, 0.1, 0.1, 0.9]]])
    rows = []
    for number in range(120):
        bpm, loudness, *fractions = centres[number % 4] + random.normal(0, [3, 1, 0.02, 0.02, 0.02, 0.02])
        numbers = [bpm, loudness, *np.clip(fractions, 0, 1), 0.5, 0.5, 200_000 + number, number % 100]
        rows.append([f"id{number}", f"Song {number}", f"Artist {number}", *numbers])
    rows.append(["bad", "Too fast", "Artist", 999, *rows[0][4:]])
    rows.append(rows[5])
    file = tmp_path_factory.mktemp("api") / "catalogue.csv"
    pd.DataFrame(rows, columns=HEADER).to_csv(file, index=False)
    return str(file)


@pytest.fixture(scope="module")
def tracks(spark, path):
    rows, _ = segue.read_tracks(spark, path)
    yield rows.cache()
    rows.unpersist()


@pytest.fixture(scope="module")
def clusters(tracks):
    return segue.fit_clusters(tracks, ks=range(2, 7), settings=QUICK)


def test_reading_conserves_rows_and_writes_nothing(spark, path, tracks):
    _, rejected = segue.read_tracks(spark, path)
    assert tracks.columns == schema.TRACKS.names
    assert tracks.count() == 120
    reasons = {row.kind: row.reasons for row in rejected.collect()}
    assert reasons == {"invalid": ["bpm 999.0 outside [1, 300]"], "duplicate": ["duplicate of id5"]}


def test_clusters_are_those_that_were_planted(tracks, clusters):
    assert clusters.k == 4
    assert clusters.scores.k.tolist() == [2, 3, 4, 5, 6]
    assert clusters.scores[clusters.scores.chosen].k.tolist() == [4]
    assert clusters.profiles.n_tracks.tolist() == [30, 30, 30, 30]
    assert isinstance(clusters.pipeline, PipelineModel)
    labels = clusters.transform(tracks).select("track_id", "cluster").toPandas()
    planted = labels.track_id.str.removeprefix("id").astype(int) % 4
    assert metrics.adjusted_rand_score(planted, labels.cluster) == 1.0


def test_labels_are_those_of_the_pipeline(tracks, clusters):
    labeled = clusters.transform(tracks)
    assert labeled.columns == schema.LABELED_TRACKS.names
    by_pipeline = clusters.pipeline.transform(tracks).select("track_id", (F.col("prediction") + 1).alias("cluster"))
    assert_df_equality(labeled.select("track_id", "cluster"), by_pipeline, ignore_row_order=True, ignore_nullable=True)


def test_a_frame_with_ids_and_features_is_enough(spark, tracks, clusters):
    features = list(clusters.card.features)
    few = tracks.select("track_id", *features)
    again = segue.fit_clusters(few, ks="2-6", settings=QUICK)
    assert again.card.centres == clusters.card.centres
    assert again.transform(few.limit(1)).first().title == few.limit(1).first().track_id


def test_similar_tracks_are_the_nearest(tracks, clusters):
    names = ["bpm", "loudness", "energy"]
    settings = {"recommend": {"features": names, "per_artist": 0}}
    rows = segue.similar_tracks(clusters.transform(tracks), clusters=clusters, settings=settings).collect()
    assert len(rows) == 120
    values = tracks.select("track_id", *names).toPandas().set_index("track_id")
    scaled = (values - values.mean()) / values.std(ddof=0).replace(0, 1)
    distances = ((scaled - scaled.loc["id3"]) ** 2).sum(axis=1) ** 0.5
    nearest = distances.drop("id3").nsmallest(10).index.tolist()
    (row,) = [row for row in rows if row.track_id == "id3"]
    assert [near.track_id for near in row.similar] == nearest


def test_run_pipeline_writes_tables_and_report_and_returns_counts(spark, path, tmp_path):
    result = segue.run_pipeline(spark, path, str(tmp_path / "out"), settings={**QUICK, "clustering": {"ks": "2-5"}})
    assert result.counts["ingest"]["added"] == 120
    assert result.counts["train"]["chosen"] == result.card.k == 4
    assert (tmp_path / "out" / "report.html").exists()
    again = segue.run_pipeline(spark, path, str(tmp_path / "out"), settings={**QUICK, "clustering": {"ks": "2-5"}})
    assert "train" not in again.counts
    assert {again.counts["label"][name] for name in ("added", "updated", "removed")} == {0}
    assert segue.Store(spark, str(tmp_path / "out")).read("labeled_tracks").count() == 120
    assert len(segue.lookup.similar(str(tmp_path / "out"), "Song 3 - Artist 3").similar) == 10


def test_nothing_stays_cached_and_the_process_is_as_before(spark, path, tmp_path):
    spark.catalog.clearCache()
    process = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    handlers = list(logging.getLogger().handlers)
    before = set(spark.sparkContext._jsc.getPersistentRDDs())
    rows, _ = segue.read_tracks(spark, path)
    labeled = segue.fit_clusters(rows, ks=[2, 3], settings=QUICK).transform(rows)
    segue.similar_tracks(labeled).count()
    segue.run_pipeline(spark, path, str(tmp_path / "out"), settings={**QUICK, "clustering": {"ks": "2-3"}})
    left = spark.sparkContext._jsc.getPersistentRDDs()
    names = [left[key].toString() for key in set(left) - before]
    # Delta itself caches the state of a table's log
    assert [name for name in names if not name.startswith("Delta Table State")] == []
    # a session that segue did not start is not stopped: on a platform, notebooks share it
    assert not spark.sparkContext._jsc.sc().isStopped()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == process
    assert logging.getLogger().handlers == handlers


def test_wrong_calls_raise_errors_of_segue(spark, tracks, path):
    with pytest.raises(SettingsError, match=r"unknown setting clustering.restart, .*; clustering.ks is \[1\]"):
        segue.fit_clusters(tracks, ks=[1], settings={"clustering": {"restart": 3}})
    with pytest.raises(SettingsError, match=r"ingest\.source is 'nosuch'"):
        segue.run_pipeline(spark, path, f"{path}.out", settings={"ingest": {"source": "nosuch"}})
    with pytest.raises(SettingsError, match="unknown setting clustering"):
        segue.fit_clusters(tracks, settings={"clustering": 5})
    with pytest.raises(ClusteringError, match="120 lack instrumentalness"):
        segue.fit_clusters(tracks, settings={"features": {"columns": ["instrumentalness", "bpm"]}})
    with pytest.raises(InputError, match="expected track_id among them"):
        segue.fit_clusters(tracks.drop("track_id"))
    with pytest.raises(InputError):
        segue.read_tracks(spark, f"{path}.none")


def test_import_needs_neither_spark_nor_pandas():
    code = "import segue, sys; dir(segue); print({'pyspark', 'pandas', 'pydantic', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_every_public_name_exists():
    assert all(getattr(segue, name) is not None for name in segue.__all__)
    assert set(segue.__all__) <= set(dir(segue))
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = segue.nosuch
