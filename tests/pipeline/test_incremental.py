"""New files arrive: each counts once, only what is new is labeled, and what is gone leaves every table."""

import json
import os
import shutil

import pytest
from deltalake import DeltaTable
from tests.helpers.small_files import as_csv, track

from segue.pipeline import ingest, label, recommend, run_all, train
from segue.runtime import runner

pytestmark = pytest.mark.guard(
    "known-files-not-read-again",
    "read-files-recorded",
    "files-recorded-after-rows",
    "changed-file-read-again",
    "redacted-names-stay-distinct",
    "corrected-rejections-removed",
    "empty-file-accepted",
    "only-changed-tracks-labeled",
    "changes-require-same-table",
    "labels-of-removed-tracks-removed",
    "playlists-without-removed-tracks",
    "snapshot-removes-tracks",
    "snapshot-removes-rejected-rows",
    "train-always-ignores-models",
    "model-settings-match",
)
QUICK = ["--set", "clustering.ks=2-3", "--set", "clustering.restarts=1", "--set", "selection.min_k=2"]
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
            assert runner.execute(entry, words, start=lambda _: spark) == 0

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


def test_changes_are_not_believed_of_another_table_of_that_name(folder, run_job, tmp_path):
    out = shutil.copytree(folder / "out", tmp_path / "out")
    shutil.rmtree(out / "tracks")
    (tmp_path / "other.csv").write_text(as_csv([track(n, artists="B") for n in range(4, 12)]), "utf-8")
    assert run_job(ingest.JOB, "--input", tmp_path / "other.csv", "--output", out) == 0
    # its version is the one that the labels were made from
    assert DeltaTable(str(out / "tracks")).version() == table(folder, "tracks").version()
    assert run_job(label.JOB, "--output", out) == 0
    labeled = DeltaTable(str(out / "labeled_tracks")).to_pandas()
    assert set(labeled.track_id) == {f"id{n}x" for n in range(4, 12)}
    assert set(labeled.artist) == {"B"}


def test_a_new_file_alone_is_read_and_its_tracks_alone_are_labeled(folder, day, monkeypatch):
    arrive(folder, "two.csv", [track(n, artists=f"A{n}") for n in (20, 21)])
    before = data_files(folder, "labeled_tracks")
    # whatever compares all tracks with all labels is not needed
    monkeypatch.setattr(label, "_not_labeled", None)
    monkeypatch.setattr(label, "_is_outdated", None)
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
    day(ingest.JOB, label.JOB)
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


def test_a_run_that_died_before_the_ledger_reads_the_file_again_and_adds_nothing_twice(folder, day, monkeypatch):
    arrive(folder, "three.csv", [track(30, artists="A30"), track(31, tempo="slow")])

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
    day(recommend.JOB, more=("--seeds", str(seeds)))
    day(recommend.JOB)
    assert "id20x" in set(rows(folder, "playlist_recommendations").track_id)
    for name in ("two.csv", "three.csv"):
        (folder / "in" / name).unlink()
    assert len(rows(folder, "rejected_tracks")) == 1
    day(ingest.JOB, more=("--set", "ingest.mode=snapshot"))
    assert counts(folder, "ingest")["removed"] == 3
    assert rows(folder, "rejected_tracks").empty
    day(label.JOB, recommend.JOB)
    gone = {"id20x", "id21x", "id30x"}
    for name in ("tracks", "labeled_tracks", "similar_tracks", "playlist_recommendations"):
        assert gone & set(rows(folder, name).track_id) == set(), name
    named = {other["track_id"] for similar in rows(folder, "similar_tracks").similar for other in similar}
    because = {seed["track_id"] for seeds in rows(folder, "playlist_recommendations").because_of for seed in seeds}
    assert gone & (named | because) == set()
    assert because == {"id0x"}
    assert len(rows(folder, "labeled_tracks")) == 8
    assert rows(folder, "ingested_files").source_file.tolist() == ["one.csv"]


def test_a_file_with_a_header_alone_is_entered_and_holds_nobody_up(folder, day):
    arrive(folder, "empty.csv", [])
    day(ingest.JOB)
    assert (counts(folder, "ingest")["read"], counts(folder, "ingest")["known_files"]) == (0, 1)
    assert sorted(rows(folder, "ingested_files").source_file) == ["empty.csv", "one.csv"]


def test_what_a_file_said_before_it_was_corrected_is_no_longer_rejected(folder, day, run_job):
    elsewhere = folder / "elsewhere" / "four.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_text(as_csv([track(50), track(51, tempo="slow")]), "utf-8")
    assert run_job(ingest.JOB, "--input", elsewhere, "--output", folder / "out") == 0
    arrive(folder, "four.csv", [track(40), track(41, tempo="fast")])
    arrive(folder, "five.csv", [track(60), track(61, tempo="slow")])
    arrive(folder, "six.csv", [track(70), track(71, tempo="slow"), track(72, tempo="slow")])
    day(ingest.JOB)
    for name, number in (("four.csv", 40), ("five.csv", 60)):
        arrive(folder, name, [track(number), track(number + 1)])
    arrive(folder, "six.csv", [track(70), track(71, tempo="slow"), track(72)])
    day(ingest.JOB)
    left = rows(folder, "rejected_tracks")
    # of the two files that are called four.csv nobody knows whose a rejected row is
    assert sorted(raw.split(",")[0] for raw in left.raw) == ["id41x", "id51x", "id71x"]
    assert {"id41x", "id61x", "id72x"} <= set(rows(folder, "tracks").track_id)
    arrive(folder, "six.csv", [])
    day(ingest.JOB)
    left = rows(folder, "rejected_tracks")
    assert sorted(raw.split(",")[0] for raw in left.raw) == ["id41x", "id51x"]


def test_files_that_differ_in_what_is_hidden_of_their_names_are_two(folder, day):
    for token in ("token=1", "token=2"):
        (folder / "in" / token).mkdir()
        arrive(folder, f"{token}/a.csv", [track(80 + int(token[-1]))])
    day(ingest.JOB)
    assert counts(folder, "ingest")["added"] == 2
    day(ingest.JOB)
    assert counts(folder, "ingest")["read"] == 0
    uris = rows(folder, "ingested_files").uri
    assert uris.is_unique
    assert not any("token=1" in uri or "token=2" in uri for uri in uris)


def test_a_model_serves_until_another_is_asked_for(folder, day, monkeypatch):
    for stage, work in ((run_all.recommend, "recommend"), (run_all.report, "report")):
        monkeypatch.setattr(stage, work, lambda run: None)

    def model(*more):
        day(run_all.JOB, more=more)
        (version,) = set(rows(folder, "labeled_tracks").model_version)
        return version

    (old,) = set(rows(folder, "labeled_tracks").model_version)
    arrive(folder, "seven.csv", [track(90)])
    assert model() == old
    assert "id90x" in set(rows(folder, "labeled_tracks").track_id)
    # from here on no file comes
    monkeypatch.setattr(run_all.ingest, "work", lambda run: None)
    again = model("--set", "train.when=always")
    assert again != old
    assert model("--set", "clustering.seed=5") not in (old, again)
    # of the settings asked for the newest model serves, not the newest of all
    assert model() == again
