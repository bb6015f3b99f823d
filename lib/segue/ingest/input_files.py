"""Which files an input path names, of which kind: a file, a folder, a glob, or a Delta table."""

import os
import re
from collections.abc import Iterator
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

from segue.errors import InputError

_GLOB = re.compile(r"[*?\[{]")
_SPECIAL = re.compile(r"([*?\[\]{}\\])")
_UNREADABLE = re.compile(
    r"FAILED_READ_FILE|EOFException|ZipException|FileNotFoundException|AccessControlException|UnknownHostException"
    r"|ParquetDecodingException|is not a Parquet file|CANNOT_READ_FILE|CANNOT_MERGE|No FileSystem for scheme"
    r"|incorrect header"
)
"""What Spark says, among other things, where a file is at fault."""
_FOR_PROGRAMS = re.compile(r"^([\w$]+\.)+(?=[\w$]+(:|$))|^\[[A-Z0-9_.]+\] |\. SQLSTATE: \w{5}$")
"""The packages of a Java class, Spark's name of a condition, and the SQL standard's."""
_COMPRESSED = (".gz", ".bz2", ".zst", ".deflate")
_NOT_THAT_OF_OTHERS = (".lz4", ".snappy")
"""Hadoop packs these in a way of its own, and cannot read what other programs pack."""
FORMATS = {
    "csv": (".csv", ".tsv", ".tab", ".txt"),
    "json": (".json", ".jsonl", ".ndjson"),
    "parquet": (".parquet",),
}


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of the input: where it is, what the rows will call it, its bytes, how it is written, and when it was.

    A Delta table counts as one, of the version that it had when it was looked at.
    """

    uri: str
    id: int
    relative: str
    size: int
    format: str
    version: int | None = None
    modified_at: datetime | None = None


@contextmanager
def readable_errors(what: str) -> Iterator[None]:
    """Turn what Spark says of unreadable input into one line."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        if not isinstance(error, AnalysisException) and not _UNREADABLE.search(str(error)):
            raise  # a fault of segue's or of the cluster's, not of the input
        raise InputError(f"cannot read {what}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """Return the innermost cause that a JVM's trace names, else the first line, without names that programs go by."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    text = causes[-1] if causes else (lines[0] if lines else type(error).__name__)
    return _FOR_PROGRAMS.sub("", text)[:300]


def literal_path(uri: str) -> str:
    """Return a path that Spark takes literally, not for a glob."""
    return _SPECIAL.sub(r"\\\1", uri)


def list_input(spark: SparkSession, path: str, output: str | None = None) -> list[InputFile]:
    """Return the files that ``path`` names, sorted; a Delta table counts as one. Runs a Spark job.

    Parameters
    ----------
    path : a file, a folder, a glob or a Delta table
    output : URI of where segue writes; what lies below it is no input, though the folder that it lies in may be one

    Raises
    ------
    InputError
        If nothing is there, or nothing in a form that segue reads.
    """
    literal = not _GLOB.search(path) or (not urlsplit(path).scheme and Path(path).exists())
    pattern = literal_path(path) if literal else path
    with readable_errors(f"--input {path}"):
        if literal and DeltaTable.isDeltaTable(spark, path):
            # a table that was made anew has the version of one that was read before, but not its time
            last = DeltaTable.forPath(spark, path).history(1).select("version", F.unix_micros("timestamp"))
            version, at = last.collect()[0]
            return [InputFile(path, 0, _name(path), 0, "delta", version, _moment(at))]
        listed = (
            spark.read.format("binaryFile")
            .option("recursiveFileLookup", "true")
            .load(pattern)
            .select("path", "length", F.xxhash64("_metadata.file_path"), F.unix_micros("modificationTime"))
            .collect()
        )
    base = _base(path, literal=literal)
    found = [
        InputFile(uri, file_id, _relative(uri, base), size, _format(uri), None, _moment(at))
        for uri, size, file_id, at in listed
        # guard: output-not-read-as-input
        if output is None or not _is_below(uri, output)
    ]
    for file in found:
        packed = [ending for ending in _NOT_THAT_OF_OTHERS if file.relative.lower().endswith(ending)]
        if packed and _format(file.relative[: -len(packed[0])]):
            raise InputError(f"{file.relative}: {packed[0]} is not read, wanted .gz, .bz2, .zst, or a file as it is")
    if len(found) == 1 and not found[0].format and _name(found[0].uri) == _name(path):
        return [replace(found[0], format="csv")]
    readable = sorted((file for file in found if file.format), key=lambda file: file.relative)
    if not readable:
        endings = " ".join(ending for endings in FORMATS.values() for ending in endings)
        raise InputError(
            f"--input {path} holds no file to read: found {len(found)} files that are not empty, "
            f"wanted one that ends in {endings} "
            "(compressed or not), or a Delta table"
        )
    return readable


def _is_below(uri: str, folder: str) -> bool:
    uri, folder = (re.sub("^file:/+", "file:/", each) for each in (uri, folder))
    return uri.startswith(folder.rstrip("/") + "/")


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def _format(uri: str) -> str:
    name = uri.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return next((kind for kind, endings in FORMATS.items() if name.endswith(endings)), "")


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _base(path: str, *, literal: bool) -> str:
    """Return the folder that names are relative to, without scheme and host: the glob's fixed part, or all of it."""
    fixed = path if literal else path[: _GLOB.search(path).start()].rpartition("/")[0]  # type: ignore[union-attr]
    return urlsplit(fixed).path if urlsplit(fixed).scheme else os.path.abspath(fixed)


def _relative(uri: str, base: str) -> str:
    path = re.sub(r"^[a-z][a-z0-9+.-]*:(//[^/]*)?", "", uri, flags=re.IGNORECASE)
    inside = path.removeprefix(base.rstrip("/") + "/")
    return _name(path) if inside == path else inside
