"""Writers of one table are kept apart: one commit is the next after what its writer saw, or there is none."""

import fcntl
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delta import exceptions as delta_exceptions
from pyarrow import fs
from pyspark.sql import SparkSession

from segue.errors import ConflictError
from segue.storage import commit_log
from segue.storage.files import filesystem_for

_APP = "segue"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APP_ID, _APP_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
_CONFLICTS = (
    delta_exceptions.DeltaConcurrentModificationException,
    delta_exceptions.ConcurrentWriteException,
    delta_exceptions.MetadataChangedException,
    delta_exceptions.ProtocolChangedException,
    delta_exceptions.ConcurrentAppendException,
    delta_exceptions.ConcurrentDeleteReadException,
    delta_exceptions.ConcurrentDeleteDeleteException,
    delta_exceptions.ConcurrentTransactionException,
)
"""What Delta raises where another writer was faster; they have no ancestor of their own."""


@contextmanager
def delta_conflicts(table: str) -> Iterator[None]:
    """Raise ConflictError where a write inside loses against another run's."""
    try:
        yield
    except _CONFLICTS as error:
        raise conflict_error(table) from error


@contextmanager
def exclusive_commit(
    spark: SparkSession, folder: str, table: str, before: int, made_from: Mapping[str, Any] | None
) -> Iterator[None]:
    """Have the one write inside be the next commit after version ``before`` (-1: of a table that is not there).

    All commits are made under one transaction's name: of two that would be the next Delta refuses the later one, or
    skips it without a word, so afterwards the log is asked whose commit it is. ``made_from`` is kept in the commit.

    Raises
    ------
    ConflictError
        If another writer was faster.
    """
    # guard: write-requires-checked-version
    if (commit_log.latest_version(folder) if before >= 0 else before) != before:
        raise conflict_error(table)
    writer = uuid.uuid4().hex
    said = {"writer": writer} | ({"from": dict(made_from)} if made_from else {})
    # guard: shared-transaction-id -> told = {_USER_METADATA: json.dumps(said)}
    told = {_USER_METADATA: json.dumps(said), _APP_ID: _APP, _APP_VERSION: str(before + 1)}
    for name, value in told.items():
        spark.conf.set(name, value)
    try:
        with delta_conflicts(table):
            yield
    finally:
        for name in told:
            spark.conf.unset(name)
    after = commit_log.latest_version(folder)
    # guard: commit-is-own
    if after is None or not commit_log.has_commit_by(folder, writer, range(after, before, -1)):
        raise conflict_error(table)


def conflict_error(table: str) -> ConflictError:
    """Return the error that says that a table was changed meanwhile."""
    return ConflictError(f"another run changed {table} meanwhile, and this one lost; run again")


_LOCK = ".lock"
"""Locks are files in ROOT: this one is of all who write tables, others have a name behind it."""


@contextmanager
def output_lock(folder: str, what: str = "") -> Iterator[None]:
    """Have a folder on this machine to oneself, among those who ask for the same; a process that dies gives it free.

    Delta's log on a local file system is safe within one JVM only: two could write the same version, and one be lost.
    Other stores have no such lock, and need a log store that knows several writers.
    """
    system, path = filesystem_for(folder)
    if not isinstance(system, fs.LocalFileSystem):
        yield
        return
    system.create_dir(path, recursive=True)
    with (Path(path) / (f"{_LOCK}-{what}" if what else _LOCK)).open("a") as stream:
        # guard: lock-excludes-processes
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
