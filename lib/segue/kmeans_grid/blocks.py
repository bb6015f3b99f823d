"""Many points: packed once into binary blocks that are kept, then passed over by workers that return only sums."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.core.spark_helpers import DISK_LEVEL
from segue.errors import ClusteringError
from segue.kmeans_grid import kernel, scoring
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.scoring import CentreStats, ScoreSums

_BLOCK = (
    "points binary, classes binary, n bigint, n_strange bigint, n_features int, coarse double, fine double, "
    "extremes binary"
)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Packed points, and what was learned of them on the way."""

    frame: DataFrame
    n_points: int
    n_features: int
    exponent: int
    n_classes: int
    squares: float
    """The sum of the squared lengths of all points."""
    extremes: Matrix
    """Points that have the least or the largest value of a feature, on the grid, at most 2 n_features of them."""

    @property
    def bits(self) -> int:
        """How fine the grid is."""
        return kernel.grid_bits(self.n_features)

    def __len__(self) -> int:
        return self.n_points

    def totals(self, sets: Sequence[Matrix]) -> list[Matrix]:
        """Return what ``kernel.centre_sums`` returns, of all points."""
        n_features, bounds = self.n_features, np.cumsum([len(centres) for centres in sets])[:-1]

        def work(blocks: Iterator[_Block]) -> Iterator[list[bytes]]:
            total = [np.zeros((len(centres), n_features + 2)) for centres in sets]
            for block in blocks:
                for sums, more in zip(total, kernel.centre_sums(block.points, sets), strict=True):
                    sums += more
            yield [np.concatenate(total).tobytes()]

        parts = _map_blocks(self.frame, n_features, work, ["total"])
        flat = sum((np.frombuffer(part[0]) for part in parts[1:]), np.frombuffer(parts[0][0]))
        return np.split(flat.reshape(-1, n_features + 2), bounds)

    def judged(self, known: Sequence[CentreStats]) -> list[ScoreSums]:
        """Return what ``scoring.score_sums`` returns, of all points."""
        n_features, n_classes = self.n_features, self.n_classes

        def work(blocks: Iterator[_Block]) -> Iterator[list[bytes]]:
            found: list[ScoreSums] = []
            for block in blocks:
                more = scoring.score_sums(block.points, block.classes, n_classes, known)
                # added at once: what a worker holds does not grow with its partition
                found = [scoring.merge_score_sums(both) for both in zip(found, more, strict=True)] if found else more
            for verdict in found:
                yield [array.tobytes() for array in verdict]

        parts = _map_blocks(self.frame, n_features, work, ["sums", "pairs", "counts"])
        verdicts = [
            ScoreSums(
                np.frombuffer(sums).reshape(-1, 3), np.frombuffer(pairs, np.int64), np.frombuffer(counts, np.int64)
            )
            for sums, pairs, counts in parts
        ]
        # each partition yields one for every k, in order
        return [scoring.merge_score_sums(verdicts[place :: len(known)]) for place in range(len(known))]

    def release(self) -> None:
        """Let go of them."""
        self.frame.unpersist()


@dataclass(frozen=True, slots=True)
class _Block:
    points: Points
    classes: NDArray[np.int32] | None


def pack(point: Column, points: DataFrame, class_column: str | None, exponent: int) -> Blocks:
    """Return the points in blocks, one for each Arrow batch. Runs a Spark job, or two where there are classes.

    Parameters
    ----------
    point : array<double>, shape (n_features,), in [-2^-exponent, 2^-exponent]
    points : where it stands
    class_column : a class of each point, may be null
    exponent : the power of two that brings the values into [-1, 1]

    Raises
    ------
    ClusteringError
        If a value is missing, no finite number, or larger in size.
    """
    names = _classes(points, class_column)
    given = F.col(class_column).cast("string") if class_column else F.lit(None).cast("string")
    packed = points.select(point.alias("point"), given.alias("class")).mapInArrow(_packer(exponent, names), _BLOCK)
    packed.persist(DISK_LEVEL)
    try:
        rows = packed.drop("points", "classes").collect()
        found = [row for row in rows if row.n or row.n_strange]
        n = sum(row.n for row in found)
        require_valid_points(n, sum(row.n_strange for row in found))
        n_features, *others = sorted({row.n_features for row in found})
        if others:
            raise ClusteringError(f"some points have {n_features} features, others {others[0]}; wanted as many in each")
        extremes = np.concatenate([np.frombuffer(row.extremes).reshape(-1, n_features) for row in found])
        squares = sum(row.coarse for row in found) + sum(row.fine for row in found)
        return Blocks(packed, n, n_features, exponent, len(names), squares, _extremes(extremes))
    except BaseException:
        packed.unpersist()
        raise


