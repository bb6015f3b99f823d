"""Make a commit to a Delta table fail if another writer has committed since the table was read.

Delta alone does not ensure this, for two reasons:

* On a local file system, Delta's log is safe within one JVM only. If two JVMs commit the same version at the same time,
  one commit may be lost; ``output_lock`` prevents that.
* Delta skips a write without an error if its transaction number is in the log already. Therefore ``exclusive_commit``
  searches the log for its own commit afterwards.
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

from segue.core.file_systems import LOG_STORE, LOG_STORE_SETTING
from segue.core.paths import local_path
from segue.errors import ConflictError
from segue.storage import commit_log
from segue.storage.files import Files

log = logging.getLogger(__name__)

LOCK_TIMEOUT_SECONDS = 3600.0
"""Default of the maximum time to wait for another run to release the lock of an output folder."""
_SILENT_SECONDS = 5.0
"""Maximum seconds to wait for a lock without a message in the log."""
_LOCK_FILE = ".lock"

_APP = "segue"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APP_ID, _APP_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
"""Spark settings for the application id and the transaction number of Delta's next commit.

Set in the session, since MERGE and CREATE OR REPLACE ignore the equivalent writer options.
"""
# all are listed, since Delta's exceptions for conflicts have no base class of their own
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
    """Return a ConflictError for the caller to raise. Its message says that another run has changed ``table``."""
    return ConflictError(f"another run changed {table} at the same time, so this one stopped; run again")


@contextmanager
def delta_conflicts(table: str) -> Iterator[None]:
    """Context manager: raise ConflictError instead of Delta's exceptions for concurrent writers.

    ``table`` is the name of the table, for the message.
    """
    try:
        yield
    except _CONFLICTS as error:
        raise conflict_error(table) from error


def warn_of_lost_commits(spark: SparkSession, files: Files, root: str) -> None:
    """Log a warning if two concurrent runs could replace each other's commits on S3. Does nothing for other stores.

    This is possible in two cases. Spark's configuration names no log store for S3 (``LOG_STORE_SETTING``). Or the
    configuration names segue's log store (``LOG_STORE``), but the object store ignores the condition If-None-Match; to
    find out, an empty file is created in the folder and removed.

    Parameters
    ----------
    spark : the session, for its configuration
    files : creates and removes the file
    root : URI of the output folder
    """
    if urlsplit(root).scheme != "s3a":
        return
    configured = spark.sparkContext.getConf().get(LOG_STORE_SETTING)
    if configured is None:
        log.warning(
            "if two runs write to %s at the same time, one may replace commits of the other without an error: start "
            "one after the other, or give Spark segue's log store (--jars segue-log-store.jar)", root
        )  # fmt: skip
    elif configured == LOG_STORE and not files.creates_conditionally(root):
        log.warning(
            "if two runs write to %s at the same time, one may replace commits of the other without an error, since "
            "this store ignores the condition If-None-Match of a write: start one after the other", root
        )  # fmt: skip


def commit_session(spark: SparkSession, session: SparkSession | None = None) -> SparkSession:
    """Return a Spark session for commits, with the settings of the user's session.

    ``exclusive_commit`` changes settings. In the user's own session, these would affect other writes.

    Parameters
    ----------
    spark : the user's session; its settings are copied
    session : result of an earlier call, to be used again; if None, a new session is made
    """
    session = session or spark.newSession()
    settings = session.conf.getAll
    for name, value in spark.conf.getAll.items():
        if settings.get(name) != value and session.conf.isModifiable(name):
            session.conf.set(name, value)
    return session


@contextmanager
def in_session(session: SparkSession, rows: DataFrame) -> Iterator[DataFrame]:
    """Context manager: yield a DataFrame of ``session`` with the rows of ``rows``, a DataFrame of another session.

    Rows that are persisted are not computed again: all sessions of a Spark application share one cache.
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
    """Context manager: raise ConflictError if the commit in the block conflicts with another commit after ``version``.

    The block makes one commit. All writers of segue use the same application id (``txnAppId``), and ``version + 1`` as
    transaction number (``txnVersion``). If two writers use the same number, Delta refuses the later commit, or skips
    it without an error. Therefore the log is searched for this writer's commit after the block.

    Parameters
    ----------
    session : session that makes the commit, see ``commit_session``; it must make no other write at the same time
    files : reads the log of the table
    folder : path or URI of the table's folder
    table : name of the table, for the message
    version : version of the table that the caller has read; -1 if the table did not exist
    provenance : what the rows were made from, such as versions of other tables, as JSON values; stored with the commit
        for ``commit_log.read_provenance``

    Raises
    ------
    ConflictError
        If the table's latest version is not ``version`` when the block begins (not checked for -1). Also if, during
        the block, another writer makes its own ``exclusive_commit``, or a commit that Delta reports as a conflict.
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
    """Context manager: hold a lock on a local folder. Other processes of this machine wait for it.

    Creates the folder if it does not exist. Does nothing if the folder is not on the local file system. If a process
    dies, its lock is released.

    Parameters
    ----------
    folder : path or URI of the folder; the lock file is created in it
    name : name of the lock; locks of different names in a folder do not exclude each other
    timeout : maximum seconds to wait for another process; a wait of more than five seconds is logged

    Raises
    ------
    ConflictError
        If another process still holds the lock after ``timeout`` seconds.
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
    """Acquire a lock; log a long wait, and raise ConflictError if ``timeout`` seconds have passed.

    ``folder`` is the output folder, for the messages.
    """
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
