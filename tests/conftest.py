"""One Spark session for all tests, small; real data where it is at hand."""

import csv
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from py4j.java_gateway import java_import
from pyspark.sql import SparkSession
from tests.helpers.submitted_jobs import SHORT_LIVED

from segue.runtime import runner, session

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell has what it starts in the background ignore it, and so would every job that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files whose tests start JVMs of their own first: they take minutes, so none may come last."""
    slow = {item.path for item in items if item.get_closest_marker("jvm")}
    items.sort(key=lambda item: item.path not in slow)


@contextmanager
def started() -> Iterator[SparkSession]:
    """Give the session that the tests share."""
    # the workers run this Python
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_CONF_DIR"] = str(Path(__file__).parents[1] / "conf")
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[2] --driver-memory 1g --driver-java-options '{SHORT_LIVED}' "
        "--conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 --conf spark.log.level=ERROR "
        "--conf spark.sql.sources.parallelPartitionDiscovery.parallelism=1 "
        "--conf spark.databricks.delta.snapshotPartitions=1 --conf spark.executor.heartbeatInterval=60s pyspark-shell"
    )
    spark = session.spark_session("tests")
    # named at every column; else looked for in six packages first, each time through all of Spark's jars
    for name in ("org.apache.spark.sql.functions", "org.apache.spark.api.python.PythonUtils"):
        java_import(spark._jvm, name)
    yield spark
    spark.stop()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with started() as running:
        yield running


@pytest.fixture
def run_job(spark: SparkSession) -> Callable[..., int]:
    """Run a job in the tests' session, and return its exit code."""

    def run(entry: runner.Job, *argv: object) -> int:
        return runner.execute(entry, [str(word) for word in argv], start=lambda _: spark)

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of published files, where it stands beside the project."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data beside the project in {REAL_DATA}")
    return REAL_DATA


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a CSV file, and return its path."""

    def write(rows: list[list[object]], name: str = "tracks.csv", delimiter: str = ",") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=delimiter).writerows(rows)
        return path

    return write
