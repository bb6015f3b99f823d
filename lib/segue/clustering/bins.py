"""Quantiles of values of which only the counts in equal bins are known; no Spark here."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def quantiles(counts: NDArray[np.float64], low: float, high: float, shares: Sequence[float]) -> list[float]:
    """Return the values at shares of the ranks, as if values lay evenly within their bins.

    Parameters
    ----------
    counts : values in each bin, not all 0
    low, high : where the first bin begins and the last one ends
    shares : from 0 to 1

    >>> quantiles(np.array([2.0, 2.0]), 0.0, 8.0, (0.25, 0.5, 0.75))
    [2.5, 4.0, 5.5]
    """
    total = counts.cumsum()
    found = []
    for share in shares:
        rank = share * (total[-1] - 1) + 0.5
        place = int(np.searchsorted(total, rank, "left"))
        inside = (rank - (total[place] - counts[place])) / counts[place]
        found.append(float(low + (place + inside) / len(counts) * (high - low)))
    return found
