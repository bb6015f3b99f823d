"""Upkeep: small files become one, old ones go, and nothing that anybody may still read."""

import json
import os
import shutil
import time

import pytest
from deltalake import DeltaTable
from tests.notes import note_of
from tests.stages.labeled import labeled_tracks

from segue import running, schema
from segue.stages import maintain
from segue.tables import Store

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


def told(root):
    runs = DeltaTable(str(root / "runs")).to_pandas().sort_values("started_at")
    return json.loads(runs.counts.iloc[-1])["maintain"]["tables"]["labeled_tracks"]


def test_a_dry_run_tells_and_changes_nothing(root, run_job):
    before = sorted((path, path.stat().st_mtime_ns) for path in (root / "labeled_tracks").rglob("*"))
    assert run_job(maintain.JOB, "--output", root, "--dry-run") == 0
    assert sorted((path, path.stat().st_mtime_ns) for path in (root / "labeled_tracks").rglob("*")) == before
    found = told(root)
    assert (found["files"], found["removable"]) == (3, 1)
    assert found["bytes"] == sum(path.stat().st_size for path in (root / "labeled_tracks").glob("part*.parquet"))


def test_small_files_become_one_and_old_ones_go(root, run_job):
    before = DeltaTable(str(root / "labeled_tracks")).to_pandas().sort_values("track_id").reset_index(drop=True)
    assert run_job(maintain.JOB, "--output", root) == 0
    assert (told(root)["compacted"], told(root)["into"]) == (3, 1)
    table = DeltaTable(str(root / "labeled_tracks"))
    assert len(table.file_uris()) == 1
    assert table.to_pandas().sort_values("track_id").reset_index(drop=True).equals(before)
    assert not (root / "labeled_tracks" / "old.parquet").exists()
    # a run may be writing it
    assert (root / "labeled_tracks" / "young.parquet").exists()
    # who has begun to read the version before can go on
    assert len(DeltaTable(str(root / "labeled_tracks"), version=2).to_pandas()) == len(before)
    version = table.version()
    assert run_job(maintain.JOB, "--output", root) == 0
    assert DeltaTable(str(root / "labeled_tracks")).version() == version


def test_a_run_that_is_at_work_is_not_disturbed(root, run_job, capsys):
    begun = {"started_at": "2026-01-01T00:00:00+00:00", "settings": "{}", "versions": "{}"}
    note = running.Note(str(root), begun | {"run_id": "other", "job": "label_tracks"})
    assert run_job(maintain.JOB, "--output", root) == 4
    assert "label_tracks is at work" in capsys.readouterr().err
    note.take_away()
    assert len(DeltaTable(str(root / "labeled_tracks")).file_uris()) == 3


@pytest.mark.parametrize("days", ["6", "0", "-1", "7.5", "x"])
def test_too_short_a_retention_is_refused(days, run_job, tmp_path, capsys):
    assert run_job(maintain.JOB, "--output", tmp_path, f"--retention-days={days}") == 2
    assert f"is {days!r}, wanted whole days, 7 or more" in capsys.readouterr().err


def test_a_run_that_died_is_recorded_by_upkeep_too_though_it_compacts_that_table(root, run_job):
    assert run_job(maintain.JOB, "--output", root, "--dry-run") == 0
    note_of(root)
    assert run_job(maintain.JOB, "--output", root) == 0
    runs = DeltaTable(str(root / "runs")).to_pandas()
    assert sorted(runs.status) == ["died", "done", "done"]
    assert list((root / running.FOLDER).iterdir()) == []
