"""Partitions that depend on the rows alone."""

from pyspark.sql import functions as F

from segue.layout import ROWS_A_PARTITION, laid_out


def placed(frame, n_rows):
    rows = laid_out(frame, n_rows, "id").withColumn("p", F.spark_partition_id()).collect()
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
    assert len({p for p, _ in placed(frame, 3 * ROWS_A_PARTITION + 1)}) == 4
