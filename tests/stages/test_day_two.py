"""New files arrive: each counts once, only what is new is labeled, and what is gone leaves every table."""

import json
import os

import pytest
from deltalake import DeltaTable
from tests.catalogue import as_csv, track

from segue import job, schema
from segue.stages import due, ingest, label, playlist, train
from segue.tables import Store

QUICK = ["--set", "clustering.ks=2-3", "--set", "clustering.restarts=1", "--set", "selection.fewest=2"]
FIRST = [track(n, artists=f"A{n}", valence=f"0.{n}1") for n in range(8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which files arrive."""
    made = tmp_path_factory.mktemp("day_two")
    (made / "in").mkdir()
    return made


@pytest.fixture(scope="module")
def day(spark, folder):
    """Run jobs over the folder, as every night does."""

    def run(*jobs, more=()):
        for entry in jobs:
            own = ["--input", str(folder / "in")] if entry.takes_input else []
            words = ["--output", str(folder / "out"), *own, *QUICK, *more]
            assert job.execute(entry, words, start=lambda _: spark) == 0

    return run


def arrive(folder, name, rows):
    (folder / "in" / name).write_text(as_csv(rows), "utf-8")


def table(folder, name):
    return DeltaTable(str(folder / "out" / name))


def rows(folder, name):
    return table(folder, name).to_pandas()


def counts(folder, stage):
    runs = rows(folder, "runs").sort_values("started_at")
    return json.loads(runs.counts.iloc[-1])[stage]


def data_files(folder, name):
    return {path.name for path in (folder / "out" / name).glob("*.parquet")}


# The tests of this module are one story, in this order.


def test_on_day_one_every_file_is_entered(folder, day):
    arrive(folder, "one.csv", FIRST)
    day(ingest.JOB, train.JOB, label.JOB)
    (entered,) = rows(folder, "ingested_files").to_dict("records")
    path = folder / "in" / "one.csv"
    assert (entered["source_file"], entered["size"]) == ("one.csv", path.stat().st_size)
    assert entered["uri"].endswith("/in/one.csv")
    assert abs(entered["modified_at"].timestamp() - path.stat().st_mtime) < 0.002
    assert len(rows(folder, "labeled_tracks")) == 8


def test_a_new_file_alone_is_read_and_its_tracks_alone_are_labeled(folder, day, monkeypatch):
    arrive(folder, "two.csv", [track(n, artists=f"A{n}") for n in (20, 21)])
    before = data_files(folder, "labeled_tracks")
    # whatever compares all tracks with all labels is not needed
    monkeypatch.setattr(due, "_not_labeled", None)
    monkeypatch.setattr(due, "_is_outdated", None)
    day(ingest.JOB)
    assert {name: counts(folder, "ingest")[name] for name in ("read", "added", "known_files")} == {
        "read": 2,
        "added": 2,
        "known_files": 1,
    }
    day(label.JOB)
    assert [counts(folder, "label")[name] for name in ("added", "updated", "removed")] == [2, 0, 0]
    (newest,) = table(folder, "labeled_tracks").history(1)
    assert newest["operation"] == "WRITE"  # added to what is there, of which no file was read or written
    assert before < data_files(folder, "labeled_tracks")
    assert len(rows(folder, "labeled_tracks")) == 10


def test_nothing_new_writes_nothing(folder, day):
    names = ("tracks", "rejected_tracks", "ingested_files", "labeled_tracks", "cluster_profiles", "k_scores")
    before = {name: table(folder, name).version() for name in names}
    day(ingest.JOB, label.JOB, label.JOB)
    assert {name: table(folder, name).version() for name in names} == before
    assert counts(folder, "label")["added"] == 0


def test_a_file_that_has_changed_is_read_again(folder, day):
    arrive(folder, "two.csv", [track(20, artists="A20", tempo="200"), track(21, artists="A21")])
    day(ingest.JOB, label.JOB)
    found = rows(folder, "labeled_tracks").set_index("track_id")
    assert found.bpm["id20x"] == 200.0
    assert [counts(folder, "label")[name] for name in ("added", "updated", "removed")] == [0, 1, 0]
    assert len(rows(folder, "ingested_files")) == 2


def test_the_same_bytes_at_another_time_are_read_and_change_nothing(folder, day):
    os.utime(folder / "in" / "one.csv", (1_000_000_000, 1_000_000_000))
    before = table(folder, "tracks").version()
    day(ingest.JOB)
    assert (counts(folder, "ingest")["unchanged"], table(folder, "tracks").version()) == (8, before)


def test_other_rules_of_reading_read_everything_again(folder, day):
    day(ingest.JOB, more=("--set", "features.missing=median"))
    assert (counts(folder, "ingest")["known_files"], counts(folder, "ingest")["unchanged"]) == (0, 10)
    day(ingest.JOB)


def test_a_run_that_died_before_the_ledger_reads_the_file_again_and_adds_nothing_twice(folder, day, monkeypatch):
    arrive(folder, "three.csv", [track(30, artists="A30")])

    def die(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(ingest.ledger, "enter", die)
        with pytest.raises(SystemExit):
            day(ingest.JOB)
    assert len(rows(folder, "tracks")) == 11
    day(ingest.JOB, label.JOB)
    assert counts(folder, "label")["added"] == 1
    assert len(rows(folder, "tracks")) == len(rows(folder, "labeled_tracks")) == 11


def test_a_snapshot_removes_what_is_gone_from_every_table(folder, day, spark):
    seeds = folder / "seeds.txt"
    seeds.write_text("id0x\nid30x\n", "utf-8")
    day(playlist.JOB, more=("--seeds", str(seeds)))
    day(playlist.JOB)
    assert "id20x" in set(rows(folder, "playlist_recommendations").track_id)
    for name in ("two.csv", "three.csv"):
        (folder / "in" / name).unlink()
    day(ingest.JOB, label.JOB, playlist.JOB, more=("--set", "ingest.mode=snapshot"))
    gone = {"id20x", "id21x", "id30x"}
    for name in ("tracks", "labeled_tracks", "similar_tracks", "playlist_recommendations"):
        assert gone & set(rows(folder, name).track_id) == set(), name
    named = {other["track_id"] for similar in rows(folder, "similar_tracks").similar for other in similar}
    because = {seed["track_id"] for seeds in rows(folder, "playlist_recommendations").because_of for seed in seeds}
    assert gone & (named | because) == set()
    assert because == {"id0x"}
    assert len(rows(folder, "labeled_tracks")) == 8
    assert rows(folder, "ingested_files").source_file.tolist() == ["one.csv"]


def test_changes_are_not_believed_of_another_table_of_that_name(folder, day, spark):
    store = Store(spark, str(folder / "out"))
    store.read(schema.TRACKS)
    store.find(schema.LABELED_TRACKS)
    told = store.made_from(schema.LABELED_TRACKS)
    assert told["tracks"] == store.identity(schema.TRACKS)
    assert told["version"] == store.seen["tracks"]
