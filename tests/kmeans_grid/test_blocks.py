"""Packed points and what is drawn of them, against the same arithmetic on the points themselves."""

import numpy as np
import pytest
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

from segue.kmeans_grid import kernel, sampling, scoring
from segue.kmeans_grid.blocks import Blocks, matrix_with_mask, pack
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.points import LocalPoints, load_points
from segue.kmeans_grid.scoring import CentreStats


def point():
    """The column of points as arrays: it needs a session."""
    return vector_to_array(F.col("point"))


@pytest.fixture(scope="module")
def rows():
    found = np.random.default_rng(0).normal(0, 1, (700, 3))
    found[500:] = found[:200]
    return found


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
    return kernel.round_to_grid(rows / 8, 24)


def test_what_packing_learns_of_the_points(blocks, on_grid):
    assert (len(blocks), blocks.n_features, blocks.n_classes, blocks.exponent) == (700, 3, 2, -3)
    assert blocks.bits == 24
    least, largest = on_grid.min(axis=0), on_grid.max(axis=0)
    known = {tuple(row) for row in on_grid}
    assert all(tuple(row) in known for row in blocks.extremes)
    assert np.array_equal(blocks.extremes.min(axis=0), least)
    assert np.array_equal(blocks.extremes.max(axis=0), largest)
    assert len(blocks.extremes) <= 6


def test_totals_are_those_of_the_points(blocks, on_grid):
    sets = [on_grid[:4], on_grid[20:29]]
    for found, wanted in zip(blocks.totals(sets), kernel.centre_sums(Points.of(on_grid), sets), strict=True):
        assert np.array_equal(found[:, :-1], wanted[:, :-1])
        assert found[:, -1] == pytest.approx(wanted[:, -1], rel=1e-12)


def test_verdicts_are_those_of_the_points(blocks, on_grid, genres):
    sets = [on_grid[:4], on_grid[20:29]]
    known = [CentreStats.of(c, total) for c, total in zip(sets, blocks.totals(sets), strict=True)]
    codes = np.array([{"pop": 0, "rock": 1, None: -1}[genre] for genre in genres], dtype=np.int32)
    wanted = scoring.score_sums(Points.of(on_grid), codes, 2, known)
    for a, b in zip(blocks.judged(known), wanted, strict=True):
        assert a.sums == pytest.approx(b.sums, abs=1e-9)
        assert (a.pairs.tolist(), a.counts.tolist()) == (b.pairs.tolist(), b.counts.tolist())


def test_the_extremes_do_not_depend_on_the_rows_order(frame_of, rows):
    # many points have the least and the largest value of each feature
    coarse = np.rint(rows)
    found = []
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(rows))
        packed = pack(point(), frame_of(coarse[order], partitions=1 + 3 * seed), None, -3)
        found.append(packed.extremes)
        packed.release()
    assert found[0].tobytes() == found[1].tobytes()


def weighted(points):
    """The points with their weights, in an order of their own."""
    return sorted(zip(map(tuple, points.rows), points.weights.tolist(), strict=True))


def test_a_sample_by_id_is_of_the_size_that_was_asked_for(frame, blocks, on_grid):
    drawn = sampling.drawn(point(), frame, blocks, "id", 200)
    known = {tuple(row) for row in on_grid}
    assert all(tuple(row) in known for row in drawn.rows)
    # the number drawn is binomial: 5 standard deviations, and the extreme ones
    assert 200 - 60 <= len(drawn) <= 200 + 60 + 6
    extremes = {tuple(row) for row in blocks.extremes}
    assert extremes <= {tuple(row) for row in drawn.rows}
    # a point for 700 / 200 others, to the nearest whole number; an extreme one may be there for itself
    assert {weight for row, weight in weighted(drawn) if row not in extremes} == {4.0}


@pytest.mark.parametrize("id_column", ["id", None])
def test_a_sample_does_not_depend_on_partitions(frame, blocks, id_column):
    shuffled = frame.repartition(5, F.rand(1))
    first, second = (sampling.drawn(point(), points, blocks, id_column, 150) for points in (frame, shuffled))
    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.weights.tolist() == second.weights.tolist()


def test_a_sample_without_ids_stands_for_about_all(frame, blocks):
    drawn = sampling.drawn(point(), frame, blocks, None, 350)
    # each of 350 copies counts twice; 200 points occur twice and share their draw
    assert 700 - 180 <= drawn.weights.sum() <= 700 + 180
    assert len(np.unique(drawn.rows, axis=0)) == len(drawn)


def test_the_different_points_as_often_as_they_occur(frame, blocks, on_grid):
    found, n = sampling.distinct(point(), frame, blocks, 10_000)
    assert n == 500
    different, counts = np.unique(on_grid, axis=0, return_counts=True)
    assert weighted(found) == sorted(zip(map(tuple, different), counts.astype(float).tolist(), strict=True))


def test_too_many_different_points_are_cut_by_hash_but_counted(frame, blocks):
    found = [sampling.distinct(point(), points, blocks, 60) for points in (frame, frame.repartition(5, F.rand(2)))]
    assert [n for _, n in found] == [500, 500]
    assert 60 <= len(found[0][0]) <= 66
    assert weighted(found[0][0]) == weighted(found[1][0])


def test_few_points_are_gathered_on_the_driver_and_many_in_blocks(frame):
    few = load_points(frame, features="point", class_column="genre", most=700)
    many = load_points(frame, features="point", class_column="genre", most=699)
    assert isinstance(few, LocalPoints)
    assert isinstance(many, Blocks)
    # values reach some 3.5: a quarter of them fits
    assert (few.exponent, many.exponent) == (-2, -2)
    assert (few.n_classes, many.n_classes) == (2, 2)
    centres = few.sample.rows[:3]
    assert few.totals([centres])[0] == pytest.approx(many.totals([centres])[0], abs=1e-5)
    many.release()


def test_lists_become_a_matrix_whatever_is_missing():
    pa = pytest.importorskip("pyarrow")
    values, whole = matrix_with_mask(pa.array([[1.0, 2.0], None, [3.0], [4.0, None], []], pa.list_(pa.float64())))
    assert whole.tolist() == [True, False, False, True, False]
    assert values[[0, 3]].tolist() == [[1.0, 2.0], [4.0, pytest.approx(np.nan, nan_ok=True)]]
    sliced = pa.array([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64())).slice(1)
    assert matrix_with_mask(sliced)[0].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert matrix_with_mask(pa.array([None, []], pa.list_(pa.float64())))[1].tolist() == [False, False]
