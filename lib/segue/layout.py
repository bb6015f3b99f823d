"""Rows in partitions and an order that depend on nothing but the rows: what pyspark.ml needs to repeat itself.

A seed alone fixes neither KMeans nor an approximate quantile: both see which rows share a partition, and their order.
In local mode this fixes every bit. On several machines Spark may still add the partitions' sums in the order in which
they arrive, and so change a last bit.
"""

from pyspark.sql import DataFrame

ROWS_A_PARTITION = 100_000
FEWEST = 2


def laid_out(frame: DataFrame, n_rows: int, *keys: str) -> DataFrame:
    """Return the frame partitioned and sorted by columns that tell its rows apart.

    Parameters
    ----------
    frame : rows that differ in ``keys``
    n_rows : how many there are; it alone decides the number of partitions, the cluster has no say
    keys : columns that can be compared
    """
    partitions = max(FEWEST, -(-n_rows // ROWS_A_PARTITION))
    return frame.repartition(partitions, *keys).sortWithinPartitions(*keys)
