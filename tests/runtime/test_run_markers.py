"""Run markers: a run has one while it is in progress, and a later run records the runs that died by their markers."""

import os
import subprocess
import sys

import pytest
from deltalake import DeltaTable
from tests.helpers.run_markers import RUN, write_run_marker

from segue.runtime import run_markers
from segue.runtime.job import Job
from segue.storage.files import Files


@pytest.mark.guard("living-run-not-dead")
def test_marker_of_a_live_run_is_not_dead_and_can_be_removed(tmp_path):
    marker = run_markers.RunMarker(Files(), str(tmp_path), RUN)
    marker.create()
    assert len(list((tmp_path / run_markers.FOLDER).iterdir())) == 1
    assert run_markers.dead_runs(Files(), str(tmp_path)) == []
    marker.remove()
    assert list((tmp_path / run_markers.FOLDER).iterdir()) == []


@pytest.mark.guard("process-id-reuse-detected")
def test_run_is_dead_if_its_process_has_ended_or_its_process_id_is_reused(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_run_marker(tmp_path, run_id="ended", pid=ended.pid)
    write_run_marker(tmp_path, run_id="earlier", pid=os.getpid(), born="1")
    assert {marker["run_id"] for marker in run_markers.dead_runs(Files(), str(tmp_path))} == {"ended", "earlier"}


@pytest.mark.guard("remote-run-dead-after-timeout")
@pytest.mark.parametrize(
    ("renewed_at", "is_dead"), [("2026-01-01T00:00:00+00:00", True), ("2999-01-01T00:00:00+00:00", False)]
)
def test_run_on_another_machine_is_dead_unless_its_marker_is_renewed(renewed_at, is_dead, tmp_path):
    write_run_marker(tmp_path, host="elsewhere", seen_at=renewed_at)
    assert bool(run_markers.dead_runs(Files(), str(tmp_path))) == is_dead


@pytest.mark.guard("invalid-marker-ignored")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": null}', '{"run_id": "x"}'])
def test_files_that_are_not_markers_are_ignored(text, tmp_path):
    (tmp_path / run_markers.FOLDER).mkdir()
    (tmp_path / run_markers.FOLDER / "x.json").write_text(text, "utf-8")
    assert run_markers.dead_runs(Files(), str(tmp_path)) == []


@pytest.mark.parametrize("changed", [{"pid": "many"}, {"seen_at": "lately"}, {"job": 1}, {"host": None}])
def test_markers_with_invalid_fields_are_ignored(changed, tmp_path):
    write_run_marker(tmp_path, **changed)
    assert run_markers.dead_runs(Files(), str(tmp_path)) == []


@pytest.mark.guard("marker-name-matches-run-id")
def test_marker_whose_run_id_is_not_its_name_is_ignored(tmp_path):
    (tmp_path / "model.json").write_text("{}", "utf-8")
    write_run_marker(tmp_path)
    (path,) = (tmp_path / run_markers.FOLDER).iterdir()
    path.write_text(path.read_text("utf-8").replace('"r1"', '"../model"'), "utf-8")
    assert run_markers.dead_runs(Files(), str(tmp_path)) == []


@pytest.mark.guard("dead-runs-recorded", "dead-runs-recorded-once")
def test_next_run_records_a_dead_run_once(run_job, tmp_path):
    root = tmp_path / "out"
    root.mkdir()
    write_run_marker(root)
    probe = Job("probe", lambda run: None)
    assert [run_job(probe, "--output", root) for _ in range(2)] == [0, 0]
    runs = DeltaTable(str(root / "runs")).to_pandas()
    assert sorted(runs.status) == ["died", "done", "done"]
    (died,) = runs[runs.status == "died"].to_dict("records")
    assert (died["run_id"], str(died["finished_at"])) == ("r1", "2026-01-01 00:01:00+00:00")
    assert "did not finish" in died["error"]
    # as if a run had died after its row was written, before its marker was removed
    write_run_marker(root)
    assert run_job(probe, "--output", root) == 0
    assert (DeltaTable(str(root / "runs")).to_pandas().run_id == "r1").sum() == 1
    assert list((root / run_markers.FOLDER).iterdir()) == []
