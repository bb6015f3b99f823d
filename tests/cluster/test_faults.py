"""Runs with killed processes or concurrent runs produce the same tables as an undisturbed run."""

import os
import shutil
import signal
import threading

import pytest
from deltalake import DeltaTable
from tests.cluster.faults import kill_while_writing, table_faults
from tests.cluster.pipeline import job_args, submit_args
from tests.helpers.output_differences import differences
from tests.helpers.submitted_jobs import start_job
from tests.helpers.waiting import wait_for

from segue.pipeline import run_all
from segue.runtime import runner

CELLS = "recommend.method=cells"
STAGE_STARTS = {
    "ingest": ".running/*.json",
    "train": "ingested_files/_delta_log/*.json",
    "label": "k_scores/_delta_log/*.json",
    "recommend": "cluster_profiles/_delta_log/*.json",
    "report": "similar_tracks/_delta_log/*.json",
}
"""For each stage a file that exists once the stage runs: the stage before it writes that file last."""
PYTHON_STAGES = ("ingest", "train", "recommend")
"""Stages with Python workers, in which the executor to kill is one that has tasks or cached blocks."""


@pytest.fixture(scope="module")
def run_locally(spark, catalogue):
    """Return a function that runs the pipeline in the shared local session and returns its exit code."""

    def run(output, *settings):
        return runner.execute(run_all.JOB, job_args(catalogue, output, *settings), start=lambda _: spark)

    return run


@pytest.fixture(scope="module")
def expected(run_locally, tmp_path_factory):
    """The output of an undisturbed local run."""
    output = tmp_path_factory.mktemp("expected") / "out"
    assert run_locally(output, CELLS) == 0
    return output


@pytest.mark.cluster
def test_cluster_with_killed_executors_makes_same_tables(cluster, catalogue, expected, tmp_path):
    shutil.copy(catalogue, tmp_path / "tracks.csv")
    # relative paths, as a user types them in another folder than the project's
    run = start_job(tmp_path, *submit_args(cluster.master, "tracks.csv", "out", CELLS))
    killed_in, run_ended = [], threading.Event()

    def kill_in_every_stage() -> None:
        for stage, path in STAGE_STARTS.items():
            wait_for(lambda path=path: run_ended.is_set() or list((tmp_path / "out").glob(path)), stage, seconds=300)
            find = cluster.busy_executors if stage in PYTHON_STAGES else cluster.executors
            # 0.1 s, because each attempt reads all processes of the machine
            executors = wait_for(
                lambda find=find: run_ended.is_set() or find(), f"an executor in {stage}", seconds=300, every=0.1
            )
            if run_ended.is_set():
                return
            os.kill(executors[0], signal.SIGKILL)
            killed_in.append(stage)

    killer = threading.Thread(target=kill_in_every_stage)
    killer.start()
    try:
        code = run.wait(400)
    finally:
        run_ended.set()
        killer.join()
    log = (tmp_path / "log").read_text("utf-8")
    assert code == 0, log[-5000:]
    assert killed_in == list(STAGE_STARTS)
    assert "added 1496" in log
    # an error of the native BLAS's loader, which logging cannot suppress
    assert "JNI_OnLoad" not in log
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "out", "tracks.csv"]
    assert differences(expected, tmp_path / "out") == []


@pytest.mark.cluster
def test_next_run_completes_tables_of_killed_driver(catalogue, expected, run_locally, tmp_path):
    # while this table is written, the tracks are committed and the ledger of files is not; make faults kills runs while
    # they write the other tables
    output, args = tmp_path / "out", submit_args("local[2]", catalogue, tmp_path / "out", CELLS)
    assert kill_while_writing(tmp_path, args, "ingested_files"), (tmp_path / "log").read_text()[-3000:]
    assert table_faults(output) == []
    assert run_locally(output, CELLS) == 0
    assert differences(expected, output) == []
    assert sorted(DeltaTable(str(output / "runs")).to_pandas().status) == ["died", "done"]


@pytest.mark.cluster
def test_two_concurrent_runs_succeed_or_report_conflict(catalogue, expected, run_locally, tmp_path):
    output = tmp_path / "out"
    other = start_job(tmp_path, *submit_args("local[2]", catalogue, output))
    wait_for(lambda: list(output.glob(".running/*.json")), "the other run to begin", seconds=300)
    codes = {run_locally(output), other.wait(300)}
    assert codes <= {0, 4}, (tmp_path / "log").read_text()[-3000:]
    assert table_faults(output) == []
    if 0 not in codes:
        assert run_locally(output) == 0
    assert differences(expected, output) == []
