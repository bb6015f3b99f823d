"""Runs on a full or read-only disk print one line, leave consistent tables, and complete once there is space."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.helpers.submitted_jobs import PROJECT

pytestmark = pytest.mark.cluster
_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The results that ``tests.helpers.full_disk.main`` returns."""
    folder = tmp_path_factory.mktemp("disk")
    mounting = [*_NAMESPACE, "mount", "-t", "tmpfs", "segue", str(folder)]
    if shutil.which("unshare") is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let users mount a file system")
    process = subprocess.run(
        [*_NAMESPACE, sys.executable, "-m", "tests.helpers.full_disk", str(folder)],
        env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'lib'}"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    return json.loads((folder / "result.json").read_text("utf-8"))


@pytest.mark.guard("read-only-output-refused")
def test_read_only_output_is_refused_and_unchanged(runs):
    run = runs["read_only"]
    assert run["code"] == 3
    (line,) = [line for line in run["stderr"].splitlines() if "error:" in line]
    assert line.endswith("the folder is read-only")
    assert run["rows"] == runs["before"]["rows"]


@pytest.mark.guard("full-disk-one-line-error")
def test_run_on_a_full_disk_prints_one_error_line(runs):
    *full, last = runs["full"]
    assert last["code"] == 0
    assert len(full) >= 4, "the disk was full in fewer than four runs"
    for run in full:
        assert run["code"] in (1, 3)
        (line,) = [line for line in run["stderr"].splitlines() if line.startswith("error:")]
        assert "No space left on device" in line
        assert "Traceback" not in run["stderr"]


def test_full_disk_leaves_every_table_consistent(runs):
    before, after = runs["before"]["rows"], runs["after"]["rows"]
    for run in runs["full"]:
        assert run["rows"].keys() == before.keys()
        for name, rows in run["rows"].items():
            assert rows in (before[name], after[name]), name


def test_run_with_enough_space_writes_the_same_tables_as_on_another_disk(runs):
    assert runs["full"][-1]["code"] == 0
    assert runs["differences"] == []
