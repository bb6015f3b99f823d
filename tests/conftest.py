"""Mark the kind of every test; provide the Spark session that tests share, and the folder of published files."""

import csv
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
from py4j.java_gateway import java_import
from pyspark.sql import SparkSession
from tests.helpers.submitted_jobs import SHORT_LIVED

from segue.runtime import runner, session

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"
KINDS = ("browser", "cluster", "spark", "unit")


def pytest_configure() -> None:
    """Restore the default SIGINT handler, and remove Hypothesis' time limit, which a busy machine would exceed.

    A shell lets its background processes, and all they start, ignore SIGINT.
    """
    hypothesis.settings.register_profile("segue", hypothesis.settings.default, deadline=None)
    hypothesis.settings.load_profile("segue")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Return "bytes" for parameters of this type: the bytes of an archive would put its time into the id of a test."""
    return "bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with one of ``KINDS`` before ``-m`` selects tests, and put files with ``cluster`` tests first.

    Each of these files takes minutes; if one of them came last, a parallel run would wait for it alone.
    """
    for item in items:
        if not any(item.get_closest_marker(kind) for kind in ("browser", "cluster")):
            item.add_marker("spark" if "spark" in getattr(item, "fixturenames", ()) else "unit")
    slow_files = {item.path for item in items if item.get_closest_marker("cluster")}
    items.sort(key=lambda item: item.path not in slow_files)


@pytest.fixture(autouse=True)
def forbid_jvm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make building a Spark session an error in ``unit`` tests, even if another test has started a session before."""

    def refuse(_: object) -> NoReturn:
        raise RuntimeError("a unit test builds a SparkSession, expected none: let the test use the fixture spark")

    if request.node.get_closest_marker("unit"):
        monkeypatch.setattr(SparkSession.Builder, "getOrCreate", refuse)


@contextmanager
def spark_session() -> Iterator[SparkSession]:
    """Start a session for small data, and stop it at the end."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_CONF_DIR"] = str(Path(__file__).parents[1] / "conf")
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[2] --driver-memory 1g --driver-java-options '{SHORT_LIVED}' "
        "--conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 --conf spark.log.level=ERROR "
        "--conf spark.sql.sources.parallelPartitionDiscovery.parallelism=1 "
        "--conf spark.databricks.delta.snapshotPartitions=1 --conf spark.executor.heartbeatInterval=60s pyspark-shell"
    )
    spark = session.spark_session("tests")
    # PySpark looks these names up for every column; unless they are imported, py4j tries six packages in all jars
    for name in ("org.apache.spark.sql.functions", "org.apache.spark.api.python.PythonUtils"):
        java_import(spark._jvm, name)
    yield spark
    spark.stop()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The session that all ``spark`` tests share."""
    with spark_session() as running:
        yield running


@pytest.fixture
def run_job(spark: SparkSession) -> Callable[..., int]:
    """Return a function that runs a job in the shared session and returns its exit code."""

    def run(entry: runner.Job, *argv: object) -> int:
        return runner.execute(entry, [str(word) for word in argv], start=lambda _: spark)

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of published files beside the project; skip the test if there is none."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no published files in {REAL_DATA}")
    return REAL_DATA


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes rows as a CSV file and returns its path."""

    def write(rows: list[list[object]], name: str = "tracks.csv", delimiter: str = ",") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=delimiter).writerows(rows)
        return path

    return write
