"""Writers of one table are kept apart: one commit is the next after what its writer saw, or there is none."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from delta import exceptions as delta_exceptions
from pyspark.sql import SparkSession

from segue import commits
from segue.errors import ConflictError

_APP = "segue"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APP_ID, _APP_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"

_LOST = (
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
def one_writer(table: str) -> Iterator[None]:
    """Raise ConflictError where a write inside loses against another run's."""
    try:
        yield
    except _LOST as error:
        raise conflict(table) from error


@contextmanager
def next_commit(
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
    if (commits.latest(folder) if before >= 0 else before) != before:
        raise conflict(table)
    writer = uuid.uuid4().hex
    said = {"writer": writer} | ({"from": dict(made_from)} if made_from else {})
    # guard: shared-transaction-id -> told = {_USER_METADATA: json.dumps(said)}
    told = {_USER_METADATA: json.dumps(said), _APP_ID: _APP, _APP_VERSION: str(before + 1)}
    for name, value in told.items():
        spark.conf.set(name, value)
    try:
        with one_writer(table):
            yield
    finally:
        for name in told:
            spark.conf.unset(name)
    after = commits.latest(folder)
    # guard: commit-is-own
    if after is None or not commits.has_written(folder, writer, range(after, before, -1)):
        raise conflict(table)


def conflict(table: str) -> ConflictError:
    """Return the error that says that a table was changed meanwhile."""
    return ConflictError(f"another run changed {table} meanwhile, and this one lost; run again")
