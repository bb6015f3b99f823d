"""Start versitygw, a server with the interface of S3, and have the shared Spark session use it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.cluster.faults import latest_version
from tests.cluster.pipeline import job_args
from tests.helpers.catalogue import write_catalogue
from tests.helpers.output_differences import COMPARED
from tests.helpers.submitted_jobs import PROJECT
from tests.helpers.waiting import wait_for

from segue.pipeline import run_all
from segue.runtime import runner

KEY, SECRET, BUCKET = "tests", "tests-secret", "bucket"


@dataclass(frozen=True)
class S3:
    """A running server: its address, and the folder where it keeps each object as a file of the same name."""

    endpoint: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """Hadoop's settings for this server."""
        return {
            "fs.s3a.endpoint": self.endpoint,
            "fs.s3a.endpoint.region": "us-east-1",
            "fs.s3a.access.key": KEY,
            "fs.s3a.secret.key": SECRET,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": "false",
        }

    @property
    def submit_options(self) -> list[str]:
        """The same settings as options of spark-submit."""
        return [word for name, value in self.settings.items() for word in ("--conf", f"spark.hadoop.{name}={value}")]

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which deltalake reaches the server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


def find_server() -> str:
    """Return the path of versitygw; skip the tests without it, or fail where CI is set."""
    search = subprocess.run([PROJECT / "tools" / "versitygw.sh"], capture_output=True, text=True, check=False)
    if search.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(search.stderr.strip())
    return search.stdout.strip()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server on a free port of 127.0.0.1, with one empty bucket."""
    program, folder = find_server(), tmp_path_factory.mktemp("s3")
    (folder / BUCKET).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    secrets = {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--port", address, "posix", str(folder)], env=os.environ | secrets, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: process.poll() is not None or _answers(address), "versitygw")
        assert process.poll() is None, (folder / "log").read_text()
        yield S3(f"http://{address}", folder / BUCKET)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder / BUCKET, ignore_errors=True)


def _answers(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as connection:
        return connection.connect_ex((host, int(port))) == 0


@pytest.fixture(scope="session")
def s3(spark: SparkSession, server: S3) -> S3:
    """The server, which the shared session reaches under s3a://bucket; no AWS_* variable is set."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    for name, value in server.settings.items():
        spark._jsc.hadoopConfiguration().set(name, value)
    return server


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 1,500 tracks in six clusters, four of which have an invalid tempo."""
    return write_catalogue(tmp_path_factory.mktemp("catalogue") / "tracks.csv")


@pytest.fixture(scope="module")
def run(spark: SparkSession, catalogue: Path) -> Callable[[str | Path], int]:
    """Return a function that runs the pipeline in the shared session, and returns its exit code."""
    return lambda output: runner.execute(run_all.JOB, job_args(catalogue, output), start=lambda _: spark)


@pytest.fixture(scope="module")
def local(run: Callable[[str | Path], int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run on the local disk."""
    output = tmp_path_factory.mktemp("local") / "out"
    assert run(output) == 0
    return output


def versions(root: Path) -> dict[str, int]:
    """Return the latest version of each compared table of an output."""
    return {table.name: latest_version(root / table.name) for table in COMPARED}
