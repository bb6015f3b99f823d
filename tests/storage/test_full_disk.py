"""A disk that is full, or cannot be written to: a message, tables that are whole, and a next run that goes on."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.helpers.submitted_jobs import PROJECT

pytestmark = pytest.mark.cluster
_ALONE = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """What ``small_disk`` tells of its nights."""
    folder = tmp_path_factory.mktemp("disk")
    mounting = [*_ALONE, "mount", "-t", "tmpfs", "segue", str(folder)]
    if shutil.which("unshare") is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a disk of his own")
    done = subprocess.run(
        [*_ALONE, sys.executable, "-m", "tests.helpers.full_disk", str(folder)],
        env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'lib'}"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "result.json").read_text("utf-8"))


@pytest.mark.guard("read-only-output-refused")
def test_a_read_only_output_is_refused_before_anything_is_done(nights):
    night = nights["read_only"]
    assert night["code"] == 3
    (line,) = [line for line in night["stderr"].splitlines() if "error:" in line]
    assert line.endswith("the folder is read-only")
    assert night["rows"] == nights["before"]["rows"]


@pytest.mark.guard("full-disk-one-line-error")
def test_a_full_disk_is_told_in_a_line(nights):
    *full, enough = nights["full"]
    assert enough["code"] == 0
    assert len(full) >= 4, "the disk was not full in different places"
    for night in full:
        assert night["code"] in (1, 3)
        (line,) = [line for line in night["stderr"].splitlines() if line.startswith("error:")]
        assert "No space left on device" in line
        assert "Traceback" not in night["stderr"]


def test_every_table_is_whole_wherever_the_disk_was_full(nights):
    before, after = nights["before"]["rows"], nights["after"]["rows"]
    for night in nights["full"]:
        assert night["rows"].keys() == before.keys()
        for name, rows in night["rows"].items():
            assert rows in (before[name], after[name]), name


def test_with_room_again_the_next_run_completes_to_the_same_tables(nights):
    assert nights["full"][-1]["code"] == 0
    assert nights["differences"] == []
