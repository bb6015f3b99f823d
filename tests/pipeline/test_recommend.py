"""The table similar_tracks: its content, when it is computed again, and refused input."""

import json
import shutil

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F
from tests.pipeline.labeled import labeled_tracks, stored

from segue import schema
from segue.pipeline import recommend, similarity_inputs
from segue.runtime import runner
from segue.settings import RecommendSettings
from segue.storage.store import Store

NAME = schema.SIMILAR_TRACKS.name


@pytest.fixture(scope="module")
def labeled(spark):
    return labeled_tracks(spark)


@pytest.fixture(scope="module")
def recommended(spark, labeled, tmp_path_factory):
    """Return a folder with labeled_tracks and similar_tracks, which no test may change."""
    root = stored(spark, tmp_path_factory.mktemp("recommended") / "out", labeled)
    assert runner.execute(recommend.JOB, ["--output", str(root)], start=lambda _: spark) == 0
    return root


@pytest.fixture
def copied(recommended, tmp_path):
    return shutil.copytree(recommended, tmp_path / "out")


def read_table(root, name=NAME):
    return DeltaTable(str(root / name)).to_pandas()


def similar_by_id(root):
    rows = DeltaTable(str(root / NAME)).to_pyarrow_table(columns=["track_id", "similar"]).to_pylist()
    return {row["track_id"]: row["similar"] for row in rows}


def version(root):
    return DeltaTable(str(root / NAME)).version()


def test_every_track_has_a_list_with_its_origin(recommended):
    lists, tracks = read_table(recommended), read_table(recommended, "labeled_tracks").set_index("track_id")
    assert sorted(lists.track_id) == sorted(tracks.index)
    assert set(lists.model_version) == {"m1"}
    assert set(lists.tracks_version) == {DeltaTable(str(recommended / "labeled_tracks")).version()}
    assert lists.made_from.nunique() == 1
    assert {len(similar) for similar in lists.similar} == {10}
    for row in lists.itertuples():
        distances = [neighbour["distance"] for neighbour in row.similar]
        assert distances == sorted(distances)
        assert row.track_id not in [neighbour["track_id"] for neighbour in row.similar]
        for neighbour in row.similar:
            same_cluster = tracks.cluster[neighbour["track_id"]] == tracks.cluster[row.track_id]
            assert neighbour["same_cluster"] == same_cluster
            assert 2 <= len(neighbour["why"]) <= 3


def test_rerun_by_any_method_changes_nothing(run_job, copied):
    before = version(copied)
    for method in ("auto", "cells"):
        assert run_job(recommend.JOB, "--output", copied, "--set", f"recommend.method={method}") == 0
    assert version(copied) == before
    runs = read_table(copied, "runs").sort_values("started_at")
    counts = [json.loads(text)["recommend"]["tracks"] for text in runs.counts]
    assert counts == [150, 0, 0]
    assert json.loads(runs.input.iloc[-1]) == {"labeled_tracks": 0, "model_version": "m1"}


@pytest.mark.guard("unchanged-lists-get-new-version")
def test_irrelevant_changes_update_only_tracks_version(spark, run_job, labeled, copied):
    before, lists = read_table(copied).set_index("track_id"), similar_by_id(copied)
    Store(spark, str(copied)).sync(
        schema.LABELED_TRACKS, labeled.withColumn("album", F.lit("The Best")), remove_missing=True
    )
    now = DeltaTable(str(copied / "labeled_tracks")).version()
    assert now > before.tracks_version.iloc[0]
    assert run_job(recommend.JOB, "--output", copied) == 0
    after = read_table(copied).set_index("track_id").loc[before.index]
    assert set(after.tracks_version) == {now}
    assert after.made_from.equals(before.made_from)
    assert similar_by_id(copied) == lists
    written = version(copied)
    assert run_job(recommend.JOB, "--output", copied) == 0
    assert version(copied) == written


def test_changed_tracks_or_settings_replace_the_lists(spark, run_job, labeled, copied):
    stored(spark, copied, labeled.where(F.col("track_id") != labeled.first().track_id))
    for number, options in ((1, []), (2, ["--set", "recommend.per_artist=1"])):
        assert run_job(recommend.JOB, "--output", copied, *options) == 0
        assert version(copied) == number
        assert len(read_table(copied)) == 149
    assert run_job(recommend.JOB, "--output", copied, *options) == 0
    assert version(copied) == number


