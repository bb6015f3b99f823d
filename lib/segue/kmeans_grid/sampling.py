"""Draw a sample of points by a hash, the same for any partitions and any order of rows."""

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.kmeans_grid import kernel
from segue.kmeans_grid.blocks import Blocks
from segue.kmeans_grid.kernel import Matrix, Points

_HASHES = 2.0**64


def draw_sample(point: Column, points: DataFrame, blocks: Blocks, id_column: str | None, size: int) -> Points:
    """Draw about ``size`` points, and add the extreme ones. Runs one Spark job.

    A point is drawn if the hash of its id is below a threshold. Without ids equal points share a hash, by which a share
    of their copies is drawn. The weight of a drawn point is the number of points for each one drawn; the weight of an
    added extreme point is 1, since it may be a cluster of its own.

    Parameters
    ----------
    point : array<double>, shape (n_features,)
    points : the frame that ``blocks`` were packed from
    blocks : the same points, packed
    id_column : unique id of each row, or None
    size : expected number of drawn points
    """
    share = size / len(blocks)
    if id_column:
        threshold = int(-(2**63) + share * _HASHES)
        rows = points.where(F.xxhash64(id_column) < F.lit(threshold)).select(point.alias("point"), F.lit(1).alias("n"))
    else:
        counted = points.groupBy(point.alias("point")).count()
        uniform = (F.xxhash64("point").cast("double") + 2.0**63) / _HASHES
        rows = counted.select("point", F.floor(F.col("count") * share + uniform).alias("n")).where("n > 0")
    table = rows.toArrow()
    weights = table.column("n").to_numpy() * max(1, round(1 / share))
    return _points(_matrix(table, blocks.n_features), weights, blocks)


def distinct_points(point: Column, points: DataFrame, blocks: Blocks, max_points: int) -> tuple[Points, int]:
    """Return the distinct points, weighted by their number of copies, and their number. Runs two Spark jobs.

    Parameters
    ----------
    point, points, blocks : as for ``draw_sample``
    max_points : of more distinct points, only those with the smallest hashes are returned
    """
    exponent, bits = blocks.exponent, blocks.bits
    on_grid = F.transform(point, lambda x: F.rint(x * 2.0 ** (exponent + bits)))
    counted = points.groupBy(on_grid.alias("point")).count().persist()
    try:
        n_distinct = counted.count()
        table = counted.orderBy(F.xxhash64("point"), "point").limit(max_points).toArrow()
    finally:
        counted.unpersist()
    values = np.ldexp(_matrix(table, blocks.n_features), -bits - exponent)
    return _points(values, table.column("count").to_numpy(), blocks), n_distinct


def _matrix(table: pa.Table, n_features: int) -> Matrix:
    flat: Matrix = table.column("point").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, n_features)


def _points(values: Matrix, weights: Matrix, blocks: Blocks) -> Points:
    """Return the points and the missing extreme ones in fixed point, shuffled by their values and number alone."""
    rows = kernel.round_to_fixed_point(np.ldexp(values, blocks.exponent), blocks.bits)
    order = np.lexsort((weights, *rows.T))
    order = np.random.Generator(np.random.PCG64(len(rows))).permutation(order)
    rows, weights = rows[order], weights[order].astype(np.float64)
    sampled = {row.tobytes() for row in rows}
    added = [row for row in blocks.extremes if row.tobytes() not in sampled]
    if added:
        rows, weights = np.concatenate([np.stack(added), rows]), np.concatenate([np.ones(len(added)), weights])
    return Points.of(rows, weights)
