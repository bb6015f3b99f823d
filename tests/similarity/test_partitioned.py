"""Which cells a point has to ask, against all pairs of points."""

import numpy as np
import pytest

from segue.similarity.candidates import distances
from segue.similarity.partitioned import _visited_cells, cells_in_reach


@pytest.mark.parametrize("levels", [3, 5, 1000])
def test_no_cell_that_holds_a_near_point_is_left_out(levels):
    rng = np.random.default_rng(levels)
    # on a coarse grid many points lie on the very plane between two cells, and as near as the bound
    points = rng.integers(0, levels, (400, 3)) / levels
    centres = np.unique(points[:12], axis=0)
    own = ((points[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    pairs = distances(points, points, np.tile(np.arange(400), (400, 1)))
    left_out = 0
    for home in range(len(centres)):
        mine = np.flatnonzero(own == home)
        bound = pairs[mine, rng.integers(0, 400, len(mine))]
        asked = cells_in_reach(points[mine], home, centres, bound)
        near = pairs[mine] <= bound[:, None]
        for cell in set(range(len(centres))) - {home}:
            needed = near[:, own == cell].any(axis=1)
            assert (asked[needed, cell]).all()
        assert not asked[:, home].any()
        left_out += (~asked).sum()
        ends, cells = _visited_cells(points[mine], home, centres, bound)
        lists = [cells[ends[i] : ends[i + 1]].tolist() for i in range(len(mine))]
        assert lists == [np.flatnonzero(row).tolist() for row in asked]
    # and the bound is good for something
    assert left_out > 400
    assert cells_in_reach(points[mine], home, centres, np.full(len(mine), np.inf)).sum() == len(mine) * (
        len(centres) - 1
    )
