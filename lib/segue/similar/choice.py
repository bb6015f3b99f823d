"""Which of a track's neighbours make its list: in order of distance, under the rules; no Spark here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NOBODY = -1
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


def choose(allowed: Flags, artist: Integers, recording: Integers, rules: Rules) -> Integers:
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
    chosen = np.full((n_lists, rules.length), NOBODY, dtype=np.int64)
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


def choose_one(artist: Integers, recording: Integers, rules: Rules) -> Integers:
    """Return the same for one list of any length, without a loop over its candidates; no -1 behind the last."""
    _, first = np.unique(recording, return_index=True)
    first.sort()
    if rules.per_artist:
        first = first[turn(artist[first]) < rules.per_artist]
    return first[: rules.length]


def turn(values: Integers) -> Integers:
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
