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
"""Delta's setting for the log of tables on S3, and the class of lib/java that creates commits conditionally."""

_APP = "segue"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APP_ID, _APP_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
"""Settings of a session: MERGE and CREATE OR REPLACE read them, and ignore the options of a writer."""
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


def warn_of_lost_commits(spark: SparkSession, files: Files, root: str) -> None:
    """Log a warning if two runs at the same time could replace each other's commits in an output on S3."""
    if urlsplit(root).scheme != "s3a":
        return
    configured = spark.sparkContext.getConf().get(LOG_STORE_SETTING)
    if configured is None:
        log.warning(
            "of two runs that write to %s at the same time, one may replace the other's commits in silence: run one "
            "after the other, or give Spark segue's log store (--jars segue-log-store.jar)", root
        )  # fmt: skip
    elif configured == LOG_STORE and not files.creates_conditionally(root):
        log.warning(
            "of two runs that write to %s at the same time, one may replace the other's commits in silence, as this "
            "store ignores the condition of a write (If-None-Match): run one after the other", root
        )  # fmt: skip


def commit_session(spark: SparkSession, session: SparkSession | None = None) -> SparkSession:
    """Return a session for commits, apart from the user's: settings made in it reach no other write.

    Parameters
    ----------
    spark : the user's session, whose settings it gets
    session : the result of an earlier call, whose settings are brought up to date
    """
    session = session or spark.newSession()
    settings = session.conf.getAll
    for name, value in spark.conf.getAll.items():
        if settings.get(name) != value and session.conf.isModifiable(name):
            session.conf.set(name, value)
    return session


@contextmanager
def in_session(session: SparkSession, rows: DataFrame) -> Iterator[DataFrame]:
    """Yield a frame of one session as a frame of another of the same application. What is persisted stays so."""
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
    """Require that the block's one write commits on top of ``version``.

    All commits carry the same ``txnAppId``, and ``version + 1`` as ``txnVersion``. Of two commits with the same number
    Delta refuses the later or skips it silently, so afterwards the log is searched for a commit of this writer.

    Parameters
    ----------
    session : makes the write, and no other at the same time; see ``commit_session``
    files : reads the log of the table
    folder : folder of the table
    table : name of the table, for the error
    version : version of the table that the caller has read, -1 if the table does not exist
    provenance : what the rows are derived from; ``commit_log.read_provenance`` reads it

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
