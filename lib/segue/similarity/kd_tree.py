"""Find the exact nearest tracks in a k-d tree, under rules on artists, recordings, years and musical keys.

``segue.similarity.neighbours`` explains the search.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from segue.similarity.keys import can_follow
from segue.similarity.rules import (
    NO_TRACK,
    Floats,
    Integers,
    Rules,
    Tracks,
    drop_redundant_coincident,
    fill,
    occurrences,
    select,
    select_one,
)

SLACK = 1e-12
"""Relative tolerance for comparing a bound with a distance. It exceeds the rounding errors of both."""
_VALUES_PER_BLOCK = 65_536
"""Maximum number of candidates fetched at a time: number of queries times candidates per query."""
_BOUNDED_QUERIES_PER_BLOCK = 128
"""Number of queries per call of cKDTree.query, if queries have distance bounds. A call takes one bound for all its
queries, the largest. As queries are sorted by bound, the bounds within a small call are similar."""
_MIN_FETCH, _MAX_FETCH, _MAX_FIRST_FETCH = 12, 512, 256
"""Number of candidates fetched per query: the minimum, the maximum, and the maximum of the first fetch."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The nearest tracks of each query (a track to find neighbours of), as two arrays of shape (n_queries, length).

    ``length`` is ``Rules.length``. Each row is one list, nearest first.
    """

    index: Integers
    """Positions of the nearest tracks among the candidates; ``NO_TRACK`` (-1) after the end of a short list."""
    distance: Floats
    """Euclidean distances to the nearest tracks; infinity after the end of a short list."""


@dataclass(frozen=True, slots=True)
class _Search:
    """The state of one search: queries (tracks to find neighbours of), limits on their lists, result to fill in."""

    queries: Tracks
    max_distance: Floats
    max_length: Integers
    """Upper bound of the length of each list, with at most ``Rules.per_artist`` tracks per artist."""
    max_filled: Integers
    """Upper bound of the length of each list, with any number of tracks per artist."""
    result: SearchResult


def build_tree(points: Floats) -> cKDTree:
    """Build a scipy cKDTree of ``points``, shape (n, n_features). O(n log n).

    Sliding-midpoint splits are built faster than SciPy's default of median splits. The tree's attribute ``indices``
    lists the points leaf by leaf, so that neighbours in space are adjacent.
    """
    return cKDTree(points, leafsize=32, balanced_tree=False)


def distances(queries: Floats, points: Floats, index: Integers) -> Floats:
    """Return the Euclidean distance of each query to each point in its row of ``index``.

    The squares are added in the order of the features, so d(a, b) and d(b, a) are equal to the last bit.

    Parameters
    ----------
    queries : array of shape (n_queries, n_features)
    points : array of shape (n_points, n_features)
    index : array of int, shape (n_queries, n_candidates)
        Each row has the positions in ``points`` to compare with one query.

    Returns
    -------
    array of float64, shape (n_queries, n_candidates)
    """
    squares = np.zeros(index.shape)
    differences = points[index] - queries[:, None, :]
    for feature in range(points.shape[1]):
        squares += differences[:, :, feature] ** 2
    result: Floats = np.sqrt(squares)
    return result


class CandidateTree:
    """Finds the nearest candidates (tracks that can be recommended) of queries (tracks to find neighbours of).

    Without ``rules.harmonic``, all candidates are in one k-d tree. With ``rules.harmonic``, queries in one musical key
    are searched in a tree of the candidates in compatible keys: a tree of all candidates would return mostly candidates
    in incompatible keys. The tree for a key is built at the first query in this key, and stored until the next query
    in another key. So successive calls are fastest with queries in the same key.

    Parameters
    ----------
    tracks : Tracks
        The candidates.
    rules : Rules
        Limits on each list.
    """

    def __init__(self, tracks: Tracks, rules: Rules) -> None:
        self._tracks, self._rules = tracks, rules
        self._tree = None if rules.harmonic else _Tree(tracks, rules)
        self._latest: tuple[int, Integers, _Tree] | None = None

    def nearest(self, queries: Tracks, max_distance: Floats | None = None) -> SearchResult:
        """Return the nearest candidates of each query, within the limits of the rules.

        Parameters
        ----------
        queries : Tracks
            The search is fastest if tracks near to each other are adjacent, as in ``build_tree(points).indices``. A
            query can itself be a candidate: its list skips all candidates of its recording.
        max_distance : array of shape (n_queries,), optional
            Maximum distance of a candidate from each query; by default infinity. The search is fastest if these
            distances ascend. If the maximum distance is finite, a list left short by ``rules.per_artist`` is not filled
            with further tracks by the same artists.

        Returns
        -------
        SearchResult
            Each list in order of distance to the query, at equal distance in order of ``id_order``. ``index`` holds
            positions in the ``tracks`` of the constructor.
        """
        max_distance = np.full(len(queries), np.inf) if max_distance is None else max_distance
        if self._tree is not None:
            return self._tree.nearest(queries, max_distance)
        result = _no_lists(len(queries), self._rules)
        for key in np.unique(queries.key):
            index, tree = self._tree_for(int(key))
            rows = np.flatnonzero(queries.key == key)
            lists = tree.nearest(queries.take(rows), max_distance[rows])
            is_track = lists.index != NO_TRACK
            lists.index[is_track] = index[lists.index[is_track]]
            result.index[rows], result.distance[rows] = lists.index, lists.distance
        return result

    def _tree_for(self, key: int) -> tuple[Integers, "_Tree"]:
        """Return the positions of the candidates in keys compatible with ``key``, and a tree of these candidates.

        ``key`` is the code of a musical key (module ``keys``). ``UNKNOWN`` is compatible with all keys.
        """
        if self._latest is None or self._latest[0] != key:
            # guard: harmonic-keys -> index = np.flatnonzero(self._tracks.key == self._tracks.key)
            index = np.flatnonzero(can_follow(key, self._tracks.key))
            self._latest = key, index, _Tree(self._tracks.take(index), self._rules)
        return self._latest[1:]


def _no_lists(n_queries: int, rules: Rules) -> SearchResult:
    """Return a SearchResult of ``n_queries`` empty lists."""
    shape = (n_queries, rules.length)
    return SearchResult(np.full(shape, NO_TRACK, dtype=np.int64), np.full(shape, np.inf))


class _Tree:
    """Finds the nearest candidates of queries in one k-d tree. Applies all rules except ``Rules.harmonic``."""

    def __init__(self, tracks: Tracks, rules: Rules) -> None:
        self.rules = rules
        self._max_lengths = _MaxLengths(tracks, rules)
        self._index = drop_redundant_coincident(tracks, rules)
        self._tracks = tracks if len(self._index) == len(tracks) else tracks.take(self._index)
        self._tree = build_tree(self._tracks.points)
        self._first_fetch = max(_MIN_FETCH, rules.length + 2)

    def nearest(self, queries: Tracks, max_distance: Floats) -> SearchResult:
        result = _no_lists(len(queries), self.rules)
        if len(self._tracks) == 0:
            return result
        search = _Search(queries, max_distance, *self._max_lengths.of(queries), result)
        start = 0
        while start < len(queries):
            stop = start + _VALUES_PER_BLOCK // self._first_fetch
            self._search_rows(search, np.arange(start, min(stop, len(queries))))
            start = stop
        return result

    def _search_rows(self, search: _Search, rows: Integers) -> None:
        """Find the lists of the queries at the positions ``rows``, and write them to ``search.result``.

        Fetches 12 or more nearest candidates of each query from the tree. If farther candidates could change a list,
        twice as many are fetched, up to ``_MAX_FETCH``. Lists still not final are made from all candidates. If the
        first fetch is too small for more than a quarter of the lists, it is doubled for later calls.
        """
        n_fetch = self._first_fetch
        while len(rows) and n_fetch <= _MAX_FETCH:
            step = _VALUES_PER_BLOCK // n_fetch
            blocks = [rows[start : start + step] for start in range(0, len(rows), step)]
            incomplete = np.concatenate([self._fetch(search, block, n_fetch) for block in blocks])
            if n_fetch == self._first_fetch and len(incomplete) > len(rows) // 4:
                self._first_fetch = min(2 * self._first_fetch, _MAX_FIRST_FETCH)
            rows, n_fetch = incomplete, 2 * n_fetch
        for row in rows:
            self._scan(search, int(row))

    def _fetch(self, search: _Search, rows: Integers, n_fetch: int) -> Integers:
        """Fetch the ``n_fetch`` nearest candidates of the queries at the positions ``rows``, and make their lists.

        A list is final if no farther candidate can change it. Final lists are written to ``search.result``. Returns the
        positions of the queries without a final list.
        """
        tracks, max_distance = self._tracks, search.max_distance[rows]
        distance, index, unfetched_lower_bound = self._query_tree(search.queries.points[rows], n_fetch, max_distance)
        is_allowed = np.isfinite(distance) & (tracks.recording[index] != search.queries.recording[rows, None])
        if self.rules.years_apart is not None:
            years_apart = np.abs(tracks.year[index] - search.queries.year[rows, None])
            is_allowed &= years_apart <= self.rules.years_apart
        is_allowed &= distance <= max_distance[:, None]
        selected = select(is_allowed, tracks.artist[index], tracks.recording[index], self.rules)
        length, last = _ends(selected, distance)
        is_exhausted = np.isinf(unfetched_lower_bound) | (unfetched_lower_bound > max_distance * (1 + SLACK))
        is_final = last * (1 + SLACK) < unfetched_lower_bound
        is_complete = ((length >= search.max_length[rows]) & is_final) | is_exhausted
        # a list with a finite bound is one of several parts: it is filled after the parts are merged
        short = np.flatnonzero(is_complete & (length < self.rules.length) & np.isinf(max_distance))
        if self.rules.per_artist and len(short):
            selected[short] = fill(selected[short], is_allowed[short], tracks.recording[index[short]])
            length, last = _ends(selected[short], distance[short])
            is_final = last * (1 + SLACK) < unfetched_lower_bound[short]
            is_complete[short] = ((length >= search.max_filled[rows[short]]) & is_final) | is_exhausted[short]
        is_filled = selected != NO_TRACK
        lists = np.where(is_filled, self._index[np.take_along_axis(index, selected, axis=1)], NO_TRACK)
        list_distance = np.where(is_filled, np.take_along_axis(distance, selected, axis=1), np.inf)
        search.result.index[rows[is_complete]] = lists[is_complete]
        search.result.distance[rows[is_complete]] = list_distance[is_complete]
        incomplete: Integers = rows[~is_complete]
        return incomplete

    def _query_tree(self, points: Floats, n_fetch: int, max_distance: Floats) -> tuple[Floats, Integers, Floats]:
        """Fetch the nearest candidates of each point: ``n_fetch``, or all within ``max_distance`` if these are fewer.

        Points are searched in groups, within the largest ``max_distance`` of the group. So a candidate can be farther
        from its point than the point's own ``max_distance``.

        Returns
        -------
        distance, index : arrays of shape (n_points, min(n_fetch, n_candidates))
            Distances to the point, and positions of the candidates in ``self._tracks``, in order of (distance,
            id_order). If fewer are fetched, the remaining distances are infinity, and the remaining positions 0.
        unfetched_lower_bound : array of shape (n_points,)
            Lower bound of the distances of the candidates not fetched; infinity if all candidates are fetched, or if
            fewer than ``n_fetch`` are within the largest ``max_distance`` of the group.
        """
        n_fetch = min(n_fetch, len(self._tracks))
        step = _BOUNDED_QUERIES_PER_BLOCK if np.isfinite(max_distance).all() else len(points)
        parts = []
        for start in range(0, len(points), step):
            bound = np.nextafter(max_distance[start : start + step].max() * (1 + SLACK), np.inf)
            parts.append(self._tree.query(points[start : start + step], k=n_fetch, distance_upper_bound=bound))
        tree_distance, index = (np.concatenate(part).reshape(len(points), n_fetch) for part in zip(*parts, strict=True))
        is_absent = index == len(self._tracks)
        index = np.where(is_absent, 0, index)
        distance = distances(points, self._tracks.points, index)
        distance[is_absent] = np.inf
        _sort_rows(distance, index, self._tracks.id_order)
        unfetched_lower_bound = np.full(len(points), np.inf)
        if n_fetch < len(self._tracks):
            unfetched_lower_bound = np.where(is_absent[:, -1], np.inf, tree_distance[:, -1])
        return distance, index, unfetched_lower_bound

    def _scan(self, search: _Search, row: int) -> None:
        """Make the list of the query at position ``row`` from all n candidates, sorted by distance. O(n log n)."""
        tracks, queries = self._tracks, search.queries
        is_allowed = tracks.recording != queries.recording[row]
        if self.rules.years_apart is not None:
            is_allowed &= np.abs(tracks.year - queries.year[row]) <= self.rules.years_apart
        index = np.flatnonzero(is_allowed)
        distance = distances(queries.points[row][None], tracks.points, index[None])[0]
        is_near = distance <= search.max_distance[row]
        index, distance = index[is_near], distance[is_near]
        order = np.lexsort((tracks.id_order[index], distance))
        index, distance = index[order], distance[order]
        artist = tracks.artist[index]
        selected = select_one(artist, tracks.recording[index], self.rules)
        if np.isfinite(search.max_distance[row]):
            selected = selected[occurrences(artist[selected]) < (self.rules.per_artist or len(artist))]
        search.result.index[row, : len(selected)] = self._index[index[selected]]
        search.result.distance[row, : len(selected)] = distance[selected]


def _ends(selected: Integers, distance: Floats) -> tuple[Integers, Floats]:
    """Return the length of each list in ``selected``, and the distance of its last candidate (0 for an empty list).

    Each row of ``selected`` is one list: numbers of columns in the same row of ``distance``, then ``NO_TRACK``. Each
    row of ``distance`` ascends.
    """
    length = (selected != NO_TRACK).sum(axis=1)
    rows = np.arange(len(selected))
    column = selected[rows, np.maximum(length - 1, 0)]
    return length, np.where(length > 0, distance[rows, column], 0.0)


def _sort_rows(distance: Floats, index: Integers, id_order: Integers) -> None:
    """Sort in place each row of ``distance`` and ``index``, shape (n_rows, n_columns), by distance and then by id.

    ``index`` holds positions of tracks; ``id_order`` is each track's number in the order of the track ids.
    """
    rows = np.flatnonzero((distance[:, 1:] <= distance[:, :-1]).any(axis=1))
    if len(rows):
        order = np.lexsort((id_order[index[rows]], distance[rows]), axis=1)
        distance[rows] = np.take_along_axis(distance[rows], order, axis=1)
        index[rows] = np.take_along_axis(index[rows], order, axis=1)


class _MaxLengths:
    """Computes upper bounds of the lengths of lists: ``rules.length``, or less if there are too few candidates."""

    def __init__(self, tracks: Tracks, rules: Rules) -> None:
        self._length, self._per_artist = rules.length, rules.per_artist
        self._recordings, first = np.unique(tracks.recording, return_index=True)
        artist = tracks.artist[first]
        _, self._artist_index, self._n_recordings = np.unique(artist, return_inverse=True, return_counts=True)
        usable = np.minimum(self._n_recordings, rules.per_artist) if rules.per_artist else self._n_recordings
        self._total = int(usable.sum())
        if self._total > rules.length:
            self._recordings = self._artist_index = self._n_recordings = np.empty(0, dtype=np.int64)

    def of(self, queries: Tracks) -> tuple[Integers, Integers]:
        """Return two upper bounds of the number of neighbours of each query, int64 arrays of shape (n_queries,).

        The first is for a list with at most ``rules.per_artist`` tracks by each artist, the second for a list without
        this limit. Both ignore the limit on years, which only shortens lists.
        """
        if self._total > self._length or not len(self._recordings):
            max_length = np.full(len(queries), min(self._total, self._length), dtype=np.int64)
            return max_length, max_length
        index = np.minimum(np.searchsorted(self._recordings, queries.recording), len(self._recordings) - 1)
        is_candidate = self._recordings[index] == queries.recording
        # skipping the query's own recording lowers the bound by 1, unless its artist has more recordings than the limit
        is_limiting = (not self._per_artist) | (self._n_recordings[self._artist_index[index]] <= self._per_artist)
        max_filled = np.minimum(len(self._recordings) - is_candidate, self._length)
        return self._total - (is_candidate & is_limiting), max_filled
