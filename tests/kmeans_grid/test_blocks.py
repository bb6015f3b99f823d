"""Sums over blocks and samples on Spark, against the same arithmetic on arrays of the points."""

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

from segue.kmeans_grid import kernel, points, scoring
from segue.kmeans_grid.blocks import Blocks, matrix_with_mask, pack
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.points import LocalPoints, load_points
from segue.kmeans_grid.scoring import CentreStats


def point():
    """Return the points as a Column of arrays; there must be a Spark session."""
    return vector_to_array(F.col("point"))


@pytest.fixture(scope="module")
def rows():
    points = np.random.default_rng(0).normal(0, 1, (700, 3))
    points[500:] = points[:200]
    return points


@pytest.fixture(scope="module")
def genres(rows):
    return [[None, "rock", "pop", "rock"][i % 4] for i in range(len(rows))]


@pytest.fixture(scope="module")
def frame(frame_of, rows, genres):
    return frame_of(rows, genres, 3)


@pytest.fixture(scope="module")
def blocks(frame):
    packed = pack(point(), frame, "genre", -3)
    yield packed
    packed.release()


@pytest.fixture(scope="module")
def on_grid(rows):
    return kernel.round_to_fixed_point(rows / 8, 24)


def test_packing_counts_points_and_selects_extremes(blocks, on_grid):
    assert (len(blocks), blocks.n_features, blocks.n_classes, blocks.exponent) == (700, 3, 2, -3)
    assert blocks.bits == 24
    expected = {tuple(row) for row in on_grid}
    assert all(tuple(row) in expected for row in blocks.extremes)
    assert np.array_equal(blocks.extremes.min(axis=0), on_grid.min(axis=0))
    assert np.array_equal(blocks.extremes.max(axis=0), on_grid.max(axis=0))
    assert len(blocks.extremes) <= 6


def test_centre_sums_equal_those_of_the_points(blocks, on_grid):
    sets = [on_grid[:4], on_grid[20:29]]
    for result, expected in zip(blocks.centre_sums(sets), kernel.centre_sums(Points.of(on_grid), sets), strict=True):
        assert np.array_equal(result[:, :-1], expected[:, :-1])
        assert result[:, -1] == pytest.approx(expected[:, -1], rel=1e-12)


def test_score_sums_equal_those_of_the_points(blocks, on_grid, genres):
    sets = [on_grid[:4], on_grid[20:29]]
    stats = [CentreStats.of(c, sums) for c, sums in zip(sets, blocks.centre_sums(sets), strict=True)]
    codes = np.array([{"pop": 0, "rock": 1, None: -1}[genre] for genre in genres], dtype=np.int32)
    expected = scoring.score_sums(Points.of(on_grid), codes, 2, stats)
    for a, b in zip(blocks.score_sums(stats), expected, strict=True):
        assert a.sums == pytest.approx(b.sums, abs=1e-9)
        assert (a.pairs.tolist(), a.counts.tolist()) == (b.pairs.tolist(), b.counts.tolist())


def test_extremes_do_not_depend_on_the_order_of_rows(frame_of, rows):
    # many points share the smallest and the largest value of each feature
    coarse = np.rint(rows)
    extremes = []
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(rows))
        packed = pack(point(), frame_of(coarse[order], partitions=1 + 3 * seed), None, -3)
        extremes.append(packed.extremes)
        packed.release()
    assert extremes[0].tobytes() == extremes[1].tobytes()


def weighted(points):
    """Return the points with their weights, sorted."""
    return sorted(zip(map(tuple, points.rows), points.weights.tolist(), strict=True))


def test_a_sample_by_id_has_the_requested_size(frame, blocks, on_grid):
    sample = points.draw_sample(point(), frame, blocks, "id", 200)
    expected = {tuple(row) for row in on_grid}
    assert all(tuple(row) in expected for row in sample.rows)
    # the number of drawn points is binomial: 60 is 5 standard deviations; up to 6 extreme points are added
    assert 200 - 60 <= len(sample) <= 200 + 60 + 6
    extremes = {tuple(row) for row in blocks.extremes}
    assert extremes <= {tuple(row) for row in sample.rows}
    # the weight of a drawn point is 700 / 200, rounded; that of an added extreme point is 1
    assert {weight for row, weight in weighted(sample) if row not in extremes} == {4.0}


@pytest.mark.parametrize("id_column", ["id", None])
def test_a_sample_does_not_depend_on_partitions(frame, blocks, id_column):
    shuffled = frame.repartition(5, F.rand(1))
    first, second = (points.draw_sample(point(), rows, blocks, id_column, 150) for rows in (frame, shuffled))
    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.weights.tolist() == second.weights.tolist()


def test_weights_of_a_sample_without_ids_add_up_to_about_all(frame, blocks):
    sample = points.draw_sample(point(), frame, blocks, None, 350)
    # about 350 copies are drawn, each with weight 2
    assert 700 - 180 <= sample.weights.sum() <= 700 + 180
    assert len(np.unique(sample.rows, axis=0)) == len(sample)


def test_distinct_points_are_weighted_by_their_copies(frame, blocks, on_grid):
    distinct, n = points.distinct_points(point(), frame, blocks, 10_000)
    assert n == 500
    rows, counts = np.unique(on_grid, axis=0, return_counts=True)
    assert weighted(distinct) == sorted(zip(map(tuple, rows), counts.astype(float).tolist(), strict=True))


def test_too_many_distinct_points_are_limited_by_hash(frame, blocks):
    shuffled = frame.repartition(5, F.rand(2))
    (first, n), (second, m) = (points.distinct_points(point(), rows, blocks, 60) for rows in (frame, shuffled))
    assert (n, m) == (500, 500)
    assert 60 <= len(first) <= 66
    assert weighted(first) == weighted(second)


def test_few_points_are_loaded_and_many_are_packed(frame):
    few = load_points(frame, features="point", class_column="genre", max_local=700)
    many = load_points(frame, features="point", class_column="genre", max_local=699)
    assert isinstance(few, LocalPoints)
    assert isinstance(many, Blocks)
    # the largest value is about 3.5, and 3.5 / 4 is at most 1
    assert (few.exponent, many.exponent) == (-2, -2)
    assert (few.n_classes, many.n_classes) == (2, 2)
    centres = few.sample.rows[:3]
    assert few.centre_sums([centres])[0] == pytest.approx(many.centre_sums([centres])[0], abs=1e-5)
    many.release()


def test_incomplete_lists_are_masked():
    values, is_complete = matrix_with_mask(pa.array([[1.0, 2.0], None, [3.0], [4.0, None], []], pa.list_(pa.float64())))
    assert is_complete.tolist() == [True, False, False, True, False]
    assert values[[0, 3]].tolist() == [[1.0, 2.0], [4.0, pytest.approx(np.nan, nan_ok=True)]]
    sliced = pa.array([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64())).slice(1)
    assert matrix_with_mask(sliced)[0].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert matrix_with_mask(pa.array([None, []], pa.list_(pa.float64())))[1].tolist() == [False, False]
