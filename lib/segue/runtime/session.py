"""Build and stop the SparkSession of jobs and notebooks."""

import os
import sys
import tempfile
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from segue.storage.transactions import LOG_STORE, LOG_STORE_SETTING

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",
    # Delta's default of 50 tasks for each read of a table's log costs seconds on a laptop; these logs are short
    "spark.databricks.delta.snapshotPartitions": "2",
    # VACUUM lists a table's folder in as many tasks, by default 10,000; a table here has one folder
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    # Spark creates this folder, by default where the job was started, though nothing is written to it
    "spark.sql.warehouse.dir": f"file:{tempfile.gettempdir()}/segue-warehouse",
    # bounds the memory of a Python worker, however large a partition is
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 << 20),
    # else PySpark sends the source position of every column to the JVM: four more py4j calls for each
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # lets adaptive execution coalesce the shuffle partitions of a frame that is persisted
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
}


def spark_session(name: str = "notebook") -> SparkSession:
    """Return the running session, or a new one with Delta, whose jars must be on Spark's class path.

    In a running session, those of segue's Spark settings are set that can change at run time, such as the time zone.
    Settings of the operator (``spark-submit --conf``, ``spark-defaults.conf``) take precedence; master, memory and
    shuffle partitions are never set here.

    Parameters
    ----------
    name : part of the application's name in Spark's UI
    """
    # a SparkConf that is created before the JVM starts lacks the settings of the operator
    SparkContext._ensure_initialized()
    configured = SparkConf()
    builder = SparkSession.builder.appName(f"segue {name}")
    log_store = {LOG_STORE_SETTING: LOG_STORE} if _has_class(LOG_STORE) else {}
    for key, value in (DELTA | DEFAULTS | log_store).items():
        if not configured.contains(key):
            builder = builder.config(key, value)
    if not configured.contains("spark.ui.showConsoleProgress"):
        builder = builder.config("spark.ui.showConsoleProgress", str(has_terminal()).lower())
    return builder.getOrCreate()


def _has_class(name: str) -> bool:
    """Return whether the JVM, which must be connected, has a class on its class path."""
    jvm: Any = SparkContext._jvm
    try:
        jvm.java.lang.Class.forName(name, False, jvm.java.lang.Thread.currentThread().getContextClassLoader())
    except Py4JJavaError:
        return False
    return True


def has_terminal() -> bool:
    """Return whether the error output is shown in a terminal.

    Under spark-submit stderr is a pipe even then, so spark-submit.sh sets the environment variable SEGUE_TERMINAL to 1.
    """
    return sys.stderr.isatty() or os.environ.get("SEGUE_TERMINAL") == "1"


def stop() -> None:
    """Stop the active SparkSession, if there is one."""
    session = SparkSession.getActiveSession()
    if session:
        session.stop()
