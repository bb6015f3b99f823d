"""Compute row changes: between a table and its new rows, or between two versions of a table.

A changed row has the table's columns and the column ``_change``: ``added``, ``updated`` or ``removed``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.schema import Table

ADDED, UPDATED, REMOVED = "added", "updated", "removed"
CHANGE = "_change"
FEED_PROPERTY = "delta.enableChangeDataFeed"
_BROADCAST_MAX_ROWS = 200_000
"""Maximum number of rows in a broadcast join, where their keys are sent to every executor."""
_TYPE, _VERSION = "_change_type", "_commit_version"
_BEFORE_CHANGE = ("delete", "update_preimage")
_AFTER_CHANGE = ("insert", "update_postimage")


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """Numbers of rows added, updated and removed by a write; all 0 if nothing was committed."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    @property
    def rows(self) -> int:
        """Number of changed rows: added, updated and removed."""
        return self.added + self.updated + self.removed


def changed_rows(
    table: Table, rows: DataFrame, stored: DataFrame, *, remove_missing: bool, removed_keys: DataFrame | None
) -> DataFrame:
    """Compare new rows with the stored rows of a table. Return the differences as a lazy DataFrame.

    The result has the table's columns and ``_change``:

    * ``added``: a new row; its key is not stored;
    * ``updated``: a new row that differs from the stored row with its key;
    * ``removed``: a stored row to remove, with its stored values.

    Unchanged rows are left out. Runs one Spark job, which counts ``rows``; none if ``remove_missing`` is true.

    Parameters
    ----------
    table : declaration of the table
    rows : the new rows, one per key
    stored : the rows that the table holds now
    remove_missing : whether to remove the stored rows whose keys are not in ``rows``
    removed_keys : DataFrame with the keys of stored rows to remove, none of them in ``rows``; or None
        Must be None if ``remove_missing`` is true: otherwise these rows are returned twice.
    """
    compared = stored if remove_missing else matching_rows(stored, rows, rows.count(), *table.key)
    changes = added_or_updated(table, rows, compared)
    if remove_missing:
        changes = changes.union(removed_rows(table, rows, stored))
    if removed_keys is not None:
        removed = stored.join(F.broadcast(removed_keys.select(*table.key)), list(table.key), "left_semi")
        changes = changes.union(removed.select(*table.names).withColumn(CHANGE, F.lit(REMOVED)))
    return changes


def added_or_updated(table: Table, rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the rows of ``rows`` that are new or differ from ``stored``, with the column ``_change``.

    ``_change`` is ``added`` if ``stored`` has no row with this key, ``updated`` if its row with this key has other
    values.
    """
    key = list(table.key)
    old = stored.select(*key, F.struct(*table.names).alias("_old"))
    change = F.when(F.col("_old").isNull(), ADDED).when(~F.struct(*table.names).eqNullSafe(F.col("_old")), UPDATED)
    changed = rows.join(old, key, "left").withColumn(CHANGE, change).where(F.col(CHANGE).isNotNull())
    return changed.select(*table.names, CHANGE)


def removed_rows(table: Table, rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the rows of ``stored`` whose keys are missing in ``rows``. The column ``_change`` is ``removed``."""
    key = list(table.key)
    return stored.join(rows.select(*key), key, "left_anti").select(*table.names).withColumn(CHANGE, F.lit(REMOVED))


def matching_rows(stored: DataFrame, rows: DataFrame, n_rows: int, *key: str) -> DataFrame:
    """Return the stored rows whose keys are in ``rows``; all stored rows if ``rows`` are too many to broadcast.

    Parameters
    ----------
    stored, rows : DataFrames with the key columns
    n_rows : number of ``rows``; more than 200,000 are too many to broadcast
    key : names of the key columns
    """
    if n_rows > _BROADCAST_MAX_ROWS:
        return stored
    return stored.join(F.broadcast(rows.select(*key)), list(key), "left_semi")


def count_changes(changes: DataFrame) -> ChangeCounts:
    """Count the added, updated and removed rows of ``changes`` (column ``_change``). Runs one Spark job."""
    return _change_counts({row[0]: row[1] for row in changes.groupBy(CHANGE).count().collect()})


def changed_local_rows(
    table: Table, rows: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], *, remove_missing: bool
) -> tuple[list[dict[str, Any]], ChangeCounts]:
    """Compare new rows with the stored rows of a table on the driver, without a Spark job.

    Rows are dicts by column name.

    Parameters
    ----------
    table : declaration of the table
    rows : the new rows, one per key
    stored : the rows that the table holds now
    remove_missing : whether to remove the stored rows whose keys are not in ``rows``

    Returns
    -------
    list of dict
        The changed rows, each with ``added``, ``updated`` or ``removed`` as ``_change``. A removed row has its stored
        values. Unchanged rows are left out.
    ChangeCounts
        The numbers of added, updated and removed rows.
    """
    old = {tuple(row[name] for name in table.key): row for row in stored}
    changes = []
    for row in rows:
        before = old.pop(tuple(row[name] for name in table.key), None)
        if before is None or not _equal(row, before):
            changes.append({**row, CHANGE: ADDED if before is None else UPDATED})
    if remove_missing:
        changes += [{**row, CHANGE: REMOVED} for row in old.values()]
    return changes, _change_counts(Counter(row[CHANGE] for row in changes))


def _equal(a: Any, b: Any) -> bool:
    """Return whether two values are equal. As in Spark, NaN equals NaN, also inside dicts and lists."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    # guard: nan-equals-nan -> return bool(a == b)
    return bool(a == b or (a != a and b != b))


def _change_counts(counts: Mapping[str, int]) -> ChangeCounts:
    return ChangeCounts(counts.get(ADDED, 0), counts.get(UPDATED, 0), counts.get(REMOVED, 0))


def read_change_feed(spark: SparkSession, path: str, table: Table, since: int, until: int) -> DataFrame:
    """Return the rows of a table changed between two versions, one per key, with the column ``_change``.

    Reads Delta's change data feed: the cost is proportional to the number of changes. Added and updated rows have their
    values at version ``until``, removed rows their last values. A row added and then removed is left out. A row updated
    and then changed back is returned as ``updated``.

    Parameters
    ----------
    path : path or URI of the table's folder
    table : declaration of the table
    since, until : the two versions, ``since < until``; changes of the versions ``since + 1`` to ``until`` are returned
    """
    reader = spark.read.format("delta").option("readChangeFeed", "true")
    events = reader.option("startingVersion", since + 1).option("endingVersion", until).load(path)
    # if one commit both deletes and inserts a key, the inserted row is the later one
    order = F.struct(_VERSION, F.col(_TYPE).isin(*_AFTER_CHANGE))
    by_key = events.groupBy(*table.key).agg(
        F.min_by(_TYPE, order).alias("_first"), F.max_by(F.struct(*table.names, _TYPE), order).alias("_last")
    )
    existed = F.col("_first").isin(*_BEFORE_CHANGE)
    exists = F.col(f"_last.{_TYPE}").isin(*_AFTER_CHANGE)
    # null for a row that was added after ``since`` and removed again
    change = F.when(existed & exists, UPDATED).when(exists, ADDED).when(existed, REMOVED)
    rows = by_key.select(*(F.col(f"_last.{name}").alias(name) for name in table.names), change.alias(CHANGE))
    return rows.where(F.col(CHANGE).isNotNull())
