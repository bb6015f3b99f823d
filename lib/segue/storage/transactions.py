"""Exclude concurrent writers: a commit directly follows the version that its writer has read, or it fails.

Delta alone does not ensure this. On a local file system its log is safe within one JVM only: of two JVMs that write the
same version, one may be lost (hence ``output_lock``). And Delta skips, without an error, a write whose transaction
number is already in the log (hence the search for the writer's commit in ``exclusive_commit``).
"""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delta import exceptions as delta_exceptions
from filelock import FileLock, Timeout
from pyarrow import fs
from pyspark.sql import SparkSession

from segue.errors import ConflictError
from segue.storage import commit_log
from segue.storage.files import filesystem_for

log = logging.getLogger(__name__)

LOCK_TIMEOUT_SECONDS = 3600.0
_SILENT_SECONDS = 5.0
"""A wait for a lock that takes more seconds than this is logged."""
_LOCK_FILE = ".lock"

_APP = "segue"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APP_ID, _APP_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
# Delta's conflict exceptions have no common base class
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


def conflict_error(table: str) -> ConflictError:
    """Return, for the caller to raise, the ConflictError for a table that another run has changed."""
    return ConflictError(f"another run changed {table} at the same time, so this one stopped; run again")


@contextmanager
def delta_conflicts(table: str) -> Iterator[None]:
    """Context manager: raise ConflictError instead of the exceptions by which Delta reports a concurrent writer."""
    try:
        yield
    except _CONFLICTS as error:
        raise conflict_error(table) from error


@contextmanager
def exclusive_commit(
    spark: SparkSession, folder: str, table: str, version: int, provenance: Mapping[str, Any] | None
) -> Iterator[None]:
    """Context manager for a block that writes once to a table: the write must directly follow ``version``.

    All commits carry the same ``txnAppId``, and ``version + 1`` as ``txnVersion`` (Delta's options for idempotent
    writes). Of two commits with the same number Delta refuses the later or skips it silently, so afterwards the log is
    searched for a commit of this writer.

    Parameters
    ----------
    folder : folder of the table
    table : name of the table, for the error
    version : version of the table that the caller has read, -1 if the table does not exist
    provenance : what the rows are derived from, stored with the commit; ``commit_log.read_provenance`` returns it

    Raises
    ------
    ConflictError
        If another writer has committed since ``version``.
    """
    # guard: write-requires-checked-version
    if (commit_log.latest_version(folder) if version >= 0 else version) != version:
        raise conflict_error(table)
    writer = uuid.uuid4().hex
    metadata = {"writer": writer} | ({"from": dict(provenance)} if provenance else {})
    # guard: shared-transaction-id -> options = {_USER_METADATA: json.dumps(metadata)}
    options = {_USER_METADATA: json.dumps(metadata), _APP_ID: _APP, _APP_VERSION: str(version + 1)}
    for name, value in options.items():
        spark.conf.set(name, value)
    try:
        with delta_conflicts(table):
            yield
    finally:
        for name in options:
            spark.conf.unset(name)
    latest = commit_log.latest_version(folder)
    # guard: commit-is-own
    if latest is None or not commit_log.has_commit_by(folder, writer, range(latest, version, -1)):
        raise conflict_error(table)


@contextmanager
def output_lock(folder: str, name: str = "", *, timeout: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Context manager: hold a lock that excludes other processes of this machine until the block or process ends.

    Does nothing for a folder that is not on a local file system.

    Parameters
    ----------
    folder : folder of the lock file
    name : name of the lock; locks of different names do not exclude each other
    timeout : maximum seconds to wait for another process; a wait of more than five is logged

    Raises
    ------
    ConflictError
        If another process still holds the lock after ``timeout``.
    """
    system, path = filesystem_for(folder)
    if not isinstance(system, fs.LocalFileSystem):
        yield
        return
    system.create_dir(path, recursive=True)
    lock = FileLock(Path(path) / (f"{_LOCK_FILE}-{name}" if name else _LOCK_FILE))
    # guard: lock-excludes-processes
    _acquire(lock, folder, timeout)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: str, timeout: float) -> None:
    try:
        lock.acquire(timeout=min(_SILENT_SECONDS, timeout))
    except Timeout:
        log.warning("waiting for another run that writes to %s, for %.0f s at the most", folder, timeout)
        try:
            lock.acquire(timeout=max(timeout - _SILENT_SECONDS, 0))
        except Timeout:
            raise ConflictError(
                f"another run has been writing to {folder} for {timeout:.0f} s; run again when it has ended"
            ) from None
