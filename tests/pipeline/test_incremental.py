"""Incremental runs: each file is read once, only changed tracks are labeled, removed tracks leave every table.

Each test starts from its own copy of an output of two files that were ingested, trained and labeled.
"""

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.helpers.small_files import as_csv, track

from segue import schema
from segue.ingest.input_files import list_input
from segue.pipeline import file_ledger, ingest, label, recommend, run_all, train
from segue.runtime import runner
from segue.runtime.job import StageResult
from segue.storage import delta_tables
from segue.storage.store import Store

QUICK = ["--set", "clustering.ks=2-3", "--set", "clustering.restarts=1", "--set", "selection.min_k=2"]
FILES = {
    "one.csv": [track(n, artists=f"A{n}", valence=f"0.{n}1") for n in range(8)],
    "two.csv": [track(20, artists="A20"), track(21, artists="A21"), track(22, tempo="slow")],
}
"""Ten tracks, and a row that is rejected."""
MODIFIED_AT = 1_700_000_000.25


@dataclass(frozen=True)
class Output:
    """An output folder, and the folder of input files that jobs read."""

    spark: SparkSession
    inputs: Path
    root: Path

    def write_input(self, name, rows):
        (self.inputs / name).write_text(as_csv(rows), "utf-8")

    def run(self, *jobs, options=()):
        for job in jobs:
            source = ["--input", str(self.inputs)] if job.takes_input else []
            words = ["--output", str(self.root), *source, *QUICK, *options]
            assert runner.execute(job, words, start=lambda _: self.spark) == 0

    def table(self, name):
        return DeltaTable(str(self.root / name))

    def rows(self, name):
        return self.table(name).to_pandas()

    def counts(self, stage):
        """Return the counts of a stage in the latest run."""
        runs = self.rows("runs").sort_values("started_at")
        return json.loads(runs.counts.iloc[-1])[stage]

    def label_changes(self):
        return [self.counts("label")[name] for name in ("added", "updated", "removed")]

    def rejected_ids(self):
        return sorted(raw.split(",")[0] for raw in self.rows("rejected_tracks").raw)

    def model_version(self):
        (version,) = set(self.rows("labeled_tracks").model_version)
        return version


def write_first_files(output):
    """Restore the input folder to ``FILES``; the ledger identifies a file by path, size and time of modification."""
    shutil.rmtree(output.inputs, ignore_errors=True)
    output.inputs.mkdir()
    for name, rows in FILES.items():
        output.write_input(name, rows)
        os.utime(output.inputs / name, (MODIFIED_AT, MODIFIED_AT))


@pytest.fixture(scope="module")
def first_output(spark, tmp_path_factory):
    """The output of the first run, which no test may change."""
    folder = tmp_path_factory.mktemp("incremental")
    output = Output(spark, folder / "in", folder / "out")
    write_first_files(output)
    output.run(ingest.JOB, train.JOB, label.JOB)
    return output


@pytest.fixture
def output(first_output, tmp_path):
    """A copy of the first output, with the input files of the first run."""
    write_first_files(first_output)
    return replace(first_output, root=shutil.copytree(first_output.root, tmp_path / "out"))


@pytest.mark.guard("read-files-recorded")
def test_first_run_records_every_file(output):
    recorded = output.rows("ingested_files").set_index("source_file")
    assert sorted(recorded.index) == ["one.csv", "two.csv"]
    for name, row in recorded.iterrows():
        path = output.inputs / name
        assert row["size"] == path.stat().st_size
        assert row["uri"].endswith(f"/in/{name}")
        assert abs(row["modified_at"].timestamp() - path.stat().st_mtime) < 0.002
    assert len(output.rows("labeled_tracks")) == 10


@pytest.mark.guard("changes-require-same-table")
def test_recreated_tracks_table_is_labeled_completely(output, first_output, run_job, tmp_path):
    shutil.rmtree(output.root / "tracks")
    (tmp_path / "other.csv").write_text(as_csv([track(n, artists="B") for n in range(4, 12)]), "utf-8")
    assert run_job(ingest.JOB, "--input", tmp_path / "other.csv", "--output", output.root) == 0
    # the labels were made from a table of the same version
    assert output.table("tracks").version() == first_output.table("tracks").version()
    assert run_job(label.JOB, "--output", output.root) == 0
    labeled = output.rows("labeled_tracks")
    assert set(labeled.track_id) == {f"id{n}x" for n in range(4, 12)}
    assert set(labeled.artist) == {"B"}


@pytest.mark.guard("known-files-not-read-again", "only-changed-tracks-labeled")
def test_only_a_new_file_is_read_and_only_its_tracks_labeled(output, monkeypatch):
    output.write_input("three.csv", [track(n, artists=f"A{n}") for n in (30, 31)])
    files_before = set((output.root / "labeled_tracks").glob("*.parquet"))
    # the functions that compare all tracks with all labels must not be called
    monkeypatch.setattr(label, "_not_labeled", None)
    monkeypatch.setattr(label, "_is_stale", None)
    output.run(ingest.JOB)
    assert [output.counts("ingest")[name] for name in ("read", "added", "known_files")] == [2, 2, 2]
    output.run(label.JOB)
    assert output.label_changes() == [2, 0, 0]
    (newest,) = output.table("labeled_tracks").history(1)
    assert newest["operation"] == "WRITE"  # an append: a merge would read and rewrite files
    assert files_before < set((output.root / "labeled_tracks").glob("*.parquet"))
    assert len(output.rows("labeled_tracks")) == 12


