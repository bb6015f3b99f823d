"""Every job: exit codes, one-line errors, and the row in ``runs``."""

import json

import pytest
from deltalake import DeltaTable

from segue.errors import ConflictError, InputError
from segue.pipeline import ingest, label, run_all, train
from segue.runtime import runner
from segue.runtime.job import Job


def no_session(_):
    raise AssertionError("Spark was started")


def runs(root):
    return DeltaTable(str(root / "runs")).to_pandas()


def test_all_faults_are_reported_before_spark_starts(tmp_path, capsys):
    words = ["--set", "clustering.ks=9-4", "--set", "clustering.restart=3", "--set", "selection.min_k=many"]
    words += ["--colour", "red", "--set", "ingest.source=nosuch", "--config", str(tmp_path / "none.toml"), "--set"]
    assert runner.execute(ingest.JOB, words, start=no_session) == 2
    errors = capsys.readouterr().err.splitlines()
    assert all(line.startswith("error: ") for line in errors)
    expected = ["--colour", "--output ROOT is missing", "--input PATH is missing", "none.toml", "did you mean", "'9-4'"]
    expected += ["selection.min_k is 'many'", "argument --set: expected one argument"]
    assert [word for word in expected if not any(word in line for line in errors)] == []


def test_unknown_source_is_reported_before_spark_starts(tmp_path, capsys):
    words = ["--input", "x", "--output", str(tmp_path / "out"), "--set", "ingest.source=nosuch"]
    assert runner.execute(ingest.JOB, words, start=no_session) == 2
    assert "ingest.source is 'nosuch'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("entry", [ingest.JOB, train.JOB, label.JOB, run_all.JOB], ids=lambda entry: entry.name)
def test_setting_of_wrong_type_is_refused_by_every_job(entry, capsys):
    assert (
        runner.execute(entry, ["--output", "o", "--input", "i", "--set", "clustering.restarts='2'"], start=no_session)
        == 2
    )
    assert "clustering.restarts is '2', expected a whole number" in capsys.readouterr().err


def job_of(work):
    return Job("probe", work)


def test_successful_run_is_recorded(run_job, tmp_path):
    def work(run):
        run.counts["probe"] = {"rows": 3}
        run.inputs["files"] = {"a.csv": 17}

    assert run_job(job_of(work), "--output", tmp_path / "out", "--set", "clustering.seed=5") == 0
    (row,) = runs(tmp_path / "out").itertuples()
    assert (row.job, row.status, row.error) == ("probe", "done", None)
    assert row.started_at <= row.finished_at
    assert json.loads(row.settings)["clustering"]["seed"] == 5
    assert json.loads(row.counts)["probe"] == {"rows": 3}
    assert json.loads(row.input) == {"files": {"a.csv": 17}}
    assert json.loads(row.versions)["spark"].startswith("4.")


@pytest.mark.guard("conflict-exit-code")
@pytest.mark.parametrize(
    ("error", "code"), [(InputError("no\nuse\x1b[31m"), 3), (ConflictError("lost"), 4), (KeyError("surprise"), 1)]
)
def test_errors_exit_with_their_code_and_are_recorded(error, code, run_job, tmp_path, capsys):
    def work(run):
        raise error

    assert run_job(job_of(work), "--output", tmp_path / "out") == code
    stderr = capsys.readouterr().err
    assert ("Traceback" in stderr) == (code == 1)
    if code != 1:
        (line,) = [line for line in stderr.splitlines() if line.startswith("error:")]
        assert line == ("error: no use\\x1b[31m" if code == 3 else "error: lost")
    (row,) = runs(tmp_path / "out").itertuples()
    assert row.status == "failed"
    assert str(error).strip("'") in row.error


def test_unusable_output_is_refused_and_unchanged(run_job, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert run_job(train.JOB, "--output", tmp_path) == 3
    assert run_job(train.JOB, "--output", tmp_path / "mine.txt") == 3
    assert run_job(train.JOB, "--output", tmp_path / "mine.txt" / "out") == 3
    assert capsys.readouterr().err.count("error:") == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (OSError(28, "No space left on device"), "error: No space left on device: in --output"),
        (KeyError("x"), "Traceback"),
    ],
)
def test_run_that_cannot_be_recorded_fails(error, start, run_job, tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(runner, "_record", fail)
    assert run_job(job_of(lambda _: None), "--output", tmp_path / "out") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("error:", "Traceback"))]
    assert len(lines) == 1 and lines[0].startswith(start)


def test_failed_run_that_cannot_be_recorded_says_both_causes(run_job, tmp_path, capsys, caplog, monkeypatch):
    def raise_error(error):
        raise error

    monkeypatch.setattr(runner, "_record", lambda *_: raise_error(PermissionError(13, "Permission denied")))
    assert run_job(job_of(lambda _: raise_error(InputError("no use"))), "--output", tmp_path / "out") == 3
    assert "error: no use" in capsys.readouterr().err
    (line,) = [line for line in caplog.messages if "could not be written" in line]
    assert line.endswith("/out/runs: PermissionError: [Errno 13] Permission denied")
