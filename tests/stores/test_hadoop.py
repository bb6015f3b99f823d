"""Tables in HDFS, and jobs on YARN with the packages shipped as docs/how_to/cluster.md says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from deltalake import DeltaTable
from tests.cluster.pipeline import submit_args
from tests.helpers.hadoop_cluster import start_hadoop
from tests.helpers.output_differences import COMPARED, WRITTEN_BY_INGEST, differences
from tests.helpers.submitted_jobs import PROJECT, submit_and_wait
from tests.stores.conftest import versions

from segue.pipeline import maintain

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def hadoop(tmp_path_factory):
    """A cluster for this module's tests."""
    with start_hadoop(tmp_path_factory.mktemp("hadoop")) as hadoop:
        yield hadoop


@pytest.fixture(scope="module")
def output(run, hadoop):
    """URI of the output of a first run in HDFS."""
    assert run(f"{hadoop.uri}/first") == 0
    return f"{hadoop.uri}/first"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with segue and its packages, without the extra spark, as the page makes it."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "--quiet", "install", "--no-compile", "-c", PROJECT / "constraints.txt"]
    for packages in ([PROJECT, "venv-pack"], ["--no-deps", "delta-spark"]):
        install = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
        if install.returncode:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"pip needs the network: {install.stderr[-500:]}")
    return folder


@pytest.fixture(scope="module")
def archive(environment, hadoop):
    """URI of that environment as an archive, which YARN unpacks once for all containers."""
    pack = [environment / "bin/venv-pack", "-q", "-p", "env", "-o", "env.tar.gz", "--compress-level", "0"]
    subprocess.run(pack, check=True, cwd=environment.parent)
    return hadoop.upload(environment.parent / "env.tar.gz")


def test_tables_in_hdfs_are_those_of_a_local_run_and_a_second_run_changes_none(hadoop, local, output, run, tmp_path):
    first = hadoop.download(output, tmp_path / "first")
    assert differences(local, first) == []
    assert run(output) == 0
    second = hadoop.download(output, tmp_path / "second")
    assert versions(second) == versions(first)
    assert sorted(DeltaTable(str(second / "runs")).to_pandas().status) == ["done", "done"]


def test_lookups_in_hdfs_need_neither_a_jvm_nor_libhdfs(output):
    without_java = {name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "CLASSPATH")}
    command = [sys.executable, "-m", "segue.lookup.cli", "similar", "Song 7 - Artist 7", "--json", "--output", output]
    done = subprocess.run(
        command, env=without_java | {"PATH": "/nonexistent"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_maintenance_in_hdfs(output, run_job):
    assert run_job(maintain.JOB, "--output", output) == 0


def test_wheel_without_the_extra_spark_installs_no_spark_and_reads_runs(environment, output):
    listed = subprocess.run([environment / "bin/pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "segue" in listed
    assert "pyspark" not in listed
    command = [environment / "bin/segue", "runs", "--output", output]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("run_pipeline") >= 1


@pytest.mark.parametrize(("mode", "job"), [("client", "ingest_tracks"), ("cluster", "run_pipeline")])
def test_tables_of_a_run_on_yarn_are_those_of_a_local_run(
    mode, job, hadoop, archive, local, catalogue, tmp_path, monkeypatch
):
    monkeypatch.setenv("HADOOP_CONF_DIR", str(hadoop.configuration))
    # in client mode a path without a scheme, which is on the driver's disk although the default file system is HDFS
    catalogue = catalogue if mode == "client" else hadoop.upload(catalogue)
    python = "./env/bin/python"
    options = {
        "spark.archives": f"{archive}#env",
        "spark.pyspark.python": python,
        "spark.pyspark.driver.python": sys.executable if mode == "client" else python,
        "spark.yarn.jars": f"local:{Path(pyspark.__file__).parent}/jars/*",
        "spark.executor.instances": "1",
        "spark.submit.deployMode": mode,
    }
    # the host of a URI without one is that of fs.defaultFS
    output = f"hdfs:///{mode}" if mode == "client" else f"{hadoop.uri}/{mode}"
    words = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    done = submit_and_wait(tmp_path, *words, *submit_args("yarn", catalogue, output, job=job))
    assert done.returncode == 0, done.stdout[-5000:]
    downloaded = hadoop.download(f"{hadoop.uri}/{mode}", tmp_path / "out")
    tables = WRITTEN_BY_INGEST if job == "ingest_tracks" else COMPARED
    assert differences(local, downloaded, tables) == []
