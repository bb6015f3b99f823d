"""Points in the driver's memory: results do not depend on the order of rows."""

import numpy as np
import pytest

from segue.kmeans_grid import kernel
from segue.kmeans_grid.points import LocalPoints
from segue.kmeans_grid.scoring import CentreStats


@pytest.fixture(scope="module")
def rows():
    points = np.random.default_rng(0).random((200, 3))
    points[150:] = points[:50]
    return points


@pytest.fixture(scope="module")
def classes():
    return np.random.default_rng(1).integers(-1, 4, 200).astype(np.int32)


def test_the_order_of_rows_changes_no_bit(rows, classes):
    order = np.random.default_rng(2).permutation(200)
    first, second = (LocalPoints(rows[o], classes[o], 4, 0) for o in (slice(None), order))
    centres = first.sample.rows[:5]
    assert np.array_equal(first.sample.rows, second.sample.rows)
    assert np.array_equal(*(points.centre_sums([centres])[0] for points in (first, second)))


def test_classes_and_their_numbers_do_not_change_the_sample(rows, classes):
    # classes are numbered by first occurrence, which depends on the order of rows
    renumbered = np.array([2, 0, 3, 1, -1], dtype=np.int32)[classes]
    samples = [LocalPoints(rows, codes, 4, 0).sample.rows for codes in (classes, renumbered, None)]
    assert np.array_equal(samples[0], samples[1])
    assert np.array_equal(samples[0], samples[2])


def test_only_the_sample_is_rounded_to_the_grid(rows):
    points = LocalPoints(rows * 1000, None, 0, -10)
    assert len(points) == 200
    in_order = points.sample.rows[np.lexsort(points.sample.rows.T)]
    scaled = rows * 1000 / 1024
    assert in_order == pytest.approx(scaled[np.lexsort(scaled.T)], abs=2.0**-25)
    assert np.array_equal(in_order, kernel.round_to_fixed_point(in_order, 24))
    # sums are computed from the scaled points, which are not rounded
    (sums,) = points.centre_sums([np.array([[0.0] * 3, [1.0] * 3])])
    assert sums[:, :3].sum(axis=0) == pytest.approx(scaled.sum(axis=0), rel=1e-13)


def test_sums_and_scores_assign_equidistant_points_alike():
    # (t, t) is as far from (a, b) as from (b, a), but computed distances may differ, as t is not in fixed point
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.random((300, 1)), 6, axis=1)
    centres = []
    for _ in range(40):
        one = kernel.round_to_fixed_point(rng.random(6), 24)
        centres.append(np.stack([rng.permutation(one) for _ in range(5)]))
    points = LocalPoints(rows, np.zeros(300, dtype=np.int32), 1, 0)
    centre_sums = points.centre_sums(centres)
    stats = [CentreStats.of(c, np.maximum(sums, 1.0)) for c, sums in zip(centres, centre_sums, strict=True)]
    for sums, scores in zip(centre_sums, points.score_sums(stats), strict=True):
        counts = np.zeros(5)
        counts[scores.pairs] = scores.counts
        assert sums[:, -2].tolist() == counts.tolist()
