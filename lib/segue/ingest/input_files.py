"""List the files that an input path names: a file, a folder, a glob, or a Delta table."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from delta.tables import DeltaTable
from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segue.core.paths import has_local_master, hosts_without, local_path, spark_uri, unseen_message
from segue.core.text import java_cause
from segue.errors import InputError
from segue.ingest.formats import foreign_formats

FORMATS = {
    "csv": (".csv", ".tsv", ".tab", ".txt"),
    "json": (".json", ".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "zip": (".zip",),
    "xlsx": (".xlsx", ".xlsm"),
}
"""The endings of file names for each format."""
LARGE_INPUT_BYTES = 32 << 20
"""Maximum size of a small input.

To find duplicates, all rows of a small input are shuffled. The rows of a large input are persisted first, and as a rule
only those with repeated track ids are shuffled (``merge.persisted_with_status``).
"""
_COMPRESSIONS = (".gz", ".bz2", ".zst", ".deflate")
_HADOOP_COMPRESSIONS = ("lz4", "snappy")
"""Endings of compressions that are refused: Hadoop reads lz4 and snappy only in its own variants."""
_GLOB = re.compile(r"[*?\[{]")
_GLOB_CHARACTERS = re.compile(r"([*?\[\]{}\\])")
_INPUT_FAULTS = re.compile(
    r"FAILED_READ_FILE|EOFException|ZipException|FileNotFoundException|AccessControlException|UnknownHostException"
    r"|ParquetDecodingException|is not a Parquet file|CANNOT_READ_FILE|CANNOT_MERGE|No FileSystem for scheme"
    r"|incorrect header"
)
"""Pattern in the messages of Spark's errors about unreadable input."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of the input, or a Delta table with its version at the time of listing.

    Attributes
    ----------
    uri : URI of the file, as Spark writes it, or of the Delta table
    id : ``xxhash64`` of Spark's ``_metadata.file_path``, by which workers identify the file; 0 for a Delta table
    source_file : path relative to the input folder (for a glob, to the folder before its first glob character), as in
        ``tracks.source_file``; for a single file or a Delta table, its name
    size : size in bytes; 0 for a Delta table
    format : ``csv``, ``json``, ``parquet``, ``zip``, ``xlsx`` or ``delta``
    version : version of the Delta table to read; None for files
    modified_at : UTC time of the last modification of the file, or of the last commit to the Delta table
    """

    uri: str
    id: int
    source_file: str
    size: int
    format: str
    version: int | None = None
    modified_at: datetime | None = None


@contextmanager
def readable_errors(name: str) -> Iterator[None]:
    """Context manager: replace Spark's errors about unreadable input by an InputError, "cannot read NAME: CAUSE"."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        # all other errors are faults of segue or the cluster
        if not isinstance(error, AnalysisException) and not _INPUT_FAULTS.search(str(error)):
            raise
        raise InputError(f"cannot read {name}: {java_cause(error)}") from error


def literal_path(uri: str) -> str:
    """Escape the glob characters of a path, because Spark's readers would expand them."""
    return _GLOB_CHARACTERS.sub(r"\\\1", uri)


def list_input(spark: SparkSession, path: str, output: str | None = None) -> list[InputFile]:
    """List the non-empty files that a path names, as InputFile, sorted by ``source_file``. Runs one Spark job.

    Parameters
    ----------
    spark : SparkSession
    path : str
        Path or URI of a file, folder, glob or Delta table; a path without a scheme is on the driver's disk. A Delta
        table counts as one file. A single file of unknown ending is read as CSV; in a folder or glob, files of unknown
        ending are left out.
    output : str, optional
        URI of the output folder: files below it are never read as input.

    Raises
    ------
    InputError
        If the path does not exist, cannot be read, or names no file of a supported format; or if a file is compressed
        with lz4 or snappy.
    """
    is_literal = _is_literal(path)
    uri = spark_uri(path)
    with readable_errors(f"--input {path}"):
        if is_literal and DeltaTable.isDeltaTable(spark, uri):
            return [_delta_table(spark, uri)]
        rows = _binary_files(spark, literal_path(uri) if is_literal else uri)
    base = _base_folder(path, is_literal=is_literal)
    files = [
        InputFile(uri, file_id, _relative(uri, base), size, format_of(uri), None, _utc(modified_at))
        for uri, size, file_id, modified_at in rows
        # guard: output-not-read-as-input
        if output is None or not _is_below(uri, output)
    ]
    _refuse_hadoop_compressions(files)
    supported = sorted((file for file in files if file.format), key=lambda file: file.source_file)
    if not supported:
        for file in files:
            if described := foreign_formats.describe_ending(file.source_file):
                raise InputError(f"{file.source_file} {described}")
        if len(files) == 1 and _base_name(files[0].uri) == _base_name(path):
            return [replace(files[0], format="csv")]
        endings = " ".join(ending for endings in FORMATS.values() for ending in endings)
        raise InputError(
            f"--input {path} holds no readable file: found {len(files)} non-empty files, "
            f"expected one that ends in {endings} (compressed or not), or a Delta table"
        )
    return supported


