"""Rows that are looked at several times, and may be more than memory holds."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

LEVEL = StorageLevel.DISK_ONLY
"""On disk alone: what Spark caches in memory it gathers there first, and rows with texts overrun a small heap so."""


@contextmanager
def kept(rows: DataFrame) -> Iterator[DataFrame]:
    """Give the rows, computed when they are first looked at and read again from then on; at the end let go of them."""
    rows = rows.persist(LEVEL)
    try:
        yield rows
    finally:
        rows.unpersist()
