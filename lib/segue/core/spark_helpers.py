"""Rows that are looked at several times, and may be more than memory holds."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

DISK_LEVEL = StorageLevel.DISK_ONLY
"""On disk alone. In memory Spark keeps serialized rows in arrays of 1 MB, and with Java's usual collector (G1) each of
them takes two regions of a small heap: what Spark counts as 1 GB fills 2 GB. The file cache serves reads as fast."""


@contextmanager
def persisted(rows: DataFrame) -> Iterator[DataFrame]:
    """Give the rows, computed when they are first looked at and read again from then on; at the end let go of them."""
    rows = rows.persist(DISK_LEVEL)
    try:
        yield rows
    finally:
        rows.unpersist()


_MAX_PARALLEL_JOBS = 3
P = ParamSpec("P")
T = TypeVar("T")


class Submit(Protocol):
    """Begins a call in a thread of its own; ``result()`` of what it returns waits for the call."""

    def __call__(self, look: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin it."""


@contextmanager
def parallel_jobs() -> Iterator[Submit]:
    """Give what begins calls that run Spark jobs, a few at a time and in the order in which they were begun.

    At the end all have ended. Where an error ends it, those that have not begun never do, and nobody waits for the
    others: the error must not be held up by what it has made useless.
    """
    pool = ThreadPoolExecutor(_MAX_PARALLEL_JOBS, "look")
    try:
        yield pool.submit
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


ROWS_PER_PARTITION = 100_000
MIN_PARTITIONS = 2


def repartition_deterministically(frame: DataFrame, n_rows: int, *keys: str) -> DataFrame:
    """Return the frame partitioned and sorted by columns that tell its rows apart.

    Parameters
    ----------
    frame : rows that differ in ``keys``
    n_rows : how many there are; it alone decides the number of partitions, the cluster has no say
    keys : columns that can be compared
    """
    partitions = max(MIN_PARTITIONS, -(-n_rows // ROWS_PER_PARTITION))
    return frame.repartition(partitions, *keys).sortWithinPartitions(*keys)
