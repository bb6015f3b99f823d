"""Cells that can hold near points, against all pairs of points."""

import numpy as np
import pytest

from segue.similarity.kd_tree import distances
from segue.similarity.partitioned import cell_lists_in_reach, cells_in_reach


@pytest.mark.parametrize("levels", [3, 5, 1000])
def test_every_cell_that_holds_a_near_point_is_in_reach(levels):
    rng = np.random.default_rng(levels)
    # on a coarse grid many points are on the plane between two cells, or exactly at the bound
    points = rng.integers(0, levels, (400, 3)) / levels
    centres = np.unique(points[:12], axis=0)
    label = ((points[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    pair_distance = distances(points, points, np.tile(np.arange(400), (400, 1)))
    n_excluded = 0
    for cell in range(len(centres)):
        members = np.flatnonzero(label == cell)
        max_distance = pair_distance[members, rng.integers(0, 400, len(members))]
        in_reach = cells_in_reach(points[members], cell, centres, max_distance)
        is_near = pair_distance[members] <= max_distance[:, None]
        for other in set(range(len(centres))) - {cell}:
            needs = is_near[:, label == other].any(axis=1)
            assert in_reach[needs, other].all()
        assert not in_reach[:, cell].any()
        n_excluded += (~in_reach).sum()
        lists = cell_lists_in_reach(points[members], cell, centres, max_distance).to_pylist()
        assert lists == [np.flatnonzero(row).tolist() for row in in_reach]
    # more than each point's own cell
    assert n_excluded > 400


def test_all_cells_are_in_infinite_reach_and_none_below_0():
    centres = np.array([[0.0], [1.0], [5.0]])
    lists = cell_lists_in_reach(np.array([[1.1], [1.2]]), 1, centres, np.array([np.inf, -1.0]))
    assert lists.to_pylist() == [[0, 2], []]
