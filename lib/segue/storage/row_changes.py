"""What differs between the rows of a table and what they shall be."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.schema import Table

ADDED, UPDATED, REMOVED = "added", "updated", "removed"
CHANGE = "_change"
_BROADCAST_MAX_ROWS = 200_000
"""Rows whose keys every worker can hold: what is compared with them need not be sorted."""


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many rows a write added, updated and removed; all 0 where it made no commit."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    @property
    def rows(self) -> int:
        """All rows touched."""
        return self.added + self.updated + self.removed


def changed_rows(
    table: Table, rows: DataFrame, stored: DataFrame, *, whole: bool, without: DataFrame | None
) -> DataFrame:
    """Return what brings a table's rows up to date, see ``Store.sync``: rows with ``_change``."""
    near = stored if whole else matching_rows(stored, rows, rows.count(), *table.key)
    changes = added_or_updated(table, rows, near)
    if whole:
        changes = changes.union(removed_rows(table, rows, stored))
    if without is not None:
        left = stored.join(F.broadcast(without.select(*table.key)), list(table.key), "left_semi")
        changes = changes.union(left.select(*table.names).withColumn(CHANGE, F.lit(REMOVED)))
    return changes


def added_or_updated(table: Table, rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the rows that the table does not have like that, with ``_change``: added or updated."""
    key = list(table.key)
    old = stored.select(*key, F.struct(*table.names).alias("_old"))
    change = F.when(F.col("_old").isNull(), ADDED).when(~F.struct(*table.names).eqNullSafe(F.col("_old")), UPDATED)
    changed = rows.join(old, key, "left").withColumn(CHANGE, change).where(F.col(CHANGE).isNotNull())
    return changed.select(*table.names, CHANGE)


def removed_rows(table: Table, rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the stored rows whose keys ``rows`` lacks, with ``_change``: removed."""
    key = list(table.key)
    left = stored.join(rows.select(*key), key, "left_anti").select(*table.names)
    return left.withColumn(CHANGE, F.lit(REMOVED))


def matching_rows(stored: DataFrame, rows: DataFrame, n_rows: int, *key: str) -> DataFrame:
    """Return those of many stored rows that share a key with ``rows``, or all where there are too many to tell."""
    if n_rows > _BROADCAST_MAX_ROWS:
        return stored
    return stored.join(F.broadcast(rows.select(*key)), list(key), "left_semi")


def count_changes(changes: DataFrame) -> ChangeCounts:
    """Return how many changes there are of each kind."""
    return _change_counts({row[0]: row[1] for row in changes.groupBy(CHANGE).count().collect()})


def changed_local_rows(
    table: Table, rows: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], *, whole: bool
) -> tuple[list[dict[str, Any]], ChangeCounts]:
    """Return the changed rows, each with ``_change``, and their counts, for rows on the driver."""
    old = {tuple(row[name] for name in table.key): row for row in stored}
    found = []
    for row in rows:
        before = old.pop(tuple(row[name] for name in table.key), None)
        if before is None or not _equal(row, before):
            found.append({**row, CHANGE: ADDED if before is None else UPDATED})
    if whole:
        found += [{**row, CHANGE: REMOVED} for row in old.values()]
    return found, _change_counts(Counter(row[CHANGE] for row in found))


def _equal(one: Any, other: Any) -> bool:
    """Tell whether two values are the same to Spark: to it what is no number equals itself."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    # guard: nan-equals-nan -> return bool(one == other)
    return bool(one == other or (one != one and other != other))


def _change_counts(counts: Mapping[str, int]) -> ChangeCounts:
    return ChangeCounts(counts.get(ADDED, 0), counts.get(UPDATED, 0), counts.get(REMOVED, 0))


FEED_PROPERTY = "delta.enableChangeDataFeed"
_TYPE, _VERSION = "_change_type", "_commit_version"
_GOES = ("delete", "update_preimage")
_STAYS = ("insert", "update_postimage")


def read_changes(spark: SparkSession, path: str, table: Table, since: int, until: int) -> DataFrame:
    """Return every row that changed, once, with ``_change``: added or updated as it is now, removed as it was.

    Parameters
    ----------
    path : where Spark finds the table
    since, until : versions; what the first already holds is no change
    """
    reader = spark.read.format("delta").option("readChangeFeed", "true")
    events = reader.option("startingVersion", since + 1).option("endingVersion", until).load(path)
    # a commit that replaces rows first takes the old ones away
    turn = F.struct(_VERSION, F.col(_TYPE).isin(*_STAYS))
    told = events.groupBy(*table.key).agg(
        F.min_by(_TYPE, turn).alias("_first"), F.max_by(F.struct(*table.names, _TYPE), turn).alias("_last")
    )
    was_there = F.col("_first").isin(*_GOES)
    is_there = F.col(f"_last.{_TYPE}").isin(*_STAYS)
    change = (
        F.when(was_there & is_there, UPDATED).when(is_there, ADDED).when(was_there, REMOVED)
        # else it came and went in between
    )  # fmt: skip
    rows = told.select(*(F.col(f"_last.{name}").alias(name) for name in table.names), change.alias(CHANGE))
    return rows.where(F.col(CHANGE).isNotNull())
