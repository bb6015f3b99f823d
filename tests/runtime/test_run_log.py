"""What a run leaves while it lasts, and how one that died is found."""

import os
import subprocess
import sys

import pytest
from deltalake import DeltaTable
from tests.helpers.run_markers import RUN, write_run_marker

from segue.runtime import run_log
from segue.runtime.job import Job


@pytest.mark.guard("living-run-not-dead")
def test_the_note_of_a_living_run_is_not_dead_and_goes_when_it_is_taken_away(tmp_path):
    note = run_log.RunMarker(str(tmp_path), RUN)
    note.create()
    assert len(list((tmp_path / run_log.FOLDER).iterdir())) == 1
    assert run_log.dead_runs(str(tmp_path)) == []
    note.remove()
    assert list((tmp_path / run_log.FOLDER).iterdir()) == []


@pytest.mark.guard("process-id-reuse-detected")
def test_a_process_that_has_ended_is_dead_and_so_is_an_earlier_one_of_its_number(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_run_marker(tmp_path, run_id="ended", pid=ended.pid)
    write_run_marker(tmp_path, run_id="earlier", pid=os.getpid(), born="1")
    assert {note["run_id"] for note in run_log.dead_runs(str(tmp_path))} == {"ended", "earlier"}


@pytest.mark.guard("remote-run-dead-after-timeout")
@pytest.mark.parametrize(
    ("seen_at", "is_dead"), [("2026-01-01T00:00:00+00:00", True), ("2999-01-01T00:00:00+00:00", False)]
)
def test_on_another_machine_a_note_is_dead_when_it_is_not_renewed(seen_at, is_dead, tmp_path):
    write_run_marker(tmp_path, host="elsewhere", seen_at=seen_at)
    assert bool(run_log.dead_runs(str(tmp_path))) == is_dead


@pytest.mark.guard("invalid-note-ignored")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": null}', '{"run_id": "x"}'])
def test_what_is_no_note_is_passed_over(text, tmp_path):
    (tmp_path / run_log.FOLDER).mkdir()
    (tmp_path / run_log.FOLDER / "x.json").write_text(text, "utf-8")
    assert run_log.dead_runs(str(tmp_path)) == []


@pytest.mark.parametrize("changed", [{"pid": "many"}, {"seen_at": "lately"}, {"job": 1}, {"host": None}])
def test_a_note_of_other_content_is_passed_over(changed, tmp_path):
    write_run_marker(tmp_path, **changed)
    assert run_log.dead_runs(str(tmp_path)) == []


@pytest.mark.guard("note-name-matches-run-id")
def test_a_note_cannot_name_another_file_to_be_removed(tmp_path):
    (tmp_path / "model.json").write_text("{}", "utf-8")
    write_run_marker(tmp_path)
    (path,) = (tmp_path / run_log.FOLDER).iterdir()
    path.write_text(path.read_text("utf-8").replace('"r1"', '"../model"'), "utf-8")
    assert run_log.dead_runs(str(tmp_path)) == []


@pytest.mark.guard("dead-runs-recorded", "dead-runs-recorded-once")
def test_the_next_run_records_one_that_died_once(run_job, tmp_path):
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
    # it had been recorded, but died before its note was taken away
    write_run_marker(root)
    assert run_job(probe, "--output", root) == 0
    assert (DeltaTable(str(root / "runs")).to_pandas().run_id == "r1").sum() == 1
    assert list((root / run_log.FOLDER).iterdir()) == []