def test_rerun_without_new_files_writes_nothing(output):
    names = ("tracks", "rejected_tracks", "ingested_files", "labeled_tracks", "cluster_profiles", "k_scores")
    versions = {name: output.table(name).version() for name in names}
    output.run(ingest.JOB, label.JOB)
    assert {name: output.table(name).version() for name in names} == versions
    assert output.counts("label")["added"] == 0


def write_as_schema_2(output, table):
    """Rewrite a table as 0.2.0 had it: without keys, modes, time signatures, ISRCs and flags; artists are required."""
    path = output.root / table.name
    rows = output.spark.createDataFrame(output.table(table.name).to_pyarrow_table().drop_columns(list(schema.DETAILS)))
    shutil.rmtree(path)
    properties = {"delta.constraints.artist_given": "artist IS NOT NULL"} | delta_tables.table_properties(table)
    writer = rows.writeTo(f"delta.`file:{path}`").using("delta")
    for name, value in (properties | {"segue.schema": "2"}).items():
        if name not in ("delta.constraints.key_in_range", "delta.constraints.mode_known"):
            writer = writer.tableProperty(name, value)
    writer.create()


def test_output_of_0_2_0_is_upgraded_and_nothing_is_made_again(output):
    tables = (schema.TRACKS, schema.LABELED_TRACKS)
    for table in tables:
        write_as_schema_2(output, table)
    before = {table.name: output.table(table.name).to_pyarrow_table() for table in tables}
    files = {table.name: set(output.table(table.name).file_uris()) for table in tables}
    models = sorted(path.name for path in (output.root / "models").iterdir())
    output.run(ingest.JOB, train.JOB, label.JOB)
    assert output.counts("label")["added"] == output.counts("label")["updated"] == 0
    assert sorted(path.name for path in (output.root / "models").iterdir()) == models
    for table in tables:
        rows = output.table(table.name).to_pyarrow_table()
        assert {rows[name].null_count for name in schema.DETAILS} == {len(rows)}
        rows = rows.drop_columns(list(schema.DETAILS))
        assert rows.sort_by("track_id").equals(before[table.name].sort_by("track_id"))
        assert set(output.table(table.name).file_uris()) == files[table.name]
        properties = output.table(table.name).metadata().configuration
        assert "delta.constraints.artist_given" not in properties
        assert "delta.constraints.key_in_range" in properties
    # the checksum of tracks without the new columns is that of 0.2.0, which did not have them
    stored = output.spark.read.format("delta").load(f"file:{output.root}/tracks")
    summary = train.summarise(stored)
    hashed = [name for name in schema.TRACKS.names if name not in (*schema.DETAILS, "source_file")]
    (old,) = stored.agg(F.bit_xor(F.xxhash64(*hashed))).collect()
    assert summary.parity == old[0]


@pytest.mark.guard("changed-file-read-again")
def test_changed_file_is_read_again(output):
    output.write_input("two.csv", [track(20, artists="A20", tempo="200"), track(21, artists="A21")])
    output.run(ingest.JOB, label.JOB)
    assert output.rows("labeled_tracks").set_index("track_id").bpm["id20x"] == 200.0
    assert output.label_changes() == [0, 1, 0]
    assert len(output.rows("ingested_files")) == 2


def test_equal_content_with_a_new_time_changes_no_track(output):
    os.utime(output.inputs / "one.csv", (1_000_000_000, 1_000_000_000))
    version = output.table("tracks").version()
    output.run(ingest.JOB)
    assert (output.counts("ingest")["unchanged"], output.table("tracks").version()) == (8, version)


def test_changed_reading_settings_read_every_file_again(output):
    output.run(ingest.JOB, options=("--set", "features.missing=median"))
    assert [output.counts("ingest")[name] for name in ("known_files", "unchanged")] == [0, 10]


@pytest.mark.guard("ledger-bounded")
def test_ledger_returns_the_rows_of_listed_files_alone(output):
    listed = [file for file in list_input(output.spark, str(output.inputs)) if file.source_file == "one.csv"]
    ledger = file_ledger.read_ledger(Store(output.spark, str(output.root)), listed)
    assert {entry["source_file"] for entry in ledger} == {"one.csv"}
    assert len(output.rows("ingested_files")) == 2


