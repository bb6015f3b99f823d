"""Search for feature weights by coordinate ascent, so that tracks of one playlist are near to each other.

A query is a track whose nearest tracks by other artists are evaluated. One of these is relevant if it is in a playlist
with the query. The objective is the share of relevant tracks among the nearest tracks of all queries. It is computed
exactly, from the squared distances of all pairs of query and track in memory. A new weight of one feature
changes each squared distance by (new weight ** 2 - old weight ** 2) * (difference of the feature) ** 2.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import loky
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from segue.similarity.rules import Floats, Integers

LENGTH = 10
"""Number of nearest tracks per query."""
STEPS = (2.0, 2.0**0.5)
"""Factors to multiply or divide weights by: first 2, then the square root of 2. With 2, the weight 0 is tried too."""
MIN_GAIN = 0.002
"""A weight is changed only if the share of relevant tracks is multiplied by more than 1 + ``MIN_GAIN``."""
_ROWS_PER_BLOCK = 16
_MAX_SWEEPS = 20
_T = TypeVar("_T")


def search_weights(points: Floats, queries: Integers, relevant: csr_array, artist: Integers, start: Floats) -> Floats:
    """Search for feature weights with a high share of relevant tracks among the queries' nearest. Deterministic.

    A query is a track whose nearest tracks by other artists are evaluated. One of these is relevant if it is in a
    playlist with the query. Returns the weights, shape (n_features,); 0 leaves a feature out. About ten weights are
    tried for each feature; to try one costs O(n_queries n_tracks). The queries are divided among threads.

    Parameters
    ----------
    points : array of shape (n_tracks, n_features)
        Scaled features, without weights.
    queries : array of int, shape (n_queries,)
        Positions of the queries in ``points``.
    relevant : sparse array of shape (n_queries, n_tracks)
        Nonzero where query and track are in one playlist.
    artist : array of int, shape (n_tracks,)
        Code of each track's artist.
    start : array of shape (n_features,)
        Weights above 0 to start from.
    """
    # os.cpu_count() would count the machine's cores, also in a container that may use fewer
    with ThreadPoolExecutor(loky.cpu_count()) as threads:
        distances = SquaredDistances(points, queries, relevant, artist, threads)
        weights = start.astype(np.float64)
        for feature, weight in enumerate(weights):
            distances.add(feature, weight**2)
        best = distances.share()
        for step in STEPS:
            unchanged, turns = 0, iter(range(_MAX_SWEEPS * len(weights)))
            while unchanged < len(weights) and (turn := next(turns, None)) is not None:
                feature = turn % len(weights)
                weight = weights[feature]
                trials = [weight * step, weight / step]
                if step == STEPS[0] and np.count_nonzero(weights) > 1:
                    trials.append(0.0)
                changes = [trial**2 - weight**2 for trial in trials] if weight else []
                shares = distances.shares(feature, changes)
                unchanged += 1
                if changes and shares.max() > best * (1 + MIN_GAIN):
                    selected = int(shares.argmax())
                    distances.add(feature, changes[selected])
                    weights[feature], best, unchanged = trials[selected], shares[selected], 0
    return weights


class SquaredDistances:
    """Squared distances of queries to all tracks, and the share of relevant tracks among each query's nearest.

    All weights are 0 at first. The distance of a query to tracks by its own artist, and so to itself, is infinity. A
    track is relevant for a query if both are in one playlist. Queries are processed by several threads, in blocks of
    the size of a processor's cache.
    """

    def __init__(
        self, points: Floats, queries: Integers, relevant: csr_array, artist: Integers, threads: ThreadPoolExecutor
    ) -> None:
        self._columns = np.ascontiguousarray(points.T, dtype=np.float32)
        self._queries = queries
        self._relevant = csr_array(relevant)
        self._threads = threads
        self._squares = np.zeros((len(queries), len(points)), dtype=np.float32)
        by_artist = np.argsort(artist, kind="stable")
        first, last = (np.searchsorted(artist[by_artist], artist[queries], side) for side in ("left", "right"))
        for row, (start, stop) in enumerate(zip(first, last, strict=True)):
            self._squares[row, by_artist[start:stop]] = np.inf

    def add(self, feature: int, change: float) -> None:
        """Add ``change`` to the squared weight of a feature, and update all distances."""

        def add_to(rows: slice) -> None:
            self._squares[rows] += self._difference(feature, rows) * np.float32(change)

        self._map(add_to)

    def share(self) -> float:
        """Return the share of relevant tracks among the nearest tracks of all queries, from 0 to 1."""
        return sum(self._map(lambda rows: self._count(self._squares[rows], rows))) / (LENGTH * len(self._queries))

    def shares(self, feature: int, changes: Sequence[float]) -> Floats:
        """Return the share of relevant tracks for each of several changes of a feature's squared weight.

        The result, shape (n_changes,), has the value that ``share`` would return after each change alone. The weight
        and the distances stay as they are.
        """

        def count(rows: slice) -> list[float]:
            squares, difference = self._squares[rows], self._difference(feature, rows)
            return [self._count(squares + difference * np.float32(change), rows) for change in changes]

        counts: Floats = np.sum(self._map(count), axis=0) / (LENGTH * len(self._queries))
        return counts

    def _difference(self, feature: int, rows: slice) -> NDArray[np.float32]:
        """Return the squared differences of a feature for all pairs of a query in ``rows`` and a track.

        The result has the shape (number of queries in ``rows``, n_tracks).
        """
        column = self._columns[feature]
        difference: NDArray[np.float32] = column[self._queries[rows]][:, None] - column[None, :]
        difference *= difference
        return difference

    def _count(self, squares: NDArray[np.float32], rows: slice) -> float:
        """Count the relevant tracks among the nearest tracks of the queries ``rows``.

        ``squares`` are the squared distances of these queries to all tracks. If three tracks at equal distance are left
        for one position, each counts as 1/3.
        """
        if squares.shape[1] <= LENGTH:
            nearest = np.isfinite(squares)
            return float(sum(nearest[row, self._relevant_of(rows, row)].sum() for row in range(len(squares))))
        ordered = np.partition(squares, LENGTH, axis=1)
        limit = ordered[:, :LENGTH].max(axis=1)
        total = 0.0
        for row in range(len(squares)):
            own = squares[row, self._relevant_of(rows, row)]
            if ordered[row, LENGTH] > limit[row]:
                total += (own <= limit[row]).sum()
            elif np.isfinite(limit[row]):
                is_nearer, is_tied = ordered[row] < limit[row], ordered[row] == limit[row]
                per_tied = (LENGTH - is_nearer.sum()) / is_tied.sum()
                total += (own < limit[row]).sum() + per_tied * (own == limit[row]).sum()
            else:
                total += np.isfinite(own).sum()
        return float(total)

    def _relevant_of(self, rows: slice, row: int) -> Integers:
        start, stop = self._relevant.indptr[rows.start + row : rows.start + row + 2]
        positions: Integers = self._relevant.indices[start:stop]
        return positions

    def _map(self, function: Callable[[slice], _T]) -> list[_T]:
        n_queries = len(self._queries)
        blocks: Iterable[slice] = (
            slice(start, min(start + _ROWS_PER_BLOCK, n_queries)) for start in range(0, n_queries, _ROWS_PER_BLOCK)
        )
        return list(self._threads.map(function, blocks))
