"""The whole pipeline, with processes killed under it: the tables of a run that nobody disturbs."""

import os
import shutil
import signal
import threading

import pytest
from deltalake import DeltaTable
from tests.cluster.killing import killed_while_writing, torn
from tests.cluster.pipeline import own_words, words
from tests.helpers.output_differences import differences
from tests.helpers.submitted_jobs import begin
from tests.helpers.waiting import until

from segue.pipeline import run_all
from segue.runtime import runner

CELLS = "recommend.method=cells"
# what shows from outside that a stage is at work: the one before it has left this
STAGES = {
    "ingest": ".running/*.json",
    "train": "ingested_files/_delta_log/*.json",
    "label": "k_scores/_delta_log/*.json",
    "recommend": "cluster_profiles/_delta_log/*.json",
    "report": "similar_tracks/_delta_log/*.json",
}
BY_PYTHON = ("ingest", "train", "recommend")
"""Stages in which executors have Python workers, so that one can be killed that has tasks, or blocks that are kept."""


@pytest.fixture(scope="module")
def here(spark, catalogue):
    """Run the pipeline over the catalogue in the tests' own session, of one machine, and return its exit code."""

    def run(output, *settings):
        return runner.execute(run_all.JOB, own_words(catalogue, output, *settings), start=lambda _: spark)

    return run


@pytest.fixture(scope="module")
def alone(here, tmp_path_factory):
    """What one machine makes of the catalogue."""
    output = tmp_path_factory.mktemp("alone") / "out"
    assert here(output, CELLS) == 0
    return output


@pytest.mark.jvm
def test_a_cluster_whose_executors_die_in_every_stage_makes_the_same_tables(cluster, catalogue, alone, tmp_path):
    shutil.copy(catalogue, tmp_path / "tracks.csv")
    # relative to the folder where it is submitted, which is not the project's
    run = begin(tmp_path, *words(cluster.master, "tracks.csv", "out", CELLS))
    killed, ended = [], threading.Event()

    def kill() -> None:
        for stage, shown in STAGES.items():
            until(lambda shown=shown: ended.is_set() or list((tmp_path / "out").glob(shown)), stage, seconds=300)
            executors = cluster.at_work if stage in BY_PYTHON else cluster.executors
            # each look goes through all processes there are
            there = until(
                lambda find=executors: ended.is_set() or find(), f"an executor in {stage}", seconds=300, every=0.1
            )
            if ended.is_set():
                return
            os.kill(there[0], signal.SIGKILL)
            killed.append(stage)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        code = run.wait(400)
    finally:
        ended.set()
        killer.join()
    assert code == 0, (tmp_path / "log").read_text()[-5000:]
    assert killed == list(STAGES)
    assert "added 1496" in (tmp_path / "log").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "out", "tracks.csv"]
    assert differences(alone, tmp_path / "out") == []


@pytest.mark.jvm
def test_what_a_killed_driver_leaves_is_whole_and_the_next_run_completes_it(catalogue, alone, here, tmp_path):
    # the tracks are there by then, and nothing says that their file was read; the campaign kills at every other table
    output, command = tmp_path / "out", words("local[2]", catalogue, tmp_path / "out", CELLS)
    assert killed_while_writing(tmp_path, command, "ingested_files"), (tmp_path / "log").read_text()[-3000:]
    assert torn(output) == []
    assert here(output, CELLS) == 0
    assert differences(alone, output) == []
    assert sorted(DeltaTable(str(output / "runs")).to_pandas().status) == ["died", "done"]


@pytest.mark.jvm
def test_of_two_runs_at_once_each_ends_well_or_says_that_it_lost(catalogue, alone, here, tmp_path):
    output = tmp_path / "out"
    other = begin(tmp_path, *words("local[2]", catalogue, output))
    until(lambda: list(output.glob(".running/*.json")), "the other run to begin", seconds=300)
    codes = {here(output), other.wait(300)}
    assert codes <= {0, 4}, (tmp_path / "log").read_text()[-3000:]
    assert torn(output) == []
    if 0 not in codes:
        assert here(output) == 0
    assert differences(alone, output) == []