def test_lists_of_the_former_rules_are_replaced_once(spark, run_job, labeled, copied, caplog):
    nine = RecommendSettings(likeness="nine")
    model_version, _, content = similarity_inputs.fingerprint(labeled, nine)
    former = similarity_inputs.inputs_hash(content, model_version, nine, {}, "0.1.0")
    lists = similar_by_id(copied)
    store = Store(spark, str(copied))
    empty = store.read(schema.SIMILAR_TRACKS).withColumns(
        {"made_from": F.lit(former), "similar": F.slice("similar", 1, 2)}
    )
    store.replace(schema.SIMILAR_TRACKS, empty)
    caplog.clear()
    for repeats in (1, 0):
        assert run_job(recommend.JOB, "--output", copied) == 0
        assert (
            caplog.text.count("rules or defaults of similarity are new; all lists are computed again, once") == repeats
        )
        assert similar_by_id(copied) == lists
        caplog.clear()


def test_a_catalogue_with_too_few_artists_gets_full_lists_and_a_log_line(spark, run_job, labeled, tmp_path, caplog):
    root = stored(spark, tmp_path / "out", labeled.limit(40).withColumn("artist", F.lit("The Only One")))
    assert run_job(recommend.JOB, "--output", root) == 0
    assert {len(similar) for similar in similar_by_id(root).values()} == {10}
    assert "too few artists for recommend.per_artist = 2: 40 of 40 lists have more tracks by one artist" in caplog.text
    (tmp_path / "mine.txt").write_text(str(labeled.first().title), "utf-8")
    assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt") == 0
    assert "too few artists near the seeds for 30 tracks with recommend.per_artist = 2" in caplog.text


@pytest.mark.guard("nine-keeps-lists", "default-keeps-lists")
def test_the_likeness_nine_has_the_hash_of_segue_0_2():
    content = {"rows": 2, "total": "5", "parity": 1}
    # as the code before the setting recommend.likeness computed it
    nine = RecommendSettings(likeness="nine")
    assert similarity_inputs.inputs_hash(content, "m1", nine, {"bpm": 1.5}) == "84c56b517c44c89d"


def test_origin_depends_on_exactly_what_determines_the_lists(labeled):
    def origin(frame, imputed=(), **settings):
        chosen = RecommendSettings(**settings)
        model_version, _, content = similarity_inputs.fingerprint(frame, chosen)
        return similarity_inputs.inputs_hash(content, model_version, chosen, dict(imputed))

    usual = origin(labeled)
    same = [
        origin(labeled.repartition(3, "title")),
        origin(labeled.withColumn("album", F.lit("The Best"))),
        origin(labeled, method="cells"),
        origin(labeled, order="segue"),
        origin(labeled.withColumn("key", F.lit(3))),
        origin(labeled.withColumn("isrc", F.lit(None).cast("string"))),
    ]
    assert set(same) == {usual}
    others = [
        origin(labeled.withColumn("model_version", F.lit("m2"))),
        origin(labeled.withColumn("bpm", F.col("bpm") / 2 + 1)),
        origin(labeled.withColumn("artist", F.lit("A"))),
        origin(labeled.withColumn("isrc", F.lit("GBAYE6900531"))),
        origin(labeled, per_artist=1),
        origin(labeled, imputed=[("bpm", 100.0)]),
        origin(labeled, likeness="audio"),
        origin(labeled, likeness="nine"),
        origin(labeled, weights={"year": 2.0}),
        origin(labeled, harmonic=True),
        origin(labeled.withColumn("key", F.lit(3)), harmonic=True),
    ]
    assert len({usual, *others}) == 12


def test_feature_without_values_is_omitted(spark, run_job, labeled, tmp_path, caplog):
    without_energy = labeled.withColumn("energy", F.lit(None).cast("double"))
    root = stored(spark, tmp_path / "out", without_energy)
    assert run_job(recommend.JOB, "--output", root) == 0
    assert "no track has a value for energy" in caplog.text
    reasons = {name for similar in read_table(root).similar for neighbour in similar for name in neighbour["why"]}
    assert "energy" not in reasons
    assert len(reasons) > 3


def test_missing_or_empty_table_is_refused(spark, run_job, labeled, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run_job(recommend.JOB, "--output", tmp_path / "empty") == 3
    assert "no table labeled_tracks; label_tracks.py writes it" in capsys.readouterr().err
    root = stored(spark, tmp_path / "none", labeled.limit(0))
    assert run_job(recommend.JOB, "--output", root) == 3
    assert "no track" in capsys.readouterr().err
    assert not (root / NAME).exists()
