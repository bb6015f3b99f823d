"""The tracks that may be recommended, in a k-d tree, and the exact search in it; no Spark here.

Distances are computed from differences of coordinates in float64, feature after feature, so that two tracks have the
same distance wherever and in whichever direction it is computed. What the tree says only decides how many
candidates have to be looked at: until the last of a list lies nearer than all that were not fetched.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from segue.similarity.rules import (
    NO_TRACK,
    Flags,
    Floats,
    Integers,
    Rules,
    drop_redundant_coincident,
    select,
    select_one,
)

SLACK = 1e-12
"""Relative room between a bound and a distance, for the last bits of both."""
_VALUES_AT_ONCE = 65_536
_BOUNDED_AT_ONCE = 128
"""The tree knows one bound for all that it is asked at once, so those shall be few."""
_MIN_FETCHED, _MAX_FETCHED, _MAX_FIRST = 12, 512, 256


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks as the search needs them, an array of n_tracks each."""

    points: Floats
    """Coordinates, shape (n_tracks, n_features)."""
    order: Integers
    """Numbers that stand in the order of the track ids: of equals in distance the lower comes first."""
    artist: Integers
    recording: Integers
    """Codes of artists and recordings, 0 or more."""
    year: Floats
    """NaN where it is not known."""

    def __len__(self) -> int:
        return len(self.order)

    def take(self, index: NDArray[np.int64] | Flags | slice) -> "Tracks":
        """Return some of the tracks, in the order given."""
        return Tracks(
            self.points[index], self.order[index], self.artist[index], self.recording[index], self.year[index]
        )


@dataclass(frozen=True, slots=True)
class Lists:
    """For every track asked for its list, nearest first, shape (n_tracks, length); -1 and infinity behind the last."""

    index: Integers
    distance: Floats


def build_tree(points: Floats) -> cKDTree:
    """Return a k-d tree that is fast to build and to ask; its ``indices`` are the order of its leaves."""
    return cKDTree(points, leafsize=32, balanced_tree=False)


class Candidates:
    """Tracks that may be recommended."""

    def __init__(self, tracks: Tracks, rules: Rules) -> None:
        self.rules = rules
        self._reachable = _Reachable(tracks, rules)
        self._index = drop_redundant_coincident(
            tracks.points, tracks.order, tracks.artist, tracks.recording, tracks.year, rules
        )
        self._tracks = tracks if len(self._index) == len(tracks) else tracks.take(self._index)
        self._tree = build_tree(self._tracks.points)
        self._first = max(_MIN_FETCHED, rules.length + 2)

    def nearest(self, asked: Tracks, bound: Floats | None = None) -> Lists:
        """Return the lists of some tracks; fastest where neighbours in space stand close together.

        Parameters
        ----------
        asked : in any order; a track that is a candidate too is known by its recording
        bound : nothing beyond this distance is wanted, shape (n_asked,); fastest where it rises
        """
        shape = (len(asked), self.rules.length)
        found = Lists(np.full(shape, NO_TRACK, dtype=np.int64), np.full(shape, np.inf))
        if len(self._tracks) == 0:
            return found
        bound = np.full(len(asked), np.inf) if bound is None else bound
        wanted = self._reachable.lengths(asked)
        start = 0
        while start < len(asked):
            stop = start + _VALUES_AT_ONCE // self._first
            self._search(asked, np.arange(start, min(stop, len(asked))), wanted, bound, found)
            start = stop
        return found

    def _search(self, asked: Tracks, rows: Integers, wanted: Integers, bound: Floats, found: Lists) -> None:
        fetch = self._first
        while len(rows) and fetch <= _MAX_FETCHED:
            step = _VALUES_AT_ONCE // fetch
            parts = [rows[at : at + step] for at in range(0, len(rows), step)]
            short = np.concatenate([self._fetch(asked, part, fetch, wanted, bound, found) for part in parts])
            if fetch == self._first and len(short) > len(rows) // 4:
                # most lists need more than was thought: the next ones get it at once
                self._first = min(2 * self._first, _MAX_FIRST)
            rows, fetch = short, 2 * fetch
        for row in rows:
            self._scan(asked, int(row), float(bound[row]), found)

    def _fetch(
        self, asked: Tracks, rows: Integers, fetch: int, wanted: Integers, bound: Floats, found: Lists
    ) -> Integers:
        """Fill in the lists that ``fetch`` candidates are enough for, and return the rows of the others."""
        tracks, count = self._tracks, min(fetch, len(self._tracks))
        gaps, index = self._ask(asked.points[rows], count, bound[rows])
        absent = index == len(tracks)
        index = np.where(absent, 0, index)
        distance = distances(asked.points[rows], tracks.points, index)
        distance[absent] = np.inf
        _put_in_order(distance, index, absent, tracks.order)
        allowed = ~absent & (tracks.recording[index] != asked.recording[rows, None])
        if self.rules.years_apart is not None:
            allowed &= np.abs(tracks.year[index] - asked.year[rows, None]) <= self.rules.years_apart
        allowed &= distance <= bound[rows, None]
        chosen = select(allowed, tracks.artist[index], tracks.recording[index], self.rules)
        lists = np.where(chosen == NO_TRACK, NO_TRACK, np.take_along_axis(index, chosen, axis=1))
        length = (chosen != NO_TRACK).sum(axis=1)
        reach = np.where(chosen == NO_TRACK, np.inf, np.take_along_axis(distance, chosen, axis=1))
        last = np.where(length > 0, reach[np.arange(len(rows)), np.maximum(length - 1, 0)], 0.0)
        # nothing that was not fetched lies nearer than this
        frontier = np.where(absent[:, -1], np.inf, gaps[:, -1]) if count < len(tracks) else np.full(len(rows), np.inf)
        closed = (length >= wanted[rows]) & (last * (1 + SLACK) < frontier)
        closed |= np.isinf(frontier) | (frontier > bound[rows] * (1 + SLACK))
        done = rows[closed]
        found.index[done] = np.where(lists[closed] == NO_TRACK, NO_TRACK, self._index[lists[closed]])
        found.distance[done] = reach[closed]
        return rows[~closed]

    def _ask(self, points: Floats, count: int, bound: Floats) -> tuple[Floats, Integers]:
        """Return what the tree holds nearest to each point, up to its bound at least, shape (n_points, count)."""
        step = _BOUNDED_AT_ONCE if np.isfinite(bound).all() else len(points)
        parts = []
        for at in range(0, len(points), step):
            farthest = np.nextafter(bound[at : at + step].max() * (1 + SLACK), np.inf)
            parts.append(self._tree.query(points[at : at + step], k=count, distance_upper_bound=farthest))
        gaps, index = (np.concatenate(part).reshape(len(points), count) for part in zip(*parts, strict=True))
        return gaps, index

    def _scan(self, asked: Tracks, row: int, bound: float, found: Lists) -> None:
        """Fill in one list by looking at every candidate."""
        tracks = self._tracks
        allowed = tracks.recording != asked.recording[row]
        if self.rules.years_apart is not None:
            allowed &= np.abs(tracks.year - asked.year[row]) <= self.rules.years_apart
        index = np.flatnonzero(allowed)
        distance = distances(asked.points[row][None], tracks.points, index[None])[0]
        near = distance <= bound
        index, distance = index[near], distance[near]
        order = np.lexsort((tracks.order[index], distance))
        index, distance = index[order], distance[order]
        chosen = select_one(tracks.artist[index], tracks.recording[index], self.rules)
        found.index[row, : len(chosen)] = self._index[index[chosen]]
        found.distance[row, : len(chosen)] = distance[chosen]


