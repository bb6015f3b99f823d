"""Exclude concurrent writers: a commit directly follows the version that its writer has read, or it fails.

Delta alone does not ensure this. On a local file system its log is safe within one JVM only: if two JVMs write the same
version at the same time, one commit may be lost. ``output_lock`` prevents that. And Delta skips, without an error, a
write whose transaction number is already in the log, so ``exclusive_commit`` searches the log for the writer's commit.
"""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from delta import exceptions as delta_exceptions
from filelock import FileLock, Timeout
from pyspark.sql import DataFrame, SparkSession

from segue.core.paths import local_path
from segue.errors import ConflictError
from segue.storage import commit_log
from segue.storage.files import Files

log = logging.getLogger(__name__)

LOCK_TIMEOUT_SECONDS = 3600.0
_SILENT_SECONDS = 5.0
"""A wait for a lock that takes more seconds than this is logged."""
_LOCK_FILE = ".lock"
LOG_STORE_SETTING, LOG_STORE = "spark.delta.logStore.s3a.impl", "segue.ConditionalLogStore"
"""Delta's setting for the LogStore of tables on S3, and the class in lib/java that creates commits conditionally."""

_APP = "segue"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APP_ID, _APP_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
"""Set in the session, since MERGE and CREATE OR REPLACE ignore the options of a writer."""
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
    """Return the ConflictError for a table that another run has changed; the caller raises it."""
    return ConflictError(f"another run changed {table} at the same time, so this one stopped; run again")


@contextmanager
def delta_conflicts(table: str) -> Iterator[None]:
    """Context manager: replace the exceptions that Delta raises for a concurrent writer by a ConflictError."""
    try:
        yield
    except _CONFLICTS as error:
        raise conflict_error(table) from error


def warn_of_lost_commits(spark: SparkSession, files: Files, root: str) -> None:
    """Log a warning if the output ``root`` is on S3 and two concurrent runs could replace each other's commits there.

    With segue's log store configured, this creates a small file in ``root`` and removes it.
    """
    if urlsplit(root).scheme != "s3a":
        return
    configured = spark.sparkContext.getConf().get(LOG_STORE_SETTING)
    if configured is None:
        log.warning(
            "of two runs that write to %s at the same time, one may replace the other's commits without an error: run "
            "one after the other, or give Spark segue's log store (--jars segue-log-store.jar)", root
        )  # fmt: skip
    elif configured == LOG_STORE and not files.creates_conditionally(root):
        log.warning(
            "of two runs that write to %s at the same time, one may replace the other's commits without an error, as "
            "this store ignores the condition of a write (If-None-Match): run one after the other", root
        )  # fmt: skip


def commit_session(spark: SparkSession, session: SparkSession | None = None) -> SparkSession:
    """Return a separate session for commits, so that the settings of a commit do not affect the user's own writes.

    Parameters
    ----------
    spark : the user's session, whose settings are copied
    session : result of an earlier call, to copy the settings to; None: a new session is made
    """
    session = session or spark.newSession()
    settings = session.conf.getAll
    for name, value in spark.conf.getAll.items():
        if settings.get(name) != value and session.conf.isModifiable(name):
            session.conf.set(name, value)
    return session


@contextmanager
def in_session(session: SparkSession, rows: DataFrame) -> Iterator[DataFrame]:
    """Context manager: yield ``rows``, which belong to another session of the application, as a frame of ``session``.

    Rows that are persisted are read from the cache, which all sessions of an application share.
    """
    name = f"segue_{uuid.uuid4().hex}"
    rows.createGlobalTempView(name)
    try:
        yield session.table(f"global_temp.{name}")
    finally:
        session.catalog.dropGlobalTempView(name)


@contextmanager
def exclusive_commit(
    session: SparkSession, files: Files, folder: str, table: str, version: int, provenance: Mapping[str, Any] | None
) -> Iterator[None]:
    """Context manager: require that the only write in the block commits on top of ``version``.

    All commits have the same ``txnAppId``, and ``version + 1`` as ``txnVersion``. If two writers commit with the same
    number, Delta refuses the later commit or skips it without an error, so after the block the log is searched for a
    commit of this writer.

    Parameters
    ----------
    session : session that makes the write, and no other write at the same time; see ``commit_session``
    files : reads the log of the table
    folder : folder of the table, a path or URI
    table : name of the table, for the error
    version : version of the table that the caller has read, -1 if the table did not exist
    provenance : JSON values that name the source of the rows, such as versions of tables, to store with the commit;
        ``commit_log.read_provenance`` returns them

    Raises
    ------
    ConflictError
        If another writer has committed since ``version``.
    """
    # guard: write-requires-checked-version
    if (commit_log.latest_version(files, folder) if version >= 0 else version) != version:
        raise conflict_error(table)
    writer = uuid.uuid4().hex
    metadata = {"writer": writer} | ({"from": dict(provenance)} if provenance else {})
    # guard: shared-transaction-id -> options = {_USER_METADATA: json.dumps(metadata)}
    options = {_USER_METADATA: json.dumps(metadata), _APP_ID: _APP, _APP_VERSION: str(version + 1)}
    for name, value in options.items():
        session.conf.set(name, value)
    try:
        with delta_conflicts(table):
            yield
    finally:
        for name in options:
            session.conf.unset(name)
    latest = commit_log.latest_version(files, folder)
    # guard: commit-is-own
    if latest is None or not commit_log.has_commit_by(files, folder, writer, range(latest, version, -1)):
        raise conflict_error(table)


@contextmanager
def output_lock(folder: str, name: str = "", *, timeout: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Context manager: hold a lock that excludes other processes of this machine until the block or process ends.

    Creates the folder if it does not exist. Does nothing for a folder that is not on the local file system.

    Parameters
    ----------
    folder : folder of the lock file, a path or URI
    name : name of the lock; locks of different names do not exclude each other
    timeout : maximum seconds to wait for another process; a wait of more than five seconds is logged

    Raises
    ------
    ConflictError
        If another process still holds the lock after ``timeout``.
    """
    path = local_path(folder)
    if path is None:
        yield
        return
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / (f"{_LOCK_FILE}-{name}" if name else _LOCK_FILE))
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
