"""Order recommended tracks so that tempo, musical key and energy change little from each track to the next.

The cost of a transition is the sum of three differences between its two tracks:

* tempo: the ratio of the tempos in twelfths of an octave (about 6 % each), without whole octaves: 70, 140 and 280 beats
  per minute count as equal. At most 6.
* key: steps on the Camelot wheel (``keys``), at most 7.
* energy: in tenths, at most 10.

A difference is 0 if one of the two values is unknown.

The order is a path from the first track through all others with a small sum of costs. For up to ``MAX_EXACT`` tracks
the sum is the smallest possible [1]_. For more tracks, the path always goes on to the nearest track not yet in it;
then parts of the path are reversed as long as this lowers the sum (2-opt [2]_).

References
----------
.. [1] M. Held, R. M. Karp (1962), "A dynamic programming approach to sequencing problems", J. SIAM 10(1), 196-210.
.. [2] G. A. Croes (1958), "A method for solving traveling-salesman problems", Oper. Res. 6(6), 791-812.
"""

from collections.abc import Sequence

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.similarity.arrays import column_matrix
from segue.similarity.coordinates import key_codes
from segue.similarity.keys import steps
from segue.similarity.rules import Floats, Integers

MAX_EXACT = 10
"""Maximum number of tracks to order optimally; each further track more than doubles the time."""
_TWELFTHS = 12
_ENERGY_UNIT = 0.1
_DECIMALS = 9
"""Number of decimals of costs. Rounding makes ties the same on every processor."""


def collect_order(tracks: DataFrame, track_ids: Sequence[str]) -> list[int]:
    """Order tracks with smooth transitions: return positions in ``track_ids``, such as [0, 2, 1]. 0 stays first.

    Runs one Spark job, which collects the tracks to the driver. O(n^2) memory for n ids.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``
        The columns key and mode may be missing. Must contain all ``track_ids``.
    track_ids : sequence of str
        Distinct ids of tracks, the best first.
    """
    numbers = [F.col(name).cast("double") for name in ("bpm", "energy")]
    selected = tracks.where(F.col("track_id").isin(list(track_ids)))
    table = selected.select("track_id", *numbers, key_codes(tracks).alias("key")).toArrow()
    position = {track_id: row for row, track_id in enumerate(table["track_id"].to_pylist())}
    rows = np.array([position[track_id] for track_id in track_ids], dtype=np.int64)
    bpm, energy = column_matrix([table["bpm"], table["energy"]])[rows].T
    path = smooth_path(transition_costs(bpm, table["key"].to_numpy()[rows], energy))
    return [int(position) for position in path]


def transition_costs(bpm: Floats, key: Integers, energy: Floats) -> Floats:
    """Return the cost of the transition between any two tracks, a symmetric array of shape (n_tracks, n_tracks).

    Parameters
    ----------
    bpm : array of shape (n_tracks,), in beats per minute, NaN where unknown
    key : array of int, shape (n_tracks,), codes as in the module ``keys``
    energy : array of shape (n_tracks,), 0 to 1, NaN where unknown
    """
    octaves = np.log2(bpm)
    difference = np.abs(octaves[:, None] - octaves) % 1.0
    tempo = np.minimum(difference, 1.0 - difference) * _TWELFTHS
    energetic = np.abs(energy[:, None] - energy) / _ENERGY_UNIT
    costs: Floats = np.nan_to_num(tempo) + steps(key[:, None], key) + np.nan_to_num(energetic)
    return np.round(costs, _DECIMALS)


def smooth_path(costs: Floats) -> Integers:
    """Return a path from track 0 through all others with a small sum of costs, as track numbers, shape (n_tracks,).

    ``costs`` is symmetric, of shape (n_tracks, n_tracks). Equal costs always give the same path.
    """
    if len(costs) < 2:
        return np.arange(len(costs))
    return _shortest_path(costs) if len(costs) <= MAX_EXACT else _reversed_parts(_nearest_path(costs), costs)


def _shortest_path(costs: Floats) -> Integers:
    """Return the path from track 0 through all others with the smallest sum of costs, as track numbers. O(n^2 2^n).

    ``costs`` is symmetric, of shape (n_tracks, n_tracks), with two tracks or more.

    In the code, ``lengths[visited, last]`` is the sum of the shortest path from track 0 through the set ``visited`` to
    ``last``. ``visited`` has one bit per track other than 0; ``previous[visited, last]`` is the track before ``last``.
    All numbers in these arrays leave out track 0: the number i means track i + 1.
    """
    n_others = len(costs) - 1
    lengths = np.full((1 << n_others, n_others), np.inf)
    previous = np.zeros(lengths.shape, dtype=np.int64)
    lengths[1 << np.arange(n_others), np.arange(n_others)] = costs[0, 1:]
    for visited in range(1, 1 << n_others):
        for last in range(n_others):
            before = visited & ~(1 << last)
            if before not in (0, visited):
                through = np.round(lengths[before] + costs[1:, last + 1], _DECIMALS)
                previous[visited, last] = through.argmin()
                lengths[visited, last] = through.min()
    visited = (1 << n_others) - 1
    path = [int(lengths[visited].argmin())]
    while len(path) < n_others:
        last = path[-1]
        path.append(int(previous[visited, last]))
        visited &= ~(1 << last)
    return np.array([0, *(track + 1 for track in reversed(path))])


def _nearest_path(costs: Floats) -> Integers:
    """Return a path through all n tracks: from track 0, then always to the nearest track not yet in the path. O(n^2).

    ``costs`` has the cost of each transition, shape (n, n). The result holds the track numbers in order, shape (n,); on
    a tie, the track with the lower number comes first.
    """
    left = np.zeros(len(costs))
    path = [0]
    while len(path) < len(costs):
        left[path[-1]] = np.inf
        path.append(int((costs[path[-1]] + left).argmin()))
    return np.array(path)


def _reversed_parts(path: Integers, costs: Floats) -> Integers:
    """Reverse parts of a path until no reversal lowers its sum of costs; return the new path. O(n^2) for each pass.

    ``path`` holds track numbers in order; the first track stays first. ``costs`` has the shape (n_tracks, n_tracks).
    """
    path, is_changed = path.copy(), True
    while is_changed:
        is_changed = False
        for start in range(1, len(path) - 1):
            before, first = path[start - 1], path[start]
            last, after = path[start + 1 :], path[start + 2 :]
            gain = costs[before, first] - costs[before, last]
            # the path ends with its last track, so reversing up to there changes one transition
            gain[:-1] += costs[last[:-1], after] - costs[first, after]
            best = int(np.round(gain, _DECIMALS).argmax())
            if gain[best] > 10.0**-_DECIMALS:
                path[start : start + best + 2] = path[start : start + best + 2][::-1].copy()
                is_changed = True
    return path
