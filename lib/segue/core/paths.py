"""Resolve paths and URIs, read parts of files through Hadoop, and check that executors see a folder of the driver.

A path without a scheme is always on the driver's local file system; Hadoop's setting ``fs.defaultFS`` is ignored.
"""

import codecs
import os
import socket
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

_LOCAL_SCHEMES = ("", "file")
_FIRST_BYTES = 1 << 16
_CHUNK_BYTES = 4 << 20
_TASKS_PER_CORE = 2
"""Tasks per core of the job in ``hosts_without``: with two, nearly every executor gets a task."""


def spark_uri(path: str) -> str:
    """Convert a path or URI to a URI for Spark, without trailing slashes: ``/data/`` becomes ``file:/data``.

    A path without a scheme is local, and is made absolute.
    """
    return path.rstrip("/") if urlsplit(path).scheme else f"file:{os.path.abspath(path)}"


def local_path(uri: str) -> Path | None:
    """Return the absolute path of a local file or folder, or None if ``uri`` is on another file system."""
    if urlsplit(uri).scheme not in _LOCAL_SCHEMES:
        return None
    return Path(os.path.abspath(uri.removeprefix("file://").removeprefix("file:")))


def has_local_master(spark: SparkSession) -> bool:
    """Return whether Spark's master is ``local[…]``: the driver and the executor are then one process."""
    master = spark.sparkContext.master or ""
    return master.startswith("local") and not master.startswith("local-cluster")


def hosts_without(spark: SparkSession, path: Path) -> list[str]:
    """List the hosts on which executors do not see a file or folder of the driver's disk, sorted by name.

    Runs one Spark job with two tasks per core. An executor without a task is not checked. If the master is local, no
    job runs and the list is empty.
    """
    if has_local_master(spark):
        return []
    text = str(path)

    def find_unseen(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            hosts = [] if Path(text).exists() else [socket.gethostname()]
            yield pa.RecordBatch.from_arrays([pa.array(hosts, pa.string())], names=["host"])

    n_tasks = _TASKS_PER_CORE * spark.sparkContext.defaultParallelism
    hosts = spark.range(0, n_tasks, 1, n_tasks).mapInArrow(find_unseen, "host string")
    return sorted(row.host for row in hosts.distinct().collect())


def read_from(spark: SparkSession, uri: str, start: int) -> bytes:
    """Read the bytes of a file from position ``start`` (in bytes) to its end. Runs no Spark job.

    The driver reads the file through Hadoop; ``uri`` may be on any file system supported by Spark.
    """
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(uri)
    stream = path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).open(path)
    try:
        stream.seek(start)
        return bytes(stream.readAllBytes())
    finally:
        stream.close()


def read_parts(spark: SparkSession, uri: str, starts: Iterable[int], n_bytes: int) -> list[bytes]:
    """Read parts of a file: up to ``n_bytes`` from each position in ``starts``. Runs no Spark job.

    The driver reads the file through Hadoop; ``uri`` may be on any file system supported by Spark.
    """
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(uri)
    stream = path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).open(path)
    try:
        parts = []
        for start in starts:
            stream.seek(start)
            parts.append(bytes(stream.readNBytes(n_bytes)))
        return parts
    finally:
        stream.close()


def begins_with_long_line(spark: SparkSession, uri: str, starts: tuple[bytes, ...], max_bytes: int) -> bool:
    """Return whether the first line of a file begins with one of ``starts`` and is longer than ``max_bytes``.

    A byte order mark and blanks before the line are skipped. The driver reads the file through Hadoop, only to the
    line's end or about ``max_bytes``. A file with the ending of a compressed file, such as ``.gz``, is decompressed.
    Returns False for a file that cannot be read. The file is read in chunks, so the result may also be False for a line
    that exceeds ``max_bytes`` by less than 4 MiB. Runs no Spark job.

    Parameters
    ----------
    spark : the session
    uri : URI of the file
    starts : possible first bytes of the line, such as ``(b"[", b"{")``
    max_bytes : number of bytes after decompression
    """
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(uri)
    conf = spark._jsparkSession.sessionState().newHadoopConf()
    codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(conf).getCodec(path)
    try:
        stream = path.getFileSystem(conf).open(path)
        try:
            stream = codec.createInputStream(stream) if codec else stream
            chunk = bytes(stream.readNBytes(_FIRST_BYTES)).removeprefix(codecs.BOM_UTF8).lstrip()
            if not chunk.startswith(starts):
                return False
            n_bytes = len(chunk)
            while chunk and b"\n" not in chunk and n_bytes <= max_bytes:
                chunk = bytes(stream.readNBytes(_CHUNK_BYTES))
                n_bytes += len(chunk)
            return n_bytes > max_bytes and b"\n" not in chunk
        finally:
            stream.close()
    except Py4JError:
        # not an error here: the Spark job that reads the whole file raises an error with the file's name
        return False


def hosts_without_folder(spark: SparkSession, folder: str) -> list[str]:
    """List the hosts on which executors do not see the files in a folder, sorted by name. Runs one Spark job.

    Executors look for an empty file, created in the folder and removed afterwards. A folder of the same name on an
    executor's own disk lacks this file. If the folder is on a remote file system, or the master is local, no job runs
    and the list is empty.

    Parameters
    ----------
    folder : a path or URI; a local folder must exist
    """
    path = local_path(folder)
    if path is None or has_local_master(spark):
        return []
    probe = path / f".probe-{uuid.uuid4().hex}"
    probe.touch()
    try:
        return hosts_without(spark, probe)
    finally:
        probe.unlink(missing_ok=True)


def unseen_message(option: str, path: str, hosts: list[str]) -> str:
    """Return the error message for a path on the driver's disk that executors do not see.

    Parameters
    ----------
    option : command-line option for the path, such as ``--output``
    path : value of the option
    hosts : names of these executors' hosts
    """
    return (
        f"{option} {path} is on the driver's disk, which executors on {', '.join(hosts)} do not see; expected a URI, "
        "such as s3a://BUCKET/FOLDER or hdfs:///FOLDER, or a folder that all machines share"
    )
