"""Quantiles from counts in bins, by hand."""

import numpy as np
import pytest

from segue.clustering.bins import quantiles


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        # four values at 1, 3, 5 and 7 of 0 to 8, as if evenly spread: ranks 1.25, 2 and 2.75
        ([2, 2], [2.5, 4.0, 5.5]),
        # the same ranks, all in the last of four bins, 6 to 8
        ([0, 0, 0, 4], [6.625, 7.0, 7.375]),
        # one value stands in the middle of its bin
        ([0, 1, 0, 0], [3.0, 3.0, 3.0]),
    ],
)
def test_values_lie_evenly_within_their_bins(counts, wanted):
    assert quantiles(np.array(counts, dtype=float), 0.0, 8.0, (0.25, 0.5, 0.75)) == wanted
