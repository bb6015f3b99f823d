"""Looks that run at once: their order, their results, and what an error does to the others."""

import threading

import pytest
from pyspark.sql import functions as F

from segue.core.spark_helpers import ROWS_PER_PARTITION, parallel_jobs, repartition_deterministically


def test_calls_run_at_once_and_give_what_they_return():
    # each waits for the other: one after the other they would wait for ever
    first, second = threading.Event(), threading.Event()

    def meet(own: threading.Event, other: threading.Event, answer: str) -> str:
        own.set()
        return answer if other.wait(30) else "alone"

    with parallel_jobs() as begin:
        a, b = begin(meet, first, second, "a"), begin(meet, second, first, answer="b")
        assert (a.result(), b.result()) == ("a", "b")


def test_at_the_end_all_have_ended_asked_for_or_not():
    done = []
    with parallel_jobs() as begin:
        for number in range(20):
            begin(done.append, number)
    assert sorted(done) == list(range(20))


def test_an_error_of_a_call_is_raised_where_its_result_is_wanted():
    with pytest.raises(ValueError, match="no such look"), parallel_jobs() as begin:
        begin(int, "no such look").result()


def test_an_error_waits_for_nobody_and_begins_nothing_more():
    go_on, done = threading.Event(), []

    def slow(number: int) -> None:
        go_on.wait(30)
        done.append(number)

    calls = []
    with pytest.raises(KeyError), parallel_jobs() as begin:
        calls += [begin(slow, number) for number in range(10)]
        raise KeyError("gone wrong")
    assert done == []  # nobody waited for those that had begun
    go_on.set()
    for call in calls:
        if not call.cancelled():
            call.result(30)
    assert 1 <= len(done) < 10  # and those that had not begun never did


def placed(frame, n_rows):
    rows = repartition_deterministically(frame, n_rows, "id").withColumn("p", F.spark_partition_id()).collect()
    return [(row.p, row.id) for row in rows]


def test_rows_lie_the_same_whatever_their_order_and_partitions(spark):
    frame = spark.range(500).select(F.col("id").cast("string").alias("id"))
    first = placed(frame.coalesce(1), 500)
    for n in (1, 2, 8):
        assert placed(frame.repartition(n, F.rand(n)), 500) == first
    assert {p for p, _ in first} == {0, 1}
    assert first == sorted(first)


def test_more_rows_take_more_partitions(spark):
    frame = spark.range(50).select(F.col("id").cast("string").alias("id"))
    assert len({p for p, _ in placed(frame, 3 * ROWS_PER_PARTITION + 1)}) == 4
