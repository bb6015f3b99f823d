"""Workers with disks of their own: input or output on the driver's disk is refused before anything is written."""

import shutil
import subprocess

import pytest
from tests.cluster.conftest import start_cluster
from tests.cluster.pipeline import submit_args
from tests.helpers.submitted_jobs import submit_and_wait

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A folder of the driver's disk."""
    return tmp_path_factory.mktemp("disk")


@pytest.fixture(scope="module")
def master(disk, tmp_path_factory):
    """The master of a worker in a mount namespace, in which an empty file system hides the folder ``disk``."""
    allowed = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
    if not allowed:
        pytest.skip("mount namespaces need root")
    with start_cluster(tmp_path_factory.mktemp("cluster"), 1, hidden=disk) as cluster:
        yield cluster.master


@pytest.mark.guard("unseen-output-refused")
def test_output_that_no_worker_sees_is_refused(master, disk, catalogue, tmp_path):
    done = submit_and_wait(tmp_path, *submit_args(master, catalogue, disk / "out"))
    assert done.returncode == 3, done.stdout[-3000:]
    assert f"error: --output {disk / 'out'} is on the driver's disk, which executors on" in done.stdout
    assert "do not see; expected a URI" in done.stdout
    assert list((disk / "out").iterdir()) == []


@pytest.mark.guard("unseen-input-refused")
def test_input_that_no_worker_sees_is_refused(master, disk, catalogue, tmp_path):
    shutil.copy(catalogue, disk / "tracks.csv")
    done = submit_and_wait(tmp_path, *submit_args(master, disk / "*.csv", tmp_path / "out"))
    assert done.returncode == 3, done.stdout[-3000:]
    assert f"error: --input {disk}/*.csv is on the driver's disk" in done.stdout
    assert list((tmp_path / "out").iterdir()) == []
