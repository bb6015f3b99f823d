"""Which points stand for all: drawn by a hash, so that neither partitions nor the order of rows have a say."""

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.kmeans_grid import kernel
from segue.kmeans_grid.blocks import Blocks
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.points import LocalPoints

_HASHES = 2.0**64


def stand_in(point: Column, points: DataFrame, data: LocalPoints | Blocks, id_column: str | None, size: int) -> Points:
    """Return all points where they are few, and else those that ``drawn`` returns."""
    return drawn(point, points, data, id_column, size) if isinstance(data, Blocks) else data.sample


def drawn(point: Column, points: DataFrame, blocks: Blocks, id_column: str | None, size: int) -> Points:
    """Return about ``size`` of the points, and the extreme ones. Runs a Spark job.

    A point is drawn where the hash of its id is small enough; without an id the points that are equal share a hash,
    and some or all of their copies are drawn. Each drawn point counts as often as it stands for others, each extreme
    one once: it might be all there is of a cluster.
    """
    share = size / len(blocks)
    if id_column:
        below = int(-(2**63) + share * _HASHES)
        rows = points.where(F.xxhash64(id_column) < F.lit(below)).select(point.alias("point"))
        copies = None
    else:
        counted = points.groupBy(point.alias("point")).count()
        even = (F.xxhash64("point").cast("double") + 2.0**63) / _HASHES
        rows = counted.select("point", F.floor(F.col("count") * share + even).alias("n")).where("n > 0")
        copies = "n"
    table = rows.toArrow()
    values = _matrix(table.column("point"), blocks.n_features)
    weights = table.column(copies).to_numpy() if copies else np.ones(len(values))
    return _points(values, weights * max(1, round(1 / share)), blocks)


def distinct(point: Column, points: DataFrame, blocks: Blocks, most: int) -> tuple[Points, int]:
    """Return the different points, each as often as it occurs, and how many there are. Runs two Spark jobs.

    Where there are more than ``most``, those of the smallest hashes are taken.
    """
    exponent, bits = blocks.exponent, blocks.bits
    on_grid = F.transform(point, lambda x: F.rint(x * 2.0 ** (exponent + bits)))
    counted = points.groupBy(on_grid.alias("point")).count().persist()
    try:
        n = counted.count()
        table = counted.orderBy(F.xxhash64("point"), "point").limit(most).toArrow()
    finally:
        counted.unpersist()
    values = np.ldexp(_matrix(table.column("point"), blocks.n_features), -bits - exponent)
    return _points(values, table.column("count").to_numpy(), blocks), n


def _matrix(column: object, n_features: int) -> Matrix:
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]
    return flat.reshape(-1, n_features)


def _points(values: Matrix, weights: Matrix, blocks: Blocks) -> Points:
    """Return the points and the extreme ones, on the grid, in an order without meaning that they alone decide."""
    rows = kernel.round_to_grid(np.ldexp(values, blocks.exponent), blocks.bits)
    order = np.lexsort((weights, *rows.T))
    order = np.random.Generator(np.random.PCG64(len(rows))).permutation(order)
    rows, weights = rows[order], weights[order].astype(np.float64)
    known = {row.tobytes() for row in rows}
    new = [row for row in blocks.extremes if row.tobytes() not in known]
    if new:
        rows, weights = np.concatenate([np.stack(new), rows]), np.concatenate([np.ones(len(new)), weights])
    return Points.of(rows, weights)
