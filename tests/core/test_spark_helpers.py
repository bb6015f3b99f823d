"""Parallel Spark jobs: order, results, inherited properties, cancellation; and deterministic partitions."""

import threading

import numpy as np
import pytest
from pyspark.ml.clustering import KMeans
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F
from tests.helpers.waiting import wait_for

from segue.core.spark_helpers import ROWS_PER_PARTITION, parallel_jobs, repartition_deterministically


def test_calls_run_in_parallel_and_return_their_results(spark):
    # each call waits for the other; if they ran one after the other, the first would time out
    first, second = threading.Event(), threading.Event()

    def meet(mine: threading.Event, other: threading.Event, result: str) -> str:
        mine.set()
        return result if other.wait(30) else "alone"

    with parallel_jobs(spark) as submit:
        a, b = submit(meet, first, second, "a"), submit(meet, second, first, result="b")
        assert (a.result(), b.result()) == ("a", "b")


def test_all_calls_have_ended_after_the_block(spark):
    finished = []
    with parallel_jobs(spark) as submit:
        for number in range(20):
            submit(finished.append, number)
    assert sorted(finished) == list(range(20))


def test_an_error_of_a_call_is_raised_by_its_result(spark):
    with pytest.raises(ValueError, match="no number"), parallel_jobs(spark) as submit:
        submit(int, "no number").result()


def test_an_error_drops_calls_that_have_not_started(spark):
    resume, finished = threading.Event(), []

    def slow(number: int) -> None:
        resume.wait(60)
        finished.append(number)

    futures = []
    with pytest.raises(KeyError), parallel_jobs(spark, cancel_seconds=0.2) as submit:
        futures += [submit(slow, number) for number in range(10)]
        raise KeyError("an error of the block")
    # calls without a Spark job cannot be cancelled, so they still run after the block
    assert finished == []
    resume.set()
    for future in futures:
        if not future.cancelled():
            future.result(60)
    assert 1 <= len(finished) < 10


def local_properties(spark):
    context = spark.sparkContext
    return context.getLocalProperty("spark.job.description"), context.getLocalProperty("probe"), spark.getTags()


def test_calls_inherit_description_properties_and_tags(spark):
    context = spark.sparkContext
    context.setJobDescription("a description")
    context.setLocalProperty("probe", "a value")
    spark.addTag("a-tag")
    try:
        with parallel_jobs(spark) as submit:
            inherited = submit(local_properties, spark)
        assert inherited.result() == ("a description", "a value", {"a-tag"})
    finally:
        spark.removeTag("a-tag")
        context.setLocalProperty("probe", None)
        context.setJobDescription(None)
    assert len(context.getJobTags()) == 0


def test_parallel_calls_do_not_share_local_properties(spark):
    ready = threading.Barrier(2)

    def change(value: str) -> str | None:
        spark.sparkContext.setLocalProperty("probe", value)
        ready.wait(30)
        return spark.sparkContext.getLocalProperty("probe")

    with parallel_jobs(spark) as submit:
        values = [submit(change, value) for value in ("a", "b")]
    assert [value.result() for value in values] == ["a", "b"]


def sleep_in_tasks(spark):
    """Run a job of four tasks that sleep for 100 seconds each."""
    spark.range(0, 4, 1, 4).select(F.expr("java_method('java.lang.Thread', 'sleep', 100000L + id)")).collect()


def fit_for_minutes(points):
    """Run Spark jobs of pyspark.ml, which are not SQL executions, for minutes."""
    KMeans(k=50, maxIter=10**9, tol=0.0, initMode="random", seed=1).fit(points)


def active_jobs(spark):
    return set(spark.sparkContext.statusTracker().getActiveJobsIds())


def test_an_error_cancels_the_job_of_another_call(spark):
    before = active_jobs(spark)
    with pytest.raises(ValueError, match="invalid literal"), parallel_jobs(spark) as submit:
        slow = submit(sleep_in_tasks, spark)
        wait_for(lambda: active_jobs(spark) - before, "the job to start")
        submit(int, "no number").result()
    wait_for(lambda: not active_jobs(spark) - before, "the job to be cancelled", seconds=30)
    assert "SPARK_JOB_CANCELLED" in str(slow.exception(30))


def test_an_error_cancels_nested_calls(spark):
    before = active_jobs(spark)

    def outer():
        with parallel_jobs(spark) as submit:
            submit(sleep_in_tasks, spark).result()

    with pytest.raises(KeyError), parallel_jobs(spark) as submit:
        slow = submit(outer)
        wait_for(lambda: active_jobs(spark) - before, "the job to start")
        raise KeyError("an error of the block")
    assert "SPARK_JOB_CANCELLED" in str(slow.exception(30))


def test_an_error_cancels_the_jobs_of_mllib(spark):
    before = active_jobs(spark)
    rows = np.random.default_rng(0).random((2000, 2)).tolist()
    array = spark.createDataFrame([(row,) for row in rows], "array array<double>").coalesce(2)
    points = array.select(array_to_vector(F.col("array")).alias("features")).cache()
    points.count()
    with pytest.raises(KeyError), parallel_jobs(spark) as submit:
        slow = submit(fit_for_minutes, points)
        wait_for(lambda: active_jobs(spark) - before, "a job to start")
        raise KeyError("an error of the block")
    points.unpersist()
    assert "cancelled" in str(slow.exception(30))


def test_jobs_outside_the_block_are_not_cancelled(spark):
    counts = []
    outside = threading.Thread(target=lambda: counts.append(spark.range(0, 100, 1, 2).count()))
    with pytest.raises(KeyError), parallel_jobs(spark):
        outside.start()
        raise KeyError("an error of the block")
    outside.join(60)
    assert counts == [100]


def partitions_and_ids(frame, n_rows):
    rows = repartition_deterministically(frame, n_rows, "id").withColumn("p", F.spark_partition_id()).collect()
    return [(row.p, row.id) for row in rows]


def test_partitions_do_not_depend_on_the_order_of_rows(spark):
    frame = spark.range(500).select(F.col("id").cast("string").alias("id"))
    first = partitions_and_ids(frame.coalesce(1), 500)
    for n in (1, 2, 8):
        assert partitions_and_ids(frame.repartition(n, F.rand(n)), 500) == first
    assert {p for p, _ in first} == {0, 1}
    assert first == sorted(first)


def test_the_number_of_partitions_grows_with_the_rows(spark):
    frame = spark.range(50).select(F.col("id").cast("string").alias("id"))
    assert len({p for p, _ in partitions_and_ids(frame, 3 * ROWS_PER_PARTITION + 1)}) == 4
