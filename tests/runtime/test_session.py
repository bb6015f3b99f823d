"""Whether somebody watches a job."""

import io
import sys

import pytest

from segue.runtime import runner, session


@pytest.mark.parametrize(("told", "wanted"), [("1", True), (None, False)])
def test_the_starter_tells_a_job_of_the_terminal_that_it_cannot_see(told, wanted, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delenv("SEGUE_TERMINAL", raising=False)
    if told:
        monkeypatch.setenv("SEGUE_TERMINAL", told)
    assert session.has_terminal() is wanted


@pytest.mark.parametrize(("most", "wanted"), [(runner.SMALL, "false"), (1, "true")])
def test_only_plans_over_little_are_interpreted(most, wanted, compiled, write_csv, tmp_path, run_job, monkeypatch):
    seen = []
    entry = runner.Job("look", lambda run: seen.append(run.spark.conf.get("spark.sql.codegen.wholeStage")), True)
    monkeypatch.setattr(runner, "SMALL", most)
    # what the tests' session was started with would stay, as an operator's own setting does
    monkeypatch.setattr(session, "INTERPRETED", {"spark.sql.codegen.wholeStage": "false"})
    monkeypatch.setattr(session, "_operator_settings", dict)
    assert run_job(entry, "--input", write_csv([["title"], ["x"]]), "--output", tmp_path / "out") == 0
    assert seen == [wanted]
