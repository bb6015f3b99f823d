"""Persist DataFrames, run Spark jobs in parallel, collect items from tasks, and partition rows deterministically."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, ParamSpec, Protocol, TypeVar

from pyspark import Accumulator, inheritable_thread_target
from pyspark.accumulators import AddingAccumulatorParam
from pyspark.sql import DataFrame, SparkSession
from pyspark.storagelevel import StorageLevel

DISK_LEVEL = StorageLevel.DISK_ONLY
"""Default storage level of persisted DataFrames: disk. In memory, Spark would hold the rows in arrays of 1 MB. In a
small G1 heap each array takes two regions, so 1 GB by Spark's count occupies 2 GB. Reading from disk is as fast,
because the operating system caches the files."""


@contextmanager
def persisted(rows: DataFrame, level: StorageLevel = DISK_LEVEL) -> Iterator[DataFrame]:
    """Context manager: persist ``rows`` until the block ends. The first Spark job that reads the rows computes them."""
    rows = rows.persist(level)
    try:
        yield rows
    finally:
        rows.unpersist()


def persisted_unless_cached(
    rows: DataFrame, *, source: DataFrame | None = None, level: StorageLevel = DISK_LEVEL
) -> AbstractContextManager[DataFrame]:
    """Return a context manager that persists ``rows`` until the block ends, unless the caller has cached them.

    For cached rows it does nothing: unpersisting would drop the caller's cache.

    Parameters
    ----------
    rows : DataFrame to persist
    source : the caller's DataFrame, if ``rows`` is a selection from it; ``rows`` then counts as cached if ``source`` is
    level : storage level
    """
    is_cached = (rows if source is None else source).storageLevel != StorageLevel.NONE
    return nullcontext(rows) if is_cached else persisted(rows, level)


MAX_PARALLEL_JOBS = 3
_CANCEL_INTERVAL = 0.1
"""Seconds between two attempts to cancel Spark jobs."""
P = ParamSpec("P")
T = TypeVar("T")


class Submit(Protocol):
    """Type of the function ``submit`` yielded by ``parallel_jobs``."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``call(*args, **kwargs)`` as soon as a thread is free. Returns its Future at once; ``result()`` waits."""


@contextmanager
def parallel_jobs(
    spark: SparkSession, max_jobs: int = MAX_PARALLEL_JOBS, *, cancel_seconds: float = 10.0
) -> Iterator[Submit]:
    """Context manager: call functions in parallel threads, so that their Spark jobs run at the same time.

    The end of the block waits for all calls. A call inherits the current job description, tags and local properties of
    the submitting thread. An error in a call is raised by ``result()`` of its Future. If an error ends the block,
    waiting calls are dropped, and the Spark jobs of running calls are cancelled, including jobs of pyspark.ml.

    Parameters
    ----------
    spark : the session of the DataFrames used in the calls
    max_jobs : number of threads, and thus of simultaneous calls; calls start in the order of submission
    cancel_seconds : maximum seconds to wait for running calls after an error has ended the block

    Yields
    ------
    Submit
        ``submit(call, *args, **kwargs)`` returns a ``concurrent.futures.Future``.
    """
    tag = f"parallel-jobs-{uuid.uuid4().hex}"
    pool = ThreadPoolExecutor(max_jobs, "parallel-jobs")
    futures: list[Future[Any]] = []

    def submit(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def tagged() -> T:
            spark.sparkContext.addJobTag(tag)
            return call(*args, **kwargs)

        # one decorator per call: functions wrapped by the same decorator share a Properties object, in which concurrent
        # SQL executions would overwrite each other's execution id
        future: Future[T] = pool.submit(inheritable_thread_target(spark)(tagged))
        futures.append(future)
        return future

    try:
        yield submit
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _cancel_jobs(spark, tag, futures, cancel_seconds)
        raise


def _cancel_jobs(spark: SparkSession, tag: str, futures: Sequence[Future[Any]], seconds: float) -> None:
    """Cancel the Spark jobs with a tag, repeatedly, until all futures are done or ``seconds`` have passed.

    ``tag`` is a job tag of the SparkContext. A session tag would be ineffective: ``SparkSession.interruptTag`` ignores
    tags added by another thread (SPARK-50366), and the RDD jobs of pyspark.ml have no session tag.
    """
    deadline = time.monotonic() + seconds
    running = set(futures)
    while running and time.monotonic() < deadline:
        with suppress(Exception):  # as when the JVM has died; raising would hide the error that ended the block
            spark.sparkContext.cancelJobsWithTag(tag)
        # cancelled again in the next round: a call between two jobs at this moment would start its next job
        running = wait(running, timeout=_CANCEL_INTERVAL).not_done


def list_accumulator(spark: SparkSession) -> Accumulator[list[Any]]:
    """Return a Spark accumulator that concatenates lists: tasks add lists, and the driver reads one list of all items.

    The items of a task that Spark runs again may be in the list twice.
    """
    return spark.sparkContext.accumulator([], AddingAccumulatorParam([]))


ROWS_PER_PARTITION = 100_000
MIN_PARTITIONS = 2


def repartition_deterministically(frame: DataFrame, n_rows: int, *keys: str) -> DataFrame:
    """Hash-partition the rows by key columns, and sort each partition by these columns. Shuffles all rows once.

    Every partition has the same rows in the same order for any number of machines and cores.

    Parameters
    ----------
    frame : DataFrame in which each combination of the keys occurs once
    n_rows : number of rows in ``frame``; the result has one partition per 100,000 rows, at least two
    keys : names of the key columns, of sortable types
    """
    partitions = max(MIN_PARTITIONS, -(-n_rows // ROWS_PER_PARTITION))
    return frame.repartition(partitions, *keys).sortWithinPartitions(*keys)
