"""Persist DataFrames, run Spark jobs in parallel, and partition rows deterministically."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, ParamSpec, Protocol, TypeVar

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame, SparkSession
from pyspark.storagelevel import StorageLevel

DISK_LEVEL = StorageLevel.DISK_ONLY
"""Default storage level. In memory, Spark holds serialised rows in arrays of 1 MB, each of which takes two regions of a
small G1 heap: what Spark counts as 1 GB occupies 2 GB. The operating system's page cache makes disk reads as fast."""


@contextmanager
def persisted(rows: DataFrame, level: StorageLevel = DISK_LEVEL) -> Iterator[DataFrame]:
    """Context manager: persist a DataFrame for a block. It is computed by the first Spark job that reads it."""
    rows = rows.persist(level)
    try:
        yield rows
    finally:
        rows.unpersist()


def persisted_unless_cached(
    rows: DataFrame, *, source: DataFrame | None = None, level: StorageLevel = DISK_LEVEL
) -> AbstractContextManager[DataFrame]:
    """Return a context manager that persists ``rows`` for a block, unless the caller has cached them.

    If the caller has cached them, nothing is persisted or unpersisted: unpersisting would drop the caller's cache.

    Parameters
    ----------
    rows : DataFrame to persist
    source : DataFrame that ``rows`` are selected from, if the caller may have cached it instead of ``rows``
    level : storage level
    """
    is_cached = (rows if source is None else source).storageLevel != StorageLevel.NONE
    return nullcontext(rows) if is_cached else persisted(rows, level)


MAX_PARALLEL_JOBS = 3
_CANCEL_INTERVAL = 0.1
P = ParamSpec("P")
T = TypeVar("T")


class Submit(Protocol):
    """A function that starts a call in a thread and returns its Future, whose ``result()`` waits for the call."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start ``call(*args, **kwargs)`` as soon as a thread is free, and return its Future."""


@contextmanager
def parallel_jobs(
    spark: SparkSession, max_jobs: int = MAX_PARALLEL_JOBS, *, cancel_seconds: float = 10.0
) -> Iterator[Submit]:
    """Context manager: run calls in parallel threads, each with its own Spark jobs; the block's end waits for them all.

    Each call inherits the job description, tags and local properties that the submitting thread has at that moment.
    An error in a call is raised where the block calls ``result()`` of its Future. If an error ends the block, calls
    that have not started are dropped, and the Spark jobs of running calls, also those of pyspark.ml, are cancelled
    until these calls have ended or ``cancel_seconds`` have passed.

    Parameters
    ----------
    spark : the session of the DataFrames that the calls use
    max_jobs : number of threads, and so of calls that run at once; calls start in the order of submission
    cancel_seconds : maximum seconds to wait for running calls after an error

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

        # one decorator per call: functions wrapped by the same decorator share a Properties object, in which
        # concurrent SQL executions overwrite each other's execution id
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

    ``tag`` is a job tag of the SparkContext, not of the session: ``SparkSession.interruptTag`` ignores tags that
    another thread has added (SPARK-50366), and the RDD jobs of pyspark.ml bear no tag of a session.
    """
    deadline = time.monotonic() + seconds
    running = set(futures)
    while running and time.monotonic() < deadline:
        with suppress(Exception):  # the error that ends the block matters more, for instance that the JVM has died
            spark.sparkContext.cancelJobsWithTag(tag)
        # the next round cancels again: in this one, a call may have been between two jobs
        running = wait(running, timeout=_CANCEL_INTERVAL).not_done


ROWS_PER_PARTITION = 100_000
MIN_PARTITIONS = 2


def repartition_deterministically(frame: DataFrame, n_rows: int, *keys: str) -> DataFrame:
    """Return the rows hash-partitioned by key columns, each partition sorted by them. Shuffles all rows once.

    The partitions hold the same rows in the same order, however many machines and cores Spark has.

    Parameters
    ----------
    frame : rows, no two equal in ``keys``
    n_rows : number of rows; there is one partition for each 100,000 of them, and at least two
    keys : names of columns of an orderable type
    """
    partitions = max(MIN_PARTITIONS, -(-n_rows // ROWS_PER_PARTITION))
    return frame.repartition(partitions, *keys).sortWithinPartitions(*keys)
