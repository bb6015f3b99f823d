"""Tables on S3: jobs by Spark's settings alone, look-ups by AWS_*, a killed run, two runs and two commits at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.cluster.faults import kill_while_writing, table_faults
from tests.cluster.pipeline import job_args, submit_args
from tests.helpers.output_differences import WRITTEN_BY_INGEST, differences
from tests.helpers.submitted_jobs import start_job
from tests.helpers.waiting import wait_for
from tests.stores.conftest import versions

from segue.core.file_systems import LOG_STORE
from segue.pipeline import ingest, maintain
from segue.storage import transactions
from segue.storage.files import Files

pytestmark = pytest.mark.cluster
N_COMMITS = 300


@pytest.fixture(scope="module")
def first(s3, run):
    """The folder with the objects of a first run on S3."""
    assert run("s3a://bucket/first") == 0
    return s3.folder / "first"


def test_tables_on_s3_are_those_of_a_local_run_and_a_second_run_changes_none(first, local, run, caplog):
    assert differences(local, first) == []
    before = versions(first)
    caplog.clear()
    assert run("s3a://bucket/first") == 0
    assert versions(first) == before
    assert sorted(DeltaTable(str(first / "runs")).to_pandas().status) == ["done", "done"]
    # no warning: the log store's jar is on the class path, and the server supports conditional writes
    assert "at the same time" not in caplog.text


def test_lookups_reach_s3_by_aws_variables(first, s3):
    command = [sys.executable, "-m", "segue.lookup.cli"]
    for words in (["similar", "Song 7 - Artist 7", "--json"], ["figure", "cluster_map", "--json"]):
        done = subprocess.run(
            [*command, *words, "--output", "s3a://bucket/first"],
            env=os.environ | s3.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_maintenance_on_s3(first, run_job):
    assert run_job(maintain.JOB, "--output", "s3a://bucket/first", "--retention-days", "30") == 0
    assert table_faults(first) == []
    properties = DeltaTable(str(first / "tracks")).metadata().configuration
    assert properties["delta.deletedFileRetentionDuration"] == "interval 30 days"


def test_next_run_completes_the_tables_of_a_killed_one(catalogue, local, run_job, s3):
    folder, uri = s3.folder / "killed", "s3a://bucket/killed/out"
    folder.mkdir()
    args = [*s3.submit_options, *submit_args("local[2]", catalogue, uri, job="ingest_tracks")]
    assert kill_while_writing(folder, args, "ingested_files"), (folder / "log").read_text()[-3000:]
    assert run_job(ingest.JOB, *job_args(catalogue, uri)) == 0
    assert differences(local, folder / "out", WRITTEN_BY_INGEST) == []


def test_two_runs_at_once_succeed_or_report_a_conflict(catalogue, local, run_job, s3, tmp_path):
    output, uri = s3.folder / "pair", "s3a://bucket/pair"
    other = start_job(tmp_path, *s3.submit_options, *submit_args("local[2]", catalogue, uri, job="ingest_tracks"))
    wait_for(lambda: list(output.glob(".running/*.json")), "the other run to begin", seconds=300)
    codes = {run_job(ingest.JOB, *job_args(catalogue, uri)), other.wait(300)}
    assert codes <= {0, 4}, (tmp_path / "log").read_text()[-3000:]
    assert table_faults(output) == []
    if 0 not in codes:
        assert run_job(ingest.JOB, *job_args(catalogue, uri)) == 0
    assert differences(local, output, WRITTEN_BY_INGEST) == []


RACE = """
import json, sys
from pyspark.java_gateway import launch_gateway
writer, folder, log_store, n_commits, settings = *sys.argv[1:4], int(sys.argv[4]), json.loads(sys.argv[5])
gateway = launch_gateway()
jvm, won = gateway.jvm, []
configuration = jvm.org.apache.hadoop.conf.Configuration()
for name, value in settings.items():
    configuration.set(name, value)
store = getattr(getattr(jvm, log_store.rpartition(".")[0]), log_store.rpartition(".")[2])(configuration)
print("ready", flush=True)
sys.stdin.readline()
for version in range(n_commits):
    lines = jvm.java.util.ArrayList()
    lines.add(json.dumps({"commitInfo": {"writer": writer, "version": version}}))
    path = jvm.org.apache.hadoop.fs.Path(f"{folder}/{version:020}.json")
    try:
        store.write(path, lines.iterator(), False, configuration)
        won.append(version)
    except Exception as error:
        assert "FileAlreadyExistsException" in str(error), error
print(json.dumps(won), flush=True)
"""


def race(s3, folder, log_store, n_commits):
    """Have two JVMs commit the same versions, and return for each version the writers whose commit succeeded."""
    command = [sys.executable, "-c", RACE]
    options = [f"s3a://bucket/{folder}", log_store, str(n_commits), json.dumps(s3.settings)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = {name: subprocess.Popen([*command, name, *options], **pipes) for name in ("a", "b")}
    try:
        for writer in writers.values():
            assert writer.stdout.readline() == "ready\n"
        for writer in writers.values():
            writer.stdin.write("\n")
            writer.stdin.flush()
        won = {name: set(json.loads(writer.stdout.readline())) for name, writer in writers.items()}
    finally:
        for writer in writers.values():
            writer.kill()
            writer.wait()
    return [[name for name in writers if version in won[name]] for version in range(n_commits)]


def test_of_two_jvms_that_commit_the_same_version_one_is_refused(s3):
    winners = race(s3, "race", LOG_STORE, N_COMMITS)
    assert [len(names) for names in winners] == [1] * N_COMMITS
    stored = [json.loads(path.read_text())["commitInfo"] for path in sorted((s3.folder / "race").glob("*.json"))]
    assert [commit["writer"] for commit in stored] == [names[0] for names in winners]
    # each JVM has committed some of the versions
    assert {names[0] for names in winners} == {"a", "b"}


def test_a_warning_is_logged_if_the_server_ignores_the_condition(spark, s3, caplog, monkeypatch):
    files = Files(spark)
    assert files.creates_conditionally("s3a://bucket/probe")
    assert list(Path(s3.folder, "probe").glob(".probe-*")) == []
    monkeypatch.setattr(Files, "creates_conditionally", lambda *_: False)
    transactions.warn_of_lost_commits(spark, files, "s3a://bucket/probe")
    assert "ignores the condition" in caplog.text