def distances(asked: Floats, points: Floats, index: Integers) -> Floats:
    """Return the Euclidean distances from every asked point to some points.

    Parameters
    ----------
    asked : shape (n_asked, n_features)
    points : shape (n_points, n_features)
    index : which of the points, shape (n_asked, n_candidates)
    """
    squares = np.zeros(index.shape)
    gaps = points[index] - asked[:, None, :]
    for feature in range(points.shape[1]):
        squares += gaps[:, :, feature] ** 2
    return np.sqrt(squares)


def _put_in_order(distance: Floats, index: Integers, absent: Flags, order: Integers) -> None:
    """Sort every row by distance and then by the order of the ids, in place."""
    rows = np.flatnonzero((distance[:, 1:] <= distance[:, :-1]).any(axis=1))
    if len(rows):
        by = np.lexsort((order[index[rows]], distance[rows]), axis=1)
        for values in (distance, index, absent):
            values[rows] = np.take_along_axis(values[rows], by, axis=1)


class _Reachable:
    """How long lists can become: as long as is asked for, but for catalogues of few artists."""

    def __init__(self, tracks: Tracks, rules: Rules) -> None:
        self._length, self._per_artist = rules.length, rules.per_artist
        self._recordings, first = np.unique(tracks.recording, return_index=True)
        artist = tracks.artist[first]
        _, self._which, self._count = np.unique(artist, return_inverse=True, return_counts=True)
        limit = self._count if not rules.per_artist else np.minimum(self._count, rules.per_artist)
        self._total = int(limit.sum())
        if self._total > rules.length:
            self._recordings = self._which = self._count = np.empty(0, dtype=np.int64)

    def lengths(self, asked: Tracks) -> Integers:
        """Return how long each list can become at the most, whatever the years, shape (n_asked,)."""
        if self._total > self._length or not len(self._recordings):
            return np.full(len(asked), min(self._total, self._length), dtype=np.int64)
        place = np.minimum(np.searchsorted(self._recordings, asked.recording), len(self._recordings) - 1)
        own = self._recordings[place] == asked.recording
        # without its own recording, an artist of no more recordings than the limit has one less to give
        scarce = (not self._per_artist) | (self._count[self._which[place]] <= self._per_artist)
        return self._total - (own & scarce)
