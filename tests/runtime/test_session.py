"""Test the detection of a terminal, the check of Delta's jar, and the precedence of settings of spark-submit."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from tests.helpers.submitted_jobs import PROJECT, submit_and_wait

from segue.runtime import session


@pytest.mark.parametrize(("value", "expected"), [("1", True), (None, False)])
def test_variable_of_the_start_script_says_whether_there_is_a_terminal(value, expected, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delenv("SEGUE_TERMINAL", raising=False)
    if value:
        monkeypatch.setenv("SEGUE_TERMINAL", value)
    assert session.has_terminal() is expected


@pytest.mark.parametrize(
    "jar",
    [
        "file:/opt/spark/jars/io.delta_delta-spark_4.2_2.13-4.4.0.jar",
        "file:/opt/spark%204/jars/delta-spark_4.2_2.13-4.4.0.jar",
        "file:/databricks/jars/delta-core-assembly.jar",
        "",
    ],
)
def test_delta_for_this_spark_or_in_a_jar_of_another_name_is_accepted(jar):
    assert session.delta_fault(jar, "4.2.0") is None


@pytest.mark.parametrize(
    ("jar", "state"),
    [
        (None, "lacks Delta's jars"),
        ("file:/j/delta-spark_4.1_2.13-4.1.0.jar", "has delta-spark_4.1_2.13-4.1.0.jar, which is for Spark 4.1"),
        ("file:/j/delta-spark_2.13-4.0.0.jar", "has delta-spark_2.13-4.0.0.jar, which is for Spark 4.0 or older"),
    ],
)
def test_missing_delta_and_delta_for_another_spark_are_named_with_the_remedy(jar, state):
    fault = session.delta_fault(jar, "4.2.0")
    assert fault.startswith(f"Spark 4.2.0 {state}; expected delta-spark_4.2_2.13, such as --packages io.delta:")


@pytest.mark.cluster
@pytest.mark.guard("delta-jar-checked")
def test_job_without_delta_ends_with_one_line(tmp_path, monkeypatch):
    spark = tmp_path / "spark"
    spark.mkdir()
    home = Path(pyspark.__file__).parent
    for part in home.iterdir():
        if part.name != "jars":
            (spark / part.name).symlink_to(part)
    (spark / "jars").mkdir()
    for jar in (home / "jars").glob("*.jar"):
        if not jar.name.startswith("io.delta_"):
            (spark / "jars" / jar.name).symlink_to(jar)
    monkeypatch.setenv("SPARK_HOME", str(spark))
    done = submit_and_wait(tmp_path, PROJECT / "jobs/maintain_tables.py", "--output", tmp_path / "out")
    errors = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert (done.returncode, len(errors)) == (3, 1), done.stdout
    assert "lacks Delta's jars; expected delta-spark_4.2_2.13" in errors[0]
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "out").exists()


PROBE = """
from segue.runtime.session import spark_session
spark = spark_session()
print(spark.conf.get("spark.sql.session.timeZone"), spark.conf.get("spark.databricks.delta.snapshotPartitions"))
spark.stop()
"""


@pytest.mark.cluster
def test_settings_of_spark_submit_take_precedence():
    args = "--master local[1] --conf spark.ui.enabled=false --conf spark.sql.session.timeZone=Asia/Tokyo pyspark-shell"
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": args}
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == ["Asia/Tokyo", "2"]
