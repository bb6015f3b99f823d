"""Signals that arrive before, during or after the work of a run, in a process without Spark."""

import subprocess
import sys

import pytest

PROBE = """
import os, signal, types
from segue.runtime import job, run_markers, runner, session
from segue.storage import store

session.spark_session = lambda name: types.SimpleNamespace(version="4", interruptAll=lambda: None)
session.stop = lambda: print("stopped")

def interrupt(*_):
    os.kill(os.getpid(), signal.{signal})

def work(run):
    pass

{patch}
runner.main(job.Job("probe", work), ["--output", "out"])
"""


def run(folder, signal, patch):
    """Run a job in a process that sends itself a signal, and return the completed process.

    ``patch`` is Python code that makes some function of the run call ``interrupt``.
    """
    code = PROBE.format(signal=signal, patch=patch)
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_signal_before_the_marker_is_one_error_line(signal, code, tmp_path):
    done = run(tmp_path, signal, "store.Store.prepare = interrupt")
    assert (done.returncode, done.stdout) == (code, "stopped\n")
    assert done.stderr == f"error: interrupted by {signal}\n"


@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_signal_after_the_marker_is_recorded(signal, code, tmp_path):
    patch = """
store.Store.prepare = lambda self: None
runner._record = lambda run, row: print(row["status"])
write = run_markers.RunMarker._write
run_markers.RunMarker._write = lambda marker: (write(marker), interrupt())
"""
    done = run(tmp_path, signal, patch)
    assert (done.returncode, done.stdout) == (code, "interrupted\nstopped\n")
    assert done.stderr == f"error: interrupted by {signal}\n"
    assert list((tmp_path / "out" / ".running").iterdir()) == []


def test_interrupted_run_is_recorded_if_cancelling_fails(tmp_path):
    patch = """
store.Store.prepare = lambda self: None
runner._record = lambda run, row: print(row["status"])

def fail():
    raise ConnectionError("Answer from Java side is empty")

session.spark_session = lambda name: types.SimpleNamespace(version="4", interruptAll=fail)
work = lambda run: interrupt()
"""
    done = run(tmp_path, "SIGINT", patch)
    assert (done.returncode, done.stdout) == (130, "interrupted\nstopped\n")
    assert done.stderr == "error: interrupted by SIGINT\n"


@pytest.mark.guard("signals-ignored-while-recording")
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_signal_while_recording_is_ignored(signal, tmp_path):
    patch = "runner._record = lambda run, row: (interrupt(), print(row['status']))"
    done = run(tmp_path, signal, "store.Store.prepare = lambda self: None; " + patch)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\nstopped\n", "")
    assert list((tmp_path / "out" / ".running").iterdir()) == []


@pytest.mark.guard("swallowed-signal-checked")
@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_signal_swallowed_by_the_work_ends_the_run(signal, code, tmp_path):
    patch = """
store.Store.prepare = lambda self: None
runner._record = lambda run, row: print(row["status"])
def work(run):
    try:
        interrupt()
    except BaseException:
        pass
"""
    done = run(tmp_path, signal, patch)
    assert (done.returncode, done.stdout) == (code, "interrupted\nstopped\n")
    assert done.stderr == f"error: interrupted by {signal}\n"
