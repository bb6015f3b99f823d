"""The one place a SparkSession is built."""

import os
import sys
import tempfile

from pyspark import SparkConf
from pyspark.sql import SparkSession

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
DEFAULTS = {
    # the same instants whatever the machine's own zone
    "spark.sql.session.timeZone": "UTC",
    # Delta's log is small here: the default of 50 tasks for each read of it costs seconds on a laptop
    "spark.databricks.delta.snapshotPartitions": "2",
    # VACUUM lists a table's folder in as many tasks, by default 10,000; tables of segue have one folder each
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    # Spark makes this folder though nothing of segue goes there; not in the folder where the job was started
    "spark.sql.warehouse.dir": f"file:{tempfile.gettempdir()}/segue-warehouse",
    # a worker holds so much at a time, however large a partition is
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 << 20),
    # PySpark would find out and tell Spark of every column's place in the source, of interest in a notebook alone
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # a cached frame keeps as many partitions as its size is worth, instead of the 200 of its shuffle
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
}
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


def start(name: str) -> SparkSession:
    """Return the session, with Delta. Whatever the operator set stays; master, memory and shuffle are theirs alone."""
    given = SparkConf()
    builder = SparkSession.builder.appName(f"segue {name}")
    for key, value in (DELTA | DEFAULTS).items():
        if not given.contains(key):
            builder = builder.config(key, value)
    if not given.contains("spark.ui.showConsoleProgress"):
        builder = builder.config("spark.ui.showConsoleProgress", str(has_terminal()).lower())
    return builder.getOrCreate()


def interpret(spark: SparkSession) -> None:
    """Have plans interpreted instead of compiled, with the same results: over few rows compiling is most of the work.

    Whatever the operator set stays.
    """
    given = _operator_settings()
    for key, value in INTERPRETED.items():
        if key not in given:
            spark.conf.set(key, value)


def _operator_settings() -> dict[str, str]:
    """Return what the operator set."""
    return dict(SparkConf().getAll())


def has_terminal() -> bool:
    """Tell whether errors go to a terminal, as ``spark-submit.sh`` says, since a job under Spark sees a pipe."""
    return sys.stderr.isatty() or os.environ.get("SEGUE_TERMINAL") == "1"


def stop() -> None:
    """End the session, if there is one."""
    running = SparkSession.getActiveSession()
    if running:
        running.stop()
