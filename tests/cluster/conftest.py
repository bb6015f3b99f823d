"""Start a Spark standalone cluster on this machine: a master and two workers, each a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyspark
import pytest
from tests.helpers.catalogue import write_catalogue
from tests.helpers.submitted_jobs import SHORT_LIVED, command_line, job_environment, process_tree
from tests.helpers.waiting import wait_for

SPARK = Path(pyspark.__file__).parent


@dataclass(frozen=True)
class Cluster:
    """The URL of a master, and the process ids of its workers."""

    master: str
    workers: tuple[int, ...]

    def executors(self) -> list[int]:
        """Return the process ids of the executors."""
        pids = [pid for worker in self.workers for pid in process_tree(worker)]
        return [pid for pid in pids if "CoarseGrainedExecutorBackend" in command_line(pid).partition("--driver-url")[0]]

    def busy_executors(self) -> list[int]:
        """Return the executors that have Python workers, which start with the first task in Python."""
        return [pid for pid in self.executors() if len(process_tree(pid)) > 1]


@contextlib.contextmanager
def start_cluster(folder: Path, n_workers: int, *, hidden: Path | None = None) -> Iterator[Cluster]:
    """Start a master and workers with one core each, on free ports, and kill them at the end.

    If ``hidden`` is given, the workers see an empty file system of their own instead of this folder.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        log = _start(folder, "master", started, [], "master.Master", "--port", "0", "--webui-port", "0")
        url = wait_for(lambda: re.search(r"spark://127\.0\.0\.1:\d+", log.read_text("utf-8")), "the master")[0]
        logs = []
        for number in range(1, n_workers + 1):
            options = ["--cores", "1", "--memory", "1g", "--webui-port", "0"]
            options += ["--work-dir", str(folder / f"work{number}")]
            mount = f"mount -t tmpfs none '{hidden}' && exec \"$@\""
            prefix = ["unshare", "--mount", "sh", "-c", mount, "sh"] if hidden else []
            logs.append(_start(folder, f"worker{number}", started, prefix, "worker.Worker", *options, url))
        for log in logs:
            wait_for(lambda log=log: "Successfully registered" in log.read_text("utf-8"), log.stem)
        _, *workers = (process.pid for process in started)
        yield Cluster(url, tuple(workers))
    finally:
        for process in started:
            for pid in process_tree(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two workers with one core each."""
    with start_cluster(tmp_path_factory.mktemp("cluster"), 2) as started:
        yield started


def _start(
    folder: Path, name: str, started: list[subprocess.Popen[bytes]], prefix: list[str], class_name: str, *options: str
) -> Path:
    """Start a daemon of Spark and return the path of its log. The words of ``prefix`` precede its command."""
    log = folder / f"{name}.log"
    settings = job_environment() | {"SPARK_HOME": str(SPARK), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}
    settings |= {"SPARK_DAEMON_JAVA_OPTS": SHORT_LIVED}
    command = [
        *prefix,
        str(SPARK / "bin" / "spark-class"),
        f"org.apache.spark.deploy.{class_name}",
        "--host",
        "127.0.0.1",
        *options,
    ]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=settings, stdout=stream, stderr=stream, start_new_session=True)
    started.append(process)
    return log


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 1,500 tracks in six clusters, four of which have an invalid tempo."""
    return write_catalogue(tmp_path_factory.mktemp("catalogue") / "tracks.csv")
