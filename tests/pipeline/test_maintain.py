"""Maintenance: small files are compacted, old ones removed, files that a reader may need stay."""

import json
import os
import shutil
import time

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F
from tests.helpers.run_markers import write_run_marker
from tests.pipeline.labeled import labeled_tracks

from segue import schema
from segue.pipeline import maintain
from segue.pipeline.maintain import maintain_tables
from segue.runtime import run_markers, runner
from segue.storage.files import Files
from segue.storage.store import Store

OLD = time.time() - 8 * 24 * 3600


@pytest.fixture(scope="module")
def fragmented(spark, tmp_path_factory):
    """An output with labels in three files, and two uncommitted files of runs that died, one old and one new."""
    root = tmp_path_factory.mktemp("fragmented")
    labeled = labeled_tracks(spark)
    for number in range(3):
        part = labeled.where(f"pmod(xxhash64(track_id), 3) = {number}").coalesce(1)
        Store(spark, str(root)).sync(schema.LABELED_TRACKS, part)
    folder = root / "labeled_tracks"
    for name in ("old.parquet", "new.parquet"):
        (folder / name).write_bytes(b"half a file")
    os.utime(folder / "old.parquet", (OLD, OLD))
    return root


@pytest.fixture
def root(fragmented, tmp_path):
    """A copy of that output, with the files' times."""
    return shutil.copytree(fragmented, tmp_path / "out")


def files_of(root):
    """Return the files of labeled_tracks with their times."""
    return sorted((path, path.stat().st_mtime_ns) for path in (root / "labeled_tracks").rglob("*"))


def labels(root, version=None):
    rows = DeltaTable(str(root / "labeled_tracks"), version=version).to_pandas()
    return rows.sort_values("track_id").reset_index(drop=True)


@pytest.fixture(scope="module")
def maintained(spark, fragmented, tmp_path_factory):
    """An output, and its states: before maintenance, after a dry run, after a run, and after a rerun."""
    root = shutil.copytree(fragmented, tmp_path_factory.mktemp("maintained") / "out")
    states = [{"files": files_of(root), "labels": labels(root)}]
    for options in (["--dry-run"], [], []):
        assert runner.execute(maintain.JOB, ["--output", str(root), *options], start=lambda _: spark) == 0
        runs = DeltaTable(str(root / "runs")).to_pandas().sort_values("started_at")
        states.append({
            "counts": json.loads(runs.counts.iloc[-1])["maintain"]["tables"]["labeled_tracks"],
            "files": files_of(root),
            "version": DeltaTable(str(root / "labeled_tracks")).version(),
        })  # fmt: skip
        if options:
            write_run_marker(root)
    return root, states


@pytest.mark.guard("dry-run-changes-nothing")
def test_dry_run_counts_and_changes_nothing(maintained):
    _, (before, dry, *_) = maintained
    assert dry["files"] == before["files"]
    assert (dry["counts"]["files"], dry["counts"]["removable"]) == (3, 1)
    sizes = [path.stat().st_size for path, _ in before["files"] if path.name.startswith("part")]
    assert (len(sizes), dry["counts"]["bytes"]) == (3, sum(sizes))


def test_small_files_are_compacted_and_old_ones_removed(maintained):
    root, (before, _, done, rerun) = maintained
    assert (done["counts"]["compacted"], done["counts"]["into"]) == (3, 1)
    assert len(DeltaTable(str(root / "labeled_tracks")).file_uris()) == 1
    assert labels(root).equals(before["labels"])
    assert not (root / "labeled_tracks" / "old.parquet").exists()
    # a run in progress may be writing it
    assert (root / "labeled_tracks" / "new.parquet").exists()
    # a reader of the version before the compaction can continue
    assert labels(root, version=2).equals(before["labels"])
    assert rerun["version"] == done["version"]


@pytest.mark.guard("retention-set", "dry-run-keeps-retention")
def test_retention_days_decide_which_files_remain(root, run_job):
    folder = root / "labeled_tracks"
    for days in (20, 40):
        (folder / f"{days}.parquet").write_bytes(b"half a file")
        os.utime(folder / f"{days}.parquet", (time.time() - days * 24 * 3600,) * 2)
    options = ["--output", root, "--retention-days", "30"]
    assert run_job(maintain.JOB, *options, "--dry-run") == 0
    assert DeltaTable(str(folder)).metadata().configuration.get("delta.deletedFileRetentionDuration") is None
    assert run_job(maintain.JOB, *options) == 0
    assert [days for days in (20, 40) if (folder / f"{days}.parquet").exists()] == [20]
    version = DeltaTable(str(folder)).version()
    assert run_job(maintain.JOB, *options) == 0
    assert DeltaTable(str(folder)).version() == version


@pytest.mark.guard("retention-outlives-rewrite")
@pytest.mark.parametrize(("days", "log_days"), [(20, 30), (90, 90)])
def test_retention_outlives_a_rewrite(days, log_days, spark, root):
    maintain_tables(Store(spark, str(root)), retention_days=days)
    store = Store(spark, str(root))
    rows = store.read(schema.LABELED_TRACKS)
    store.sync(schema.LABELED_TRACKS, rows.withColumn("title", F.upper("title")), remove_missing=True)
    table = DeltaTable(str(root / "labeled_tracks"))
    assert table.history(1)[0]["operation"].startswith("CREATE OR REPLACE")
    properties = table.metadata().configuration
    assert properties["delta.deletedFileRetentionDuration"] == f"interval {days} days"
    assert properties["delta.logRetentionDuration"] == f"interval {log_days} days"


def test_maintenance_records_a_dead_run(maintained):
    root, _ = maintained
    assert sorted(DeltaTable(str(root / "runs")).to_pandas().status) == ["died", "done", "done", "done"]
    assert list((root / run_markers.FOLDER).iterdir()) == []


@pytest.mark.guard("maintenance-refused-during-runs")
def test_maintenance_is_refused_while_another_run_is_in_progress(root, run_job, capsys):
    fields = {"started_at": "2026-01-01T00:00:00+00:00", "settings": "{}", "versions": "{}"}
    marker = run_markers.RunMarker(Files(), str(root), fields | {"run_id": "other", "job": "label_tracks"})
    marker.create()
    assert run_job(maintain.JOB, "--output", root) == 4
    assert "label_tracks is writing to" in capsys.readouterr().err
    marker.remove()
    assert len(DeltaTable(str(root / "labeled_tracks")).file_uris()) == 3


@pytest.mark.guard("retention-minimum")
@pytest.mark.parametrize("days", ["6", "0", "-1", "7.5", "x"])
def test_retention_below_seven_days_is_refused(days, run_job, tmp_path, capsys):
    assert run_job(maintain.JOB, "--output", tmp_path, f"--retention-days={days}") == 2
    assert f"is {days!r}, expected whole days, 7 or more" in capsys.readouterr().err
