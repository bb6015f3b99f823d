"""Detect whether a job writes to a terminal."""

import io
import os
import subprocess
import sys

import pytest

from segue.runtime import session


@pytest.mark.parametrize(("value", "expected"), [("1", True), (None, False)])
def test_start_script_reports_the_terminal(value, expected, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delenv("SEGUE_TERMINAL", raising=False)
    if value:
        monkeypatch.setenv("SEGUE_TERMINAL", value)
    assert session.has_terminal() is expected


PROBE = """
from segue.runtime.session import spark_session
spark = spark_session()
print(spark.conf.get("spark.sql.session.timeZone"), spark.conf.get("spark.databricks.delta.snapshotPartitions"))
spark.stop()
"""


@pytest.mark.cluster
def test_settings_of_the_operator_take_precedence():
    args = "--master local[1] --conf spark.ui.enabled=false --conf spark.sql.session.timeZone=Asia/Tokyo pyspark-shell"
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": args}
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == ["Asia/Tokyo", "2"]
