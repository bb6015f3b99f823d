"""Upkeep: small files become one, old ones go, and nothing that anybody may still read."""

import json
import os
import shutil
import time

import pytest
from deltalake import DeltaTable
from tests.helpers.run_markers import write_run_marker
from tests.pipeline.labeled import labeled_tracks

from segue import schema
from segue.pipeline import maintain
from segue.runtime import run_log, runner
from segue.storage.store import Store

OLD = time.time() - 8 * 24 * 3600


@pytest.fixture(scope="module")
def made(spark, tmp_path_factory):
    """Labels in three files, and beside them what a run left behind that died: one file long ago, one just now."""
    root = tmp_path_factory.mktemp("made")
    labeled = labeled_tracks(spark)
    for number in range(3):
        part = labeled.where(f"pmod(xxhash64(track_id), 3) = {number}").coalesce(1)
        Store(spark, str(root)).sync(schema.LABELED_TRACKS, part)
    folder = root / "labeled_tracks"
    for name in ("old.parquet", "young.parquet"):
        (folder / name).write_bytes(b"half a file")
    os.utime(folder / "old.parquet", (OLD, OLD))
    return root


@pytest.fixture
def root(made, tmp_path):
    """A copy of them, with the files' times."""
    return shutil.copytree(made, tmp_path / "out")


def files_of(root):
    return sorted((path, path.stat().st_mtime_ns) for path in (root / "labeled_tracks").rglob("*"))


def labels(root, version=None):
    rows = DeltaTable(str(root / "labeled_tracks"), version=version).to_pandas()
    return rows.sort_values("track_id").reset_index(drop=True)


@pytest.fixture(scope="module")
def upkeep(spark, made, tmp_path_factory):
    """A dry run, upkeep beside the note of a run that died, and upkeep again: what each told, and what was there."""
    root = shutil.copytree(made, tmp_path_factory.mktemp("kept") / "out")
    found = [{"files": files_of(root), "labels": labels(root)}]
    for options in (["--dry-run"], [], []):
        assert runner.execute(maintain.JOB, ["--output", str(root), *options], start=lambda _: spark) == 0
        runs = DeltaTable(str(root / "runs")).to_pandas().sort_values("started_at")
        found.append({
            "told": json.loads(runs.counts.iloc[-1])["maintain"]["tables"]["labeled_tracks"],
            "files": files_of(root),
            "version": DeltaTable(str(root / "labeled_tracks")).version(),
        })  # fmt: skip
        if options:
            write_run_marker(root)
    return root, found


@pytest.mark.guard("dry-run-changes-nothing")
def test_a_dry_run_tells_and_changes_nothing(upkeep):
    _, (before, dry, *_) = upkeep
    assert dry["files"] == before["files"]
    assert (dry["told"]["files"], dry["told"]["removable"]) == (3, 1)
    sizes = [path.stat().st_size for path, _ in before["files"] if path.name.startswith("part")]
    assert (len(sizes), dry["told"]["bytes"]) == (3, sum(sizes))


def test_small_files_become_one_and_old_ones_go(upkeep):
    root, (before, _, done, again) = upkeep
    assert (done["told"]["compacted"], done["told"]["into"]) == (3, 1)
    assert len(DeltaTable(str(root / "labeled_tracks")).file_uris()) == 1
    assert labels(root).equals(before["labels"])
    assert not (root / "labeled_tracks" / "old.parquet").exists()
    # a run may be writing it
    assert (root / "labeled_tracks" / "young.parquet").exists()
    # who has begun to read the version before can go on
    assert labels(root, version=2).equals(before["labels"])
    assert again["version"] == done["version"]


def test_a_run_that_died_is_recorded_by_upkeep_too_though_it_compacts_that_table(upkeep):
    root, _ = upkeep
    assert sorted(DeltaTable(str(root / "runs")).to_pandas().status) == ["died", "done", "done", "done"]
    assert list((root / run_log.FOLDER).iterdir()) == []


@pytest.mark.guard("maintenance-refused-during-runs")
def test_a_run_that_is_at_work_is_not_disturbed(root, run_job, capsys):
    begun = {"started_at": "2026-01-01T00:00:00+00:00", "settings": "{}", "versions": "{}"}
    note = run_log.RunMarker(str(root), begun | {"run_id": "other", "job": "label_tracks"})
    note.create()
    assert run_job(maintain.JOB, "--output", root) == 4
    assert "label_tracks is at work" in capsys.readouterr().err
    note.remove()
    assert len(DeltaTable(str(root / "labeled_tracks")).file_uris()) == 3


@pytest.mark.guard("retention-minimum")
@pytest.mark.parametrize("days", ["6", "0", "-1", "7.5", "x"])
def test_too_short_a_retention_is_refused(days, run_job, tmp_path, capsys):
    assert run_job(maintain.JOB, "--output", tmp_path, f"--retention-days={days}") == 2
    assert f"is {days!r}, expected whole days, 7 or more" in capsys.readouterr().err
