"""Which of a track's neighbours make its list: in order of distance, under the rules; no Spark here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NO_TRACK = -1
"""Where a list is shorter than it may be. Codes of artists and recordings are 0 or more."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a list may hold.

    A neighbour joins when its recording is neither the track's own nor in the list already, its artist is in the list
    less than ``per_artist`` times (0: no matter how often), and its year is at most ``years_apart`` from the track's
    (None: no matter which; else a track without a year has no neighbours, and is none).
    """

    length: int = 10
    per_artist: int = 2
    years_apart: int | None = None


def select(allowed: Flags, artist: Integers, recording: Integers, rules: Rules) -> Integers:
    """Return the positions of the chosen among candidates that stand in order.

    A recording belongs to one artist, so the rules make a laminar matroid: what is chosen of a union of sets is
    chosen of its own set too. Sets may therefore be searched apart, and their lists merged by the same rule.

    Parameters
    ----------
    allowed, artist, recording : shape (n_lists, n_candidates), each row in the order of choice

    Returns
    -------
    Shape (n_lists, rules.length); -1 behind the last.
    """
    n_lists, n_candidates = allowed.shape
    chosen = np.full((n_lists, rules.length), NO_TRACK, dtype=np.int64)
    artists, recordings = chosen.copy(), chosen.copy()
    count = np.zeros(n_lists, dtype=np.int64)
    for position in range(n_candidates):
        rows = np.nonzero(allowed[:, position] & (count < rules.length))[0]
        who, what = artist[rows, position], recording[rows, position]
        free = ~(recordings[rows] == what[:, None]).any(axis=1)
        if rules.per_artist:
            free &= (artists[rows] == who[:, None]).sum(axis=1) < rules.per_artist
        rows, who, what = rows[free], who[free], what[free]
        place = count[rows]
        chosen[rows, place], artists[rows, place], recordings[rows, place] = position, who, what
        count[rows] += 1
    return chosen


def select_one(artist: Integers, recording: Integers, rules: Rules) -> Integers:
    """Return the same for one list of any length, without a loop over its candidates; no -1 behind the last."""
    _, first = np.unique(recording, return_index=True)
    first.sort()
    if rules.per_artist:
        first = first[occurrences(artist[first]) < rules.per_artist]
    return first[: rules.length]


def occurrences(values: Integers) -> Integers:
    """Return how often each value has come before.

    >>> turn(np.array([5, 7, 5, 5, 7]))
    array([0, 0, 1, 2, 1])
    """
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    starts = np.flatnonzero(np.r_[True, sorted_values[1:] != sorted_values[:-1]]) if len(values) else order
    lengths = np.diff(np.r_[starts, len(values)])
    found = np.empty(len(values), dtype=np.int64)
    found[order] = np.arange(len(values)) - np.repeat(starts, lengths)
    return found


def drop_redundant_coincident(
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
                ordered = ordered[occurrences(artist[ordered]) <= rules.per_artist]
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