@pytest.mark.guard("files-recorded-after-rows")
def test_run_that_dies_before_recording_files_is_repeated(output, monkeypatch):
    output.write_input("three.csv", [track(30, artists="A30"), track(31, tempo="slow")])

    def die(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(ingest.file_ledger, "record_files", die)
        with pytest.raises(SystemExit):
            output.run(ingest.JOB)
    assert len(output.rows("tracks")) == 11
    output.run(ingest.JOB, label.JOB)
    assert output.counts("label")["added"] == 1
    assert len(output.rows("tracks")) == len(output.rows("labeled_tracks")) == 11


@pytest.mark.guard(
    "labels-of-removed-tracks-removed",
    "playlists-without-removed-tracks",
    "snapshot-removes-tracks",
    "snapshot-removes-rejected-rows",
)
def test_snapshot_removes_missing_tracks_from_every_table(output, tmp_path):
    (tmp_path / "seeds.txt").write_text("id0x\nid20x\n", "utf-8")
    output.run(recommend.JOB, options=("--seeds", str(tmp_path / "seeds.txt")))
    output.run(recommend.JOB)
    assert "id21x" in set(output.rows("playlist_recommendations").track_id)
    assert len(output.rows("rejected_tracks")) == 1
    (output.inputs / "two.csv").unlink()
    output.run(ingest.JOB, options=("--set", "ingest.mode=snapshot"))
    assert output.counts("ingest")["removed"] == 2
    assert output.rows("rejected_tracks").empty
    output.run(label.JOB, recommend.JOB)
    removed = {"id20x", "id21x"}
    for name in ("tracks", "labeled_tracks", "similar_tracks", "playlist_recommendations"):
        assert removed & set(output.rows(name).track_id) == set(), name
    neighbours = {other["track_id"] for similar in output.rows("similar_tracks").similar for other in similar}
    because_of = output.rows("playlist_recommendations").because_of
    assert {seed["track_id"] for seeds in because_of for seed in seeds} == {"id0x"}
    assert removed & neighbours == set()
    assert len(output.rows("labeled_tracks")) == 8
    assert output.rows("ingested_files").source_file.tolist() == ["one.csv"]


@pytest.mark.guard("empty-file-accepted")
def test_file_of_a_header_alone_is_recorded(output):
    output.write_input("empty.csv", [])
    output.run(ingest.JOB)
    assert [output.counts("ingest")[name] for name in ("read", "known_files")] == [0, 2]
    assert sorted(output.rows("ingested_files").source_file) == ["empty.csv", "one.csv", "two.csv"]


@pytest.mark.guard("corrected-rejections-removed")
def test_corrected_file_removes_its_rejected_rows(output, run_job, tmp_path):
    other = tmp_path / "other" / "four.csv"
    other.parent.mkdir()
    other.write_text(as_csv([track(50), track(51, tempo="slow")]), "utf-8")
    assert run_job(ingest.JOB, "--input", other, "--output", output.root) == 0
    output.write_input("four.csv", [track(40), track(41, tempo="fast")])
    output.write_input("five.csv", [track(60), track(61, tempo="slow")])
    output.write_input("six.csv", [track(70), track(71, tempo="slow"), track(72, tempo="slow")])
    output.run(ingest.JOB)
    for name, number in (("four.csv", 40), ("five.csv", 60)):
        output.write_input(name, [track(number), track(number + 1)])
    output.write_input("six.csv", [track(70), track(71, tempo="slow"), track(72)])
    output.run(ingest.JOB)
    # rejected rows do not say from which of the two files called four.csv they are, so the rows of both remain
    assert output.rejected_ids() == ["id22x", "id41x", "id51x", "id71x"]
    assert {"id41x", "id61x", "id72x"} <= set(output.rows("tracks").track_id)
    output.write_input("six.csv", [])
    output.run(ingest.JOB)
    assert output.rejected_ids() == ["id22x", "id41x", "id51x"]


@pytest.mark.guard("redacted-names-stay-distinct")
def test_files_that_differ_in_redacted_parts_are_distinct(output):
    for number in (1, 2):
        (output.inputs / f"token={number}").mkdir()
        output.write_input(f"token={number}/a.csv", [track(80 + number)])
    output.run(ingest.JOB)
    assert output.counts("ingest")["added"] == 2
    output.run(ingest.JOB)
    assert output.counts("ingest")["read"] == 0
    uris = output.rows("ingested_files").uri
    assert uris.is_unique
    assert not any("token=1" in uri or "token=2" in uri for uri in uris)


@pytest.mark.guard("train-always-ignores-models", "model-settings-match")
def test_model_stays_until_another_is_requested(output, monkeypatch):
    def replace_stage(function, stage):
        monkeypatch.setattr(run_all, function, lambda *_: StageResult(stage=stage, inputs={}, counts={}))

    def model_of_run(*options):
        output.run(run_all.JOB, options=options)
        return output.model_version()

    replace_stage("recommend_tracks", "recommend")
    replace_stage("render_report", "report")
    first = output.model_version()
    output.write_input("seven.csv", [track(90)])
    assert model_of_run() == first
    assert "id90x" in set(output.rows("labeled_tracks").track_id)
    replace_stage("ingest_tracks", "ingest")  # no further files
    retrained = model_of_run("--set", "train.when=always")
    assert retrained != first
    assert model_of_run("--set", "clustering.seed=5") not in (first, retrained)
    # the newest model with the requested settings is used, not the newest of all
    assert model_of_run() == retrained