def require_visible_input(spark: SparkSession, path: str) -> None:
    """Raise InputError if executors do not see a local input path of the driver.

    Runs one Spark job (``hosts_without``). No job runs if the master is local, the path is not on a local file system,
    or nothing exists at the path.
    """
    if local_path(path) is None or has_local_master(spark):
        return
    # executors may have a folder of the same name, so they look for a file
    base = Path(_base_folder(path, is_literal=_is_literal(path)))
    probe = next((entry for entry in base.rglob("*") if entry.is_file()), base) if base.is_dir() else base
    # guard: unseen-input-refused
    if probe.exists() and (hosts := hosts_without(spark, probe)):
        raise InputError(unseen_message("--input", path, hosts))


def _is_literal(path: str) -> bool:
    """Return whether a path is no glob: it has no glob characters, or it is a local file or folder."""
    return not _GLOB.search(path) or (not urlsplit(path).scheme and Path(path).exists())


def _delta_table(spark: SparkSession, path: str) -> InputFile:
    # the commit time identifies the version: a table that was deleted and created again can have an old version number
    last_commit = DeltaTable.forPath(spark, path).history(1).select("version", F.unix_micros("timestamp"))
    version, committed_at = last_commit.collect()[0]
    return InputFile(path, 0, _base_name(path), 0, "delta", version, _utc(committed_at))


def _binary_files(spark: SparkSession, pattern: str) -> list[tuple[str, int, int, int]]:
    """List the non-empty files that match a pattern as (URI, size, id, modification time in µs). Runs one Spark job."""
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(pattern)
    rows = files.select("path", "length", F.xxhash64("_metadata.file_path"), F.unix_micros("modificationTime"))
    return [tuple(row) for row in rows.collect()]


def _refuse_hadoop_compressions(files: list[InputFile]) -> None:
    for file in files:
        name, _, ending = file.source_file.rpartition(".")
        if ending.lower() in _HADOOP_COMPRESSIONS and format_of(name):
            raise InputError(
                f"{file.source_file}: .{ending.lower()} files cannot be read, "
                "expected .gz, .bz2, .zst or an uncompressed file"
            )


def _is_below(uri: str, folder: str) -> bool:
    uri, folder = (re.sub("^file:/+", "file:/", each) for each in (uri, folder))
    return uri.startswith(folder.rstrip("/") + "/")


def _utc(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def format_of(uri: str) -> str:
    """Return the format of a file by the ending of its name, or an empty string if the ending is unknown.

    A compression's ending is ignored: the format of ``a.csv.gz`` is ``csv``.
    """
    name = uri.lower()
    for ending in _COMPRESSIONS:
        name = name.removesuffix(ending)
    return next((file_format for file_format, endings in FORMATS.items() if name.endswith(endings)), "")


def is_large(files: Sequence[InputFile]) -> bool:
    """Return whether an input has more than ``LARGE_INPUT_BYTES``. A Delta table, whose size is unknown, is large."""
    return any(file.version is not None for file in files) or sum(file.size for file in files) > LARGE_INPUT_BYTES


def is_compressed(uri: str) -> bool:
    """Return whether a file's name ends like that of a compressed file, such as ``.gz``."""
    return uri.lower().endswith(_COMPRESSIONS)


def _base_name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _base_folder(path: str, *, is_literal: bool) -> str:
    """Return the path, without scheme and host, to which ``InputFile.source_file`` is relative.

    For a glob, it is the folder before the first glob character: "/data" for "/data/2024*.csv". Otherwise, or if
    ``is_literal`` is true, it is the input path itself.
    """
    glob = None if is_literal else _GLOB.search(path)
    fixed = path[: glob.start()].rpartition("/")[0] if glob else path
    return urlsplit(fixed).path if urlsplit(fixed).scheme else os.path.abspath(fixed)


def _relative(uri: str, base: str) -> str:
    path = re.sub(r"^[a-z][a-z0-9+.-]*:(//[^/]*)?", "", uri, flags=re.IGNORECASE)
    relative = path.removeprefix(base.rstrip("/") + "/")
    return _base_name(path) if relative == path else relative
