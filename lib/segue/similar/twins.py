"""Tracks at the very same point, of which no list can hold more than a few; no Spark here.

A source that fills gaps with a constant puts thousands of tracks at one point, and each of them would have to be
compared with all others for want of a nearer one. Of those at one point only the first few in order can be in any
list: the first release of a recording, of an artist one recording more than a list may hold (one may be that of
the track itself), and in all as many as are left when a list's other artists have been passed over.
"""

import numpy as np
from numpy.typing import NDArray

from segue.similar.choice import Rules, turn

Integers = NDArray[np.int64]


def without_useless_twins(
    points: NDArray[np.float64],
    order: Integers,
    artist: Integers,
    recording: Integers,
    year: NDArray[np.float64],
    rules: Rules,
) -> Integers:
    """Return the indices of the tracks that some list may hold, rising."""
    # passed over: ten artists in the list with all that is kept of them; then every other one at least is taken
    most = (rules.per_artist + 3) * rules.length + 2
    kept = np.ones(len(points), dtype=bool)
    for group in _groups(points, most):
        kept[group] = False
        for members in _by_year(group, year, rules):
            ordered = members[np.argsort(order[members])]
            _, first = np.unique(recording[ordered], return_index=True)
            ordered = ordered[np.sort(first)]
            if rules.per_artist:
                ordered = ordered[turn(artist[ordered]) <= rules.per_artist]
            kept[ordered[:most]] = True
    return np.flatnonzero(kept)


def _groups(points: NDArray[np.float64], most: int) -> list[Integers]:
    """Return the tracks at one point each, for points that have more than ``most``."""
    code = np.zeros(len(points), dtype=np.uint64)
    for column in points.T:
        # + 0.0 makes one zero of the two
        code = (code ^ (column + 0.0).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        code ^= code >> np.uint64(29)
    by_code = np.argsort(code, kind="stable")
    rising = code[by_code]
    starts = np.flatnonzero(np.r_[True, rising[1:] != rising[:-1]]) if len(code) else by_code
    lengths = np.diff(np.r_[starts, len(code)])
    found = []
    for start, length in zip(starts[lengths > most], lengths[lengths > most], strict=True):
        group = by_code[start : start + length]
        # of two points with one code the second stays as it is
        found.append(group[(points[group] == points[group[0]]).all(axis=1)])
    return found


def _by_year(group: Integers, year: NDArray[np.float64], rules: Rules) -> list[Integers]:
    """Return the parts of a group that a list may treat differently."""
    if rules.years_apart is None:
        return [group]
    return [group[year[group] == value] for value in np.unique(year[group][~np.isnan(year[group])])]
