"""Start and stop the SparkSession of jobs and notebooks."""

import os
import re
import sys
import tempfile
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from segue.core.file_systems import LOG_STORE, LOG_STORE_SETTING
from segue.core.packaged import versions
from segue.errors import SparkError

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
"""Spark settings required by Delta."""
DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",
    # by default Delta reads a table's log in 50 tasks, which costs seconds on a laptop; segue's tables have short logs
    "spark.databricks.delta.snapshotPartitions": "2",
    # VACUUM lists a table's folders in this number of tasks, by default 10,000; each of segue's tables is one folder
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    # Spark creates this folder, by default in the current directory, although segue writes nothing to it
    "spark.sql.warehouse.dir": f"file:{tempfile.gettempdir()}/segue-warehouse",
    # bounds the memory of a Python worker for partitions of any size
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 << 20),
    # Persisted rows are stored in batches, by default of 10,000 rows. In these, an array for a column of texts takes
    # more than 1 MB; G1 allocates arrays above half a region of a small heap separately (humongous objects). The ingest
    # of a million rows took a JVM of 2.0 to 2.2 GB with the default, 1.4 to 1.7 GB with 1,000.
    "spark.sql.inMemoryColumnarStorage.batchSize": "1000",
    # by default PySpark sends the source position of every column to the JVM: four more py4j calls for each column
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # lets adaptive execution coalesce the shuffle partitions of a persisted frame; otherwise 200 by default remain
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
}
"""Default values of Spark settings; settings of the user take precedence."""


_DELTA_JAR = re.compile(r"delta-spark_(?:(\d+\.\d+)_)?2\.\d+-")
_SPARK_OF_UNNUMBERED_DELTA = "4.0 or older"
"""Versions of Spark for a Delta jar without a Spark version in its name, such as ``delta-spark_2.13-4.0.0.jar``."""


def spark_session(name: str = "notebook") -> SparkSession:
    """Return the running SparkSession, or start one, with the settings required by segue.

    Settings of the user (``spark-submit --conf``, ``spark-defaults.conf``) are not changed. If a session is running
    already, segue's settings take effect only where Spark can change a setting at run time, such as the time zone.
    segue never sets the master, the memory or the number of shuffle partitions.

    Parameters
    ----------
    name : name of a new application, shown in Spark's UI as ``segue NAME``

    Raises
    ------
    SparkError
        If Delta's jars are not on Spark's class path, or are built for another version of Spark.
    """
    # starts the JVM: a SparkConf created earlier would lack the settings of spark-submit and spark-defaults.conf
    SparkContext._ensure_initialized()
    jvm: Any = SparkContext._jvm
    delta_jar = _class_location(DELTA["spark.sql.extensions"])
    # guard: delta-jar-checked -> fault = None
    fault = delta_fault(delta_jar, jvm.org.apache.spark.package.SPARK_VERSION())
    if fault:
        raise SparkError(fault)
    configured = SparkConf()
    builder = SparkSession.builder.appName(f"segue {name}")
    log_store = {LOG_STORE_SETTING: LOG_STORE} if _class_location(LOG_STORE) is not None else {}
    for key, value in (DELTA | DEFAULTS | log_store).items():
        if not configured.contains(key):
            builder = builder.config(key, value)
    if not configured.contains("spark.ui.showConsoleProgress"):
        builder = builder.config("spark.ui.showConsoleProgress", str(has_terminal()).lower())
    return builder.getOrCreate()


def delta_fault(jar: str | None, spark_version: str) -> str | None:
    """Return an error message if Delta's jars are missing or built for another version of Spark; else None.

    The message names the expected jars.

    Parameters
    ----------
    jar : URL of the jar with Delta's classes, or None if Spark's class path has no such jar
    spark_version : version of Spark, such as ``4.2.0``
    """
    release = ".".join(spark_version.split(".")[:2])
    name = unquote(jar.rstrip("/").rpartition("/")[2]) if jar else ""
    match = _DELTA_JAR.search(name)
    # a jar with an unknown name is accepted: a vendor's Spark may include Delta in a jar of another name
    if jar is not None and (match is None or (match[1] or _SPARK_OF_UNNUMBERED_DELTA) == release):
        return None
    state = (
        f"has {name}, which is for Spark {match[1] or _SPARK_OF_UNNUMBERED_DELTA}" if match else "lacks Delta's jars"
    )
    delta = versions()["delta-spark"].replace("unknown", "VERSION")
    return (
        f"Spark {spark_version} {state}; expected delta-spark_{release}_2.13, such as "
        f"--packages io.delta:delta-spark_{release}_2.13:{delta}, and no other Delta on the class path"
    )


def _class_location(name: str) -> str | None:
    """Return the URL of the jar with a Java class; None if the JVM has no such class, "" if it knows no location."""
    jvm: Any = SparkContext._jvm
    try:
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        source = jvm.java.lang.Class.forName(name, False, loader).getProtectionDomain().getCodeSource()
    except Py4JJavaError:
        return None
    return str(source.getLocation()) if source else ""


def has_terminal() -> bool:
    """Return whether stderr is shown in a terminal.

    Under spark-submit, the stderr of this process is always a pipe. Therefore ``spark-submit.sh`` sets the environment
    variable SEGUE_TERMINAL to 1 if its own stderr is a terminal.
    """
    return sys.stderr.isatty() or os.environ.get("SEGUE_TERMINAL") == "1"


def stop() -> None:
    """Stop the active SparkSession, if there is one."""
    session = SparkSession.getActiveSession()
    if session:
        session.stop()
