"""What differs between the rows of a table and what they shall be."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.schema import Table

ADDED, UPDATED, REMOVED = "added", "updated", "removed"
CHANGE = "_change"
_FEW = 200_000
"""Rows whose keys every worker can hold: what is compared with them need not be sorted."""


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows a write added, updated and removed; all 0 where it made no commit."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    @property
    def rows(self) -> int:
        """All rows touched."""
        return self.added + self.updated + self.removed


def needed(table: Table, rows: DataFrame, stored: DataFrame, *, whole: bool, without: DataFrame | None) -> DataFrame:
    """Return what brings a table's rows up to date, see ``Store.sync``: rows with ``_change``."""
    near = stored if whole else concerned(stored, rows, rows.count(), *table.key)
    changes = differing(table, rows, near)
    if whole:
        changes = changes.union(gone(table, rows, stored))
    if without is not None:
        left = stored.join(F.broadcast(without.select(*table.key)), list(table.key), "left_semi")
        changes = changes.union(left.select(*table.names).withColumn(CHANGE, F.lit(REMOVED)))
    return changes


def differing(table: Table, rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the rows that the table does not have like that, with ``_change``: added or updated."""
    key = list(table.key)
    old = stored.select(*key, F.struct(*table.names).alias("_old"))
    change = F.when(F.col("_old").isNull(), ADDED).when(~F.struct(*table.names).eqNullSafe(F.col("_old")), UPDATED)
    changed = rows.join(old, key, "left").withColumn(CHANGE, change).where(F.col(CHANGE).isNotNull())
    return changed.select(*table.names, CHANGE)


def gone(table: Table, rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the stored rows whose keys ``rows`` lacks, with ``_change``: removed."""
    key = list(table.key)
    left = stored.join(rows.select(*key), key, "left_anti").select(*table.names)
    return left.withColumn(CHANGE, F.lit(REMOVED))


def concerned(stored: DataFrame, rows: DataFrame, n_rows: int, *key: str) -> DataFrame:
    """Return those of many stored rows that share a key with ``rows``, or all where there are too many to tell."""
    if n_rows > _FEW:
        return stored
    return stored.join(F.broadcast(rows.select(*key)), list(key), "left_semi")


def counted(changes: DataFrame) -> Change:
    """Return how many changes there are of each kind."""
    found = {row[0]: row[1] for row in changes.groupBy(CHANGE).count().collect()}
    return Change(found.get(ADDED, 0), found.get(UPDATED, 0), found.get(REMOVED, 0))
