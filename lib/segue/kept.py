"""Rows that are looked at several times, and may be more than memory holds."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

LEVEL = StorageLevel.DISK_ONLY
"""On disk alone. In memory Spark keeps serialized rows in arrays of 1 MB, and with Java's usual collector (G1) each of
them takes two regions of a small heap: what Spark counts as 1 GB fills 2 GB. The file cache serves reads as fast."""


@contextmanager
def kept(rows: DataFrame) -> Iterator[DataFrame]:
    """Give the rows, computed when they are first looked at and read again from then on; at the end let go of them."""
    rows = rows.persist(LEVEL)
    try:
        yield rows
    finally:
        rows.unpersist()
