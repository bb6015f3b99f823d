"""Similar tracks as a table: what it says, when it is remade, what is refused."""

import json
import shutil

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F
from tests.pipeline.labeled import labeled_tracks, stored

from segue import schema
from segue.pipeline import recommend
from segue.runtime import runner
from segue.settings import RecommendSettings
from segue.storage.store import Store

NAME = schema.SIMILAR_TRACKS.name


@pytest.fixture(scope="module")
def labeled(spark):
    return labeled_tracks(spark)


@pytest.fixture(scope="module")
def recommended(spark, labeled, tmp_path_factory):
    """A root with labels and lists; read only."""
    root = stored(spark, tmp_path_factory.mktemp("recommended") / "out", labeled)
    assert runner.execute(recommend.JOB, ["--output", str(root)], start=lambda _: spark) == 0
    return root


@pytest.fixture
def copied(recommended, tmp_path):
    return shutil.copytree(recommended, tmp_path / "out")


def table(root, name=NAME):
    return DeltaTable(str(root / name)).to_pandas()


def similar(root):
    rows = DeltaTable(str(root / NAME)).to_pyarrow_table(columns=["track_id", "similar"]).to_pylist()
    return {row["track_id"]: row["similar"] for row in rows}


def version(root):
    return DeltaTable(str(root / NAME)).version()


def test_every_track_has_its_list_and_it_says_what_it_was_made_from(recommended):
    lists, tracks = table(recommended), table(recommended, "labeled_tracks").set_index("track_id")
    assert sorted(lists.track_id) == sorted(tracks.index)
    assert set(lists.model_version) == {"m1"}
    assert set(lists.tracks_version) == {DeltaTable(str(recommended / "labeled_tracks")).version()}
    assert lists.made_from.nunique() == 1
    assert {len(similar) for similar in lists.similar} == {10}
    for row in lists.itertuples():
        distances = [near["distance"] for near in row.similar]
        assert distances == sorted(distances)
        assert row.track_id not in [near["track_id"] for near in row.similar]
        for near in row.similar:
            assert near["same_cluster"] == (tracks.cluster[near["track_id"]] == tracks.cluster[row.track_id])
            assert 2 <= len(near["why"]) <= 3


def test_a_rerun_changes_nothing_whatever_the_method(run_job, copied):
    before = version(copied)
    for method in ("auto", "cells"):
        assert run_job(recommend.JOB, "--output", copied, "--set", f"recommend.method={method}") == 0
    assert version(copied) == before
    runs = table(copied, "runs").sort_values("started_at")
    counts = [json.loads(text)["recommend"]["tracks"] for text in runs.counts]
    assert counts == [150, 0, 0]
    assert json.loads(runs.input.iloc[-1]) == {"labeled_tracks": 0, "model_version": "m1"}


@pytest.mark.guard("unchanged-lists-get-new-version")
def test_what_decides_nothing_leaves_the_lists_and_has_them_say_that_they_are_right(spark, run_job, labeled, copied):
    before, lists = table(copied).set_index("track_id"), similar(copied)
    Store(spark, str(copied)).sync(
        schema.LABELED_TRACKS, labeled.withColumn("album", F.lit("The Best")), remove_missing=True
    )
    now = DeltaTable(str(copied / "labeled_tracks")).version()
    assert now > before.tracks_version.iloc[0]
    assert run_job(recommend.JOB, "--output", copied) == 0
    after = table(copied).set_index("track_id").loc[before.index]
    assert set(after.tracks_version) == {now}
    assert after.made_from.equals(before.made_from)
    assert similar(copied) == lists
    written = version(copied)
    assert run_job(recommend.JOB, "--output", copied) == 0
    assert version(copied) == written


def test_other_tracks_and_other_settings_remake_the_lists(spark, run_job, labeled, copied):
    gone = labeled.where(F.col("track_id") != labeled.first().track_id)
    stored(spark, copied, gone)
    for number, options in ((1, []), (2, ["--set", "recommend.per_artist=1"])):
        assert run_job(recommend.JOB, "--output", copied, *options) == 0
        assert version(copied) == number
        assert len(table(copied)) == 149
    assert run_job(recommend.JOB, "--output", copied, *options) == 0
    assert version(copied) == number


def test_what_decides_the_lists_is_part_of_their_origin_and_nothing_else_is(labeled):
    def origin(frame, imputed=(), **settings):
        model_version, _, content = recommend.fingerprint(frame)
        chosen = RecommendSettings(**settings)
        return recommend.inputs_hash(content, model_version, chosen, dict(imputed))

    usual = origin(labeled)
    same = [
        origin(labeled.repartition(3, "title")),
        origin(labeled.withColumn("album", F.lit("The Best"))),
        origin(labeled, method="cells"),
    ]
    assert set(same) == {usual}
    others = [
        origin(labeled.withColumn("model_version", F.lit("m2"))),
        origin(labeled.withColumn("bpm", F.col("bpm") / 2 + 1)),
        origin(labeled.withColumn("artist", F.lit("A"))),
        origin(labeled, per_artist=1),
        origin(labeled, imputed=[("bpm", 100.0)]),
    ]
    assert len({usual, *others}) == 6


def test_a_feature_that_the_source_lacks_is_left_out(spark, run_job, labeled, tmp_path, caplog):
    silent = labeled.withColumn("energy", F.lit(None).cast("double"))
    root = stored(spark, tmp_path / "out", silent)
    assert run_job(recommend.JOB, "--output", root) == 0
    assert "no track has energy" in caplog.text
    whys = {name for similar in table(root).similar for near in similar for name in near["why"]}
    assert "energy" not in whys
    assert len(whys) > 3


def test_what_cannot_be_used_is_refused_in_one_line(spark, run_job, labeled, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run_job(recommend.JOB, "--output", tmp_path / "empty") == 3
    assert "no table labeled_tracks; label_tracks.py writes it" in capsys.readouterr().err
    root = stored(spark, tmp_path / "none", labeled.limit(0))
    assert run_job(recommend.JOB, "--output", root) == 3
    assert "no track" in capsys.readouterr().err
    assert not (root / NAME).exists()