def require_valid_points(n_usable: int, n_strange: int) -> None:
    """Raise ClusteringError where there are strange points, or none at all."""
    if n_strange:
        raise ClusteringError(
            f"{n_strange} of {n_usable + n_strange} points have a value that is missing, no finite number or out of "
            "range, or fewer values than others"
        )
    if not n_usable:
        raise ClusteringError("no points to cluster")


def _classes(points: DataFrame, column: str | None) -> list[str]:
    if column is None:
        return []
    found = points.select(F.col(column).cast("string").alias("class")).where("class IS NOT NULL").distinct().collect()
    return sorted(row[0] for row in found)


def _packer(exponent: int, names: list[str]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    known = pa.array(names, pa.string())

    def packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if not batch.num_rows:
                continue
            values, whole = matrix_with_mask(batch.column(0))
            scaled = np.ldexp(values, exponent)
            rounded = kernel.round_to_grid(scaled, kernel.grid_bits(values.shape[1]))
            usable = whole & (np.abs(rounded) <= 1).all(axis=1)
            rows = rounded[usable]
            codes = pc.index_in(batch.column(1), value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
            block = [
                rows.astype(np.float32).tobytes(),
                codes[usable].astype(np.int32).tobytes() if names else None,
                len(rows),
                len(values) - len(rows),
                values.shape[1],
                *kernel.square_parts(rows, kernel.grid_bits(values.shape[1])),
                _extremes(rows).tobytes(),
            ]
            yield pa.RecordBatch.from_arrays(
                [pa.array([cell], kind) for cell, kind in zip(block, _ARROW, strict=True)], names=_NAMES
            )

    return packed


_NAMES = [part.split()[0] for part in _BLOCK.split(", ")]
_ARROW = [pa.binary(), pa.binary(), pa.int64(), pa.int64(), pa.int32(), pa.float64(), pa.float64(), pa.binary()]


def matrix_with_mask(points: pa.Array) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return a column of equally long lists as an array, and which of its rows are whole; nulls become NaN."""
    lengths = pc.fill_null(pc.list_value_length(points), 0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    whole = (lengths == width) & (width > 0)
    values = np.full((len(points), width), np.nan)
    flat = points.flatten().to_numpy(zero_copy_only=False)
    if whole.all():
        return flat.reshape(len(points), width).astype(np.float64), whole
    begin = np.cumsum(lengths) - lengths
    for row in np.flatnonzero(whole):
        values[row] = flat[begin[row] : begin[row] + width]
    return values, whole


def _extremes(rows: Matrix) -> Matrix:
    """Return a row of the least and one of the largest value of each feature; of equals the least by all features."""
    if not len(rows):
        return rows
    found = []
    for feature in range(rows.shape[1]):
        for value in (rows[:, feature].min(), rows[:, feature].max()):
            tied = rows[rows[:, feature] == value]
            for column in range(rows.shape[1]):
                tied = tied[tied[:, column] == tied[:, column].min()]
            found.append(tied[0])
    return np.unique(np.stack(found), axis=0)


def _map_blocks(
    frame: DataFrame,
    n_features: int,
    work: Callable[[Iterator[_Block]], Iterator[list[bytes]]],
    names: list[str],
) -> list[tuple[bytes, ...]]:
    """Run ``work`` over the blocks of every partition, and return the rows of bytes that it yields."""

    def unpacked(batches: Iterator[pa.RecordBatch]) -> Iterator[_Block]:
        for batch in batches:
            for row in range(batch.num_rows):
                values, classes = batch.column(0)[row].as_buffer(), batch.column(1)[row]
                rows = np.frombuffer(values, np.float32).reshape(-1, n_features)
                if len(rows):
                    codes = np.frombuffer(classes.as_buffer(), np.int32) if classes.is_valid else None
                    yield _Block(Points.of(rows), codes)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for row in work(unpacked(batches)):
            yield pa.RecordBatch.from_arrays([pa.array([cell], pa.binary()) for cell in row], names=names)

    schema = ", ".join(f"{name} binary" for name in names)
    return [tuple(row) for row in frame.select("points", "classes").mapInArrow(run, schema).collect()]
