"""What differs between the rows of a table and what they shall be."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
    return _change({row[0]: row[1] for row in changes.groupBy(CHANGE).count().collect()})


def needed_of_few(
    table: Table, rows: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], *, whole: bool
) -> tuple[list[dict[str, Any]], Change]:
    """Return what ``needed`` and ``counted`` do, of rows that are at hand, each with its column ``_change``."""
    old = {tuple(row[name] for name in table.key): row for row in stored}
    found = []
    for row in rows:
        before = old.pop(tuple(row[name] for name in table.key), None)
        if before is None or not _same(row, before):
            found.append({**row, CHANGE: ADDED if before is None else UPDATED})
    if whole:
        found += [{**row, CHANGE: REMOVED} for row in old.values()]
    return found, _change(Counter(row[CHANGE] for row in found))


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same to Spark: to it what is no number equals itself."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    # guard: nan-equals-nan -> return bool(one == other)
    return bool(one == other or (one != one and other != other))


def _change(counts: Mapping[str, int]) -> Change:
    return Change(counts.get(ADDED, 0), counts.get(UPDATED, 0), counts.get(REMOVED, 0))
