"""Signals at moments when a run does not work: before it has begun, and when it is done. Spark is not needed for it."""

import subprocess
import sys

import pytest

PROBE = """
import os, signal, types
from segue.runtime import job, run_log, runner, session
from segue.storage import store

session.spark_session = lambda name: types.SimpleNamespace(version="4", interruptAll=lambda: None)
session.stop = lambda: print("stopped")

def ask(*_):
    os.kill(os.getpid(), signal.{signal})

def work(run):
    pass

{patch}
runner.main(job.Job("probe", work), ["--output", "out"])
"""


def run(folder, signal, patch):
    """What becomes of a job that asks itself to end at some moment."""
    code = PROBE.format(signal=signal, patch=patch)
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_before_a_run_has_begun_to_work_it_ends_in_a_line(signal, code, tmp_path):
    done = run(tmp_path, signal, "store.Store.prepare = ask")
    assert (done.returncode, done.stdout) == (code, "stopped\n")
    assert done.stderr == f"error: interrupted by {signal}\n"


@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_from_the_moment_its_note_is_there_a_run_is_recorded(signal, code, tmp_path):
    patch = """
store.Store.prepare = lambda self: None
runner._record = lambda run, row: print(row["status"])
write = run_log.RunMarker._write
run_log.RunMarker._write = lambda note: (write(note), ask())
"""
    done = run(tmp_path, signal, patch)
    assert (done.returncode, done.stdout) == (code, "interrupted\nstopped\n")
    assert done.stderr == f"error: interrupted by {signal}\n"
    assert list((tmp_path / "out" / ".running").iterdir()) == []


def test_a_run_whose_jobs_cannot_be_cancelled_is_recorded_too(tmp_path):
    patch = """
store.Store.prepare = lambda self: None
runner._record = lambda run, row: print(row["status"])

def fail():
    raise ConnectionError("Answer from Java side is empty")

session.spark_session = lambda name: types.SimpleNamespace(version="4", interruptAll=fail)
work = lambda run: ask()
"""
    done = run(tmp_path, "SIGINT", patch)
    assert (done.returncode, done.stdout) == (130, "interrupted\nstopped\n")
    assert done.stderr == "error: interrupted by SIGINT\n"


@pytest.mark.guard("signals-ignored-while-recording")
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_what_is_done_is_recorded_all_the_same(signal, tmp_path):
    patch = "runner._record = lambda run, row: (ask(), print(row['status']))"
    done = run(tmp_path, signal, "store.Store.prepare = lambda self: None; " + patch)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\nstopped\n", "")
    assert list((tmp_path / "out" / ".running").iterdir()) == []


@pytest.mark.guard("swallowed-signal-checked")
@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_that_the_work_has_swallowed_ends_the_run_as_asked(signal, code, tmp_path):
    patch = """
store.Store.prepare = lambda self: None
runner._record = lambda run, row: print(row["status"])
def work(run):
    try:
        ask()
    except BaseException:
        pass
"""
    done = run(tmp_path, signal, patch)
    assert (done.returncode, done.stdout) == (code, "interrupted\nstopped\n")
    assert done.stderr == f"error: interrupted by {signal}\n"
