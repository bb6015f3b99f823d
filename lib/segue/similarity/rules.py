"""Select a track's neighbours from candidates in order of distance, under limits on artists, recordings and years."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NO_TRACK = -1
"""Pads lists of track positions to the length ``Rules.length``: [7, 3, -1]."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits on the list of a track's neighbours.

    Every list also has at most one track per recording, and none of the recording of the track itself.

    Parameters
    ----------
    length : int
        Maximum number of neighbours in a list.
    per_artist : int
        Maximum number of neighbours by one artist; 0: unlimited. If this limit leaves a list shorter than ``length``,
        the list is filled with the nearest tracks excluded by this limit alone.
    years_apart : int or None
        Maximum difference in years between a track and its neighbours; None: unlimited. With a limit, tracks
        without a year have no neighbours and are in no list.
    harmonic : bool
        Whether the neighbours of a track in a known musical key must be in a compatible key (module ``keys``). A track
        in an unknown key can have neighbours in any key.
    """

    length: int = 10
    per_artist: int = 2
    years_apart: int | None = None
    harmonic: bool = False


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks in memory, as arrays with one entry per track: coordinates, and the values to which ``Rules`` apply."""

    points: Floats
    """Coordinates, shape (n_tracks, n_features)."""
    id_order: Integers
    """Number of each track in the order of the track ids. At equal distance the lower number comes first."""
    artist: Integers
    """Code of the track's artist, 0 or more; equal for tracks by one artist."""
    recording: Integers
    """Code of the track's recording, 0 or more; equal for releases of one recording."""
    year: Floats
    """Year of release, NaN where unknown."""
    key: Integers
    """Code of the track's musical key (module ``keys``), -1 where unknown; read only with ``Rules.harmonic``."""

    def __len__(self) -> int:
        return len(self.id_order)

    def take(self, index: Integers | Flags | slice) -> "Tracks":
        """Return the Tracks at the positions ``index``, in that order."""
        return Tracks(
            self.points[index],
            self.id_order[index],
            self.artist[index],
            self.recording[index],
            self.year[index],
            self.key[index],
        )


def select(is_allowed: Flags, artist: Integers, recording: Integers, rules: Rules) -> Integers:
    """Select the neighbours of many lists under the rules on artists and recordings. O(n_lists n_candidates length).

    Each row is one list. Its candidates are selected in order of distance; a candidate is skipped if its recording is
    in the list already, or its artist ``rules.per_artist`` times. Lists left short by the limit on artists are not
    filled: pass the result to ``fill``.

    Parameters
    ----------
    is_allowed : array of bool, shape (n_lists, n_candidates)
        The candidates of each list in order of distance; a candidate with false is skipped.
    artist, recording : arrays of int, shape (n_lists, n_candidates)
        Code of each candidate's artist and recording.
    rules : Rules

    Returns
    -------
    array of int64, shape (n_lists, rules.length)
        Column numbers of the selected candidates, then ``NO_TRACK``.
    """
    n_lists, n_candidates = is_allowed.shape
    selected = np.full((n_lists, rules.length), NO_TRACK, dtype=np.int64)
    artists, recordings = selected.copy(), selected.copy()
    lengths = np.zeros(n_lists, dtype=np.int64)
    for column in range(n_candidates):
        rows = np.nonzero(is_allowed[:, column] & (lengths < rules.length))[0]
        new_artist, new_recording = artist[rows, column], recording[rows, column]
        fits = ~(recordings[rows] == new_recording[:, None]).any(axis=1)
        if rules.per_artist:
            fits &= (artists[rows] == new_artist[:, None]).sum(axis=1) < rules.per_artist
        rows, new_artist, new_recording = rows[fits], new_artist[fits], new_recording[fits]
        end = lengths[rows]
        selected[rows, end], artists[rows, end], recordings[rows, end] = column, new_artist, new_recording
        lengths[rows] += 1
    return selected


def fill(selected: Integers, is_allowed: Flags, recording: Integers) -> Integers:
    """Fill short lists with the nearest candidates excluded only by the limit on artists. O(n_lists n_candidates).

    Parameters
    ----------
    selected : array of int64, shape (n_lists, maximum length of a list)
        From ``select``.
    is_allowed, recording : arrays of shape (n_lists, n_candidates)
        As for ``select``.

    Returns
    -------
    array of int64, of the shape of ``selected``
        Column numbers in ascending order, then ``NO_TRACK``. A recording is in a list at most once.
    """
    # guard: cap-gives-way -> return selected
    filled = selected.copy()
    if not is_allowed.size:
        return filled
    recordings = np.where(filled == NO_TRACK, -1, np.take_along_axis(recording, np.maximum(filled, 0), axis=1))
    lengths = (filled != NO_TRACK).sum(axis=1)
    for column in range(is_allowed.shape[1]):
        rows = np.nonzero(is_allowed[:, column] & (lengths < filled.shape[1]))[0]
        rows = rows[~(recordings[rows] == recording[rows, column][:, None]).any(axis=1)]
        filled[rows, lengths[rows]], recordings[rows, lengths[rows]] = column, recording[rows, column]
        lengths[rows] += 1
    is_padding = filled == NO_TRACK
    filled[is_padding] = np.iinfo(np.int64).max
    filled.sort(axis=1)
    return np.where(filled == np.iinfo(np.int64).max, NO_TRACK, filled)


def select_one(artist: Integers, recording: Integers, rules: Rules) -> Integers:
    """Select the neighbours of one list under the rules on artists and recordings, and fill it. O(n log n).

    The selection is that of ``select`` and ``fill``, without a Python loop.

    Parameters
    ----------
    artist, recording : arrays of int, shape (n_candidates,)
        Code of each candidate's artist and recording, in order of distance.
    rules : Rules

    Returns
    -------
    array of int64, shape (n_selected,)
        Positions of the selected candidates, ascending.
    """
    _, first = np.unique(recording, return_index=True)
    first.sort()
    if not rules.per_artist:
        return first[: rules.length]
    is_within = occurrences(artist[first]) < rules.per_artist
    within, beyond = first[is_within][: rules.length], first[~is_within]
    return np.sort(np.r_[within, beyond[: rules.length - len(within)]])


def exceeds_cap(artist: Integers, lengths: Integers, rules: Rules) -> Flags:
    """Return for each list whether it has more tracks by one artist than ``rules.per_artist``, shape (n_lists,).

    False for all lists if ``per_artist`` is 0, no limit. ``artist`` has the codes of the artists of all lists, one list
    after another; ``lengths`` the length of each list.
    """
    result = np.zeros(len(lengths), dtype=bool)
    if rules.per_artist:
        row = np.repeat(np.arange(len(lengths)), lengths)
        order = np.lexsort((artist, row))
        row, artist = row[order], artist[order]
        # among sorted tracks, one that equals the track ``per_artist`` positions before it exceeds the limit
        before, after = slice(None, -rules.per_artist), slice(rules.per_artist, None)
        result[row[after][(row[after] == row[before]) & (artist[after] == artist[before])]] = True
    return result


def occurrences(values: Integers) -> Integers:
    """Count for each value how many equal values precede it. O(n log n).

    >>> occurrences(np.array([5, 7, 5, 5, 7]))
    array([0, 0, 1, 2, 1])
    """
    order = np.argsort(values, kind="stable")
    starts, lengths = _runs(values[order])
    counts = np.empty(len(values), dtype=np.int64)
    counts[order] = np.arange(len(values)) - np.repeat(starts, lengths)
    return counts


def drop_redundant_coincident(tracks: Tracks, rules: Rules) -> Integers:
    """Return the positions of the tracks that a list of neighbours can use, ascending. O(n log n).

    Of many tracks with the same coordinates, a list can use only a few recordings, the first by id (of each year, with
    ``rules.years_apart``). The other tracks with these coordinates are left out, so a search has fewer tracks to fetch.
    """
    # Of the tracks at one point, a list adds at most `length`. It skips at most the query's recording, `length`
    # recordings that are in the list already, and `per_artist + 1` tracks of each of `length` artists that have reached
    # the limit.
    max_coincident = (rules.per_artist + 3) * rules.length + 2
    is_needed = np.ones(len(tracks), dtype=bool)
    for group in _coincident_groups(tracks.points, max_coincident):
        is_needed[group] = False
        for members in _split_by_year(group, tracks.year, rules):
            ordered = members[np.argsort(tracks.id_order[members])]
            _, first = np.unique(tracks.recording[ordered], return_index=True)
            ordered = ordered[np.sort(first)]
            if rules.per_artist:
                # enough to fill a list beyond the limit on artists: of these recordings, up to `length` are in the list
                # already, one is the query's, and `length` are left
                is_needed[ordered[: 2 * rules.length + 1]] = True
                # one more per artist than the limit, because one of the tracks can be of the query's recording
                ordered = ordered[occurrences(tracks.artist[ordered]) <= rules.per_artist]
            is_needed[ordered[:max_coincident]] = True
    return np.flatnonzero(is_needed)


def _coincident_groups(points: Floats, max_size: int) -> list[Integers]:
    """Find points with equal coordinates: return one array of positions for each set of more than ``max_size`` points.

    Smaller sets are left out.
    """
    hashes = np.zeros(len(points), dtype=np.uint64)
    for column in points.T:
        # + 0.0 turns -0.0 into 0.0
        hashes = (hashes ^ (column + 0.0).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    order = np.argsort(hashes, kind="stable")
    starts, lengths = _runs(hashes[order])
    groups = []
    for start, length in zip(starts[lengths > max_size], lengths[lengths > max_size], strict=True):
        group = order[start : start + length]
        # different points can have one hash: keep those equal to the first
        groups.append(group[(points[group] == points[group[0]]).all(axis=1)])
    return groups


def _runs(values: NDArray[np.int64] | NDArray[np.uint64]) -> tuple[Integers, Integers]:
    """Return (starts, lengths) of the runs of equal successive values: ([0, 2], [2, 1]) for [7, 7, 5]."""
    is_start = np.r_[True, values[1:] != values[:-1]] if len(values) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(is_start)
    return starts, np.diff(np.r_[starts, len(values)])


def _split_by_year(group: Integers, year: Floats, rules: Rules) -> list[Integers]:
    """Split the positions ``group`` into one array per year of release. Tracks of unknown year are left out.

    ``year`` has the year of every track. Without ``rules.years_apart``, nothing is split: returns ``[group]``.
    """
    if rules.years_apart is None:
        return [group]
    return [group[year[group] == value] for value in np.unique(year[group][~np.isnan(year[group])])]
