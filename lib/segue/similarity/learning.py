"""Learn weights of features from playlists, and measure on other playlists whether they improve recommendations.

The measure is the share of hits. A recommended track is a hit if it is in a playlist together with the query, the track
that it is recommended for. The measure is cross-validated: weights are learned from four fifths of the playlists at a
time, and measured on the remaining fifth.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from segue.errors import InputError
from segue.similarity.kd_tree import CandidateTree, build_tree
from segue.similarity.rules import NO_TRACK, Floats, Integers, Rules, Tracks
from segue.similarity.weight_search import search_weights

log = logging.getLogger(__name__)
N_FOLDS = 5
MIN_PLAYLISTS = 10
"""Minimum number of playlists with ``MIN_TRACKS`` or more tracks of the catalogue."""
MIN_TRACKS = 2
MAX_VALUES = 60_000_000
"""Maximum number of distances (float32) in memory in a search for weights."""
MAX_QUERIES = 2_000
"""Maximum number of queries (tracks to recommend for) in a search for weights, and in each cross-validation fold."""
N_RESAMPLES = 2_000
CONFIDENCE = 0.95
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class PlaylistSample:
    """Tracks in memory, scaled in two ways, and their membership in playlists.

    Attributes
    ----------
    points : array of shape (n_tracks, n_features)
        Scaled features without weights. Weights are learned for these.
    baseline : array of shape (n_tracks, any number of features)
        Coordinates (scaled and weighted features) that do not use learned weights: the baseline of the comparison.
    artist, recording : arrays of int, shape (n_tracks,)
        Codes of each track's artist and recording.
    membership : sparse array of shape (n_tracks, n_playlists)
        1 where a track is in a playlist, else 0.
    """

    points: Floats
    baseline: Floats
    artist: Integers
    recording: Integers
    membership: csr_array


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % confidence interval from ``low`` to ``high``, by a bootstrap over playlists."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Quality of recommendations on held-out playlists, that is, on playlists not used to learn the weights.

    The quality is the share of hits. A recommended track is a hit if it is in a held-out playlist together with the
    track it is recommended for. ``before`` is the share of the baseline, ``after`` that of learned weights, ``gain``
    the difference.
    """

    before: Estimate
    after: Estimate
    gain: Estimate


def require_playlists(n_tracks: Sequence[int]) -> None:
    """Raise InputError if fewer than ``MIN_PLAYLISTS`` playlists have ``MIN_TRACKS`` or more tracks.

    ``n_tracks`` has one number per playlist: how many of its tracks are in the catalogue.
    """
    n_usable = sum(n >= MIN_TRACKS for n in n_tracks)
    if n_usable < MIN_PLAYLISTS:
        raise InputError(
            f"{n_usable} of {len(n_tracks)} playlists have {MIN_TRACKS} or more tracks of the catalogue, "
            f"expected at least {MIN_PLAYLISTS} such playlists"
        )


def learn_weights(sample: PlaylistSample, start: Floats, playlists: Integers | None = None) -> Floats:
    """Learn weights of features from playlists, shape (n_features,); 0 leaves a feature out. Deterministic.

    Parameters
    ----------
    sample : PlaylistSample
    start : array of shape (n_features,)
        Weights above 0 to start from. The weights returned have the same sum of squares, but for rounding to four
        digits.
    playlists : array of int, optional
        Positions of the playlists to learn from; by default all.
    """
    membership = sample.membership if playlists is None else sample.membership[:, playlists]
    n_queries = max(1, min(MAX_QUERIES, MAX_VALUES // len(sample.points)))
    queries = _choose(np.flatnonzero(membership.sum(axis=1) > 0), n_queries)
    relevant = csr_array(membership[queries] @ membership.T)
    weights = search_weights(sample.points, queries, relevant, sample.artist, start)
    weights *= np.sqrt((start**2).sum() / (weights**2).sum())
    return np.array([float(f"{weight:.{_DIGITS}g}") for weight in weights])


def hold_out(sample: PlaylistSample, start: Floats, rules: Rules) -> HeldOut:
    """Cross-validate learned weights: learn from four fifths of the playlists, measure on the others. Deterministic.

    Each fifth is held out once. Tracks are recommended for the tracks of the held-out playlists, the queries. All
    tracks can be recommended. A recommended track is a hit if it is in a held-out playlist together with the query.

    Parameters
    ----------
    sample : PlaylistSample
        With at least ``MIN_PLAYLISTS`` playlists.
    start : array of shape (n_features,)
        Weights above 0 to start from.
    rules : Rules
        Limits on the lists of recommendations. ``years_apart`` must be None, because the sample has no years.
    """
    n_playlists = sample.membership.shape[1]
    hits = np.zeros((n_playlists, 2))
    n_positions = np.zeros(n_playlists)
    for number, (others, held_out) in enumerate(folds(n_playlists)):
        weights = learn_weights(sample, start, others)
        for column, points in enumerate((sample.baseline, sample.points * weights)):
            hits[held_out, column], n_positions[held_out] = count_hits(sample, points, held_out, rules)
        before, after = hits[held_out].sum(axis=0) / max(n_positions[held_out].sum(), 1.0)
        log.info(
            "learn: playlists held out, part %d of %d: share %.4f, before %.4f", number + 1, N_FOLDS, after, before
        )
    return estimate(hits, n_positions)


def folds(n_playlists: int) -> list[tuple[Integers, Integers]]:
    """Divide playlists at random into ``N_FOLDS`` folds. Deterministic: the seed is fixed.

    Returns one pair of arrays per fold: positions of the playlists to learn from, and of the playlists held out.
    """
    fold = np.random.default_rng(0).permutation(n_playlists) % N_FOLDS
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(N_FOLDS)]


def count_hits(
    sample: PlaylistSample, points: Floats, playlists: Integers, rules: Rules, max_queries: int = MAX_QUERIES
) -> tuple[Floats, Floats]:
    """Count the hits of each playlist: recommended tracks in a playlist together with their query.

    A query is a track with a list of recommendations.

    Parameters
    ----------
    sample : PlaylistSample
    points : array of shape (n_tracks, any number of features)
        Coordinates of the tracks.
    playlists : array of int
        Columns of ``sample.membership``: the playlists to count. Queries are the tracks in these playlists.
    rules : Rules
        Limits on the lists of recommendations. ``years_apart`` must be None, because the sample has no years.
    max_queries : int
        Maximum number of queries. If there are more, a random choice of them is used; the seed is fixed.

    Returns
    -------
    hits, n_positions : arrays of shape (len(playlists),)
        Number of hits in the lists of each playlist's queries, and number of positions in these lists, also empty
        ones. A query in two playlists counts half in each. The share of hits is ``hits.sum() / n_positions.sum()``.
    """
    membership = csr_array(sample.membership[:, playlists])
    queries = _choose(np.flatnonzero(membership.sum(axis=1) > 0), max_queries)
    order = build_tree(points).indices
    queries = order[np.isin(order, queries)]
    n_tracks = len(points)
    no_year, no_key = np.full(n_tracks, np.nan), np.full(n_tracks, -1)
    tracks = Tracks(points, np.arange(n_tracks), sample.artist, sample.recording, no_year, no_key)
    lists = CandidateTree(tracks, rules).nearest(tracks.take(queries)).index
    common = membership[np.repeat(queries, lists.shape[1])].multiply(membership[np.maximum(lists.ravel(), 0)])
    is_hit = (np.asarray(common.sum(axis=1)).ravel() > 0) & (lists.ravel() != NO_TRACK)
    own = membership[queries].astype(float)
    parts = csr_array(own.multiply(1.0 / np.asarray(own.sum(axis=1)).reshape(-1, 1)))
    counts = np.stack([is_hit.reshape(lists.shape).sum(axis=1), np.full(len(queries), rules.length)])
    hits, n_positions = (counts @ parts).astype(float)
    return hits, n_positions


def estimate(hits: Floats, n_positions: Floats) -> HeldOut:
    """Return the shares of hits with confidence intervals: by the baseline, by learned weights, and the difference.

    Parameters
    ----------
    hits : array of shape (n_playlists, 2)
        Hits of each playlist by the baseline and by learned weights.
    n_positions : array of shape (n_playlists,)
        Number of list positions of each playlist, including empty ones.

    References
    ----------
    B. Efron, R. J. Tibshirani (1993), "An Introduction to the Bootstrap", chapters 8 and 13: percentile intervals, by
    resampling the independent units (here playlists).
    """
    n_playlists, random = len(n_positions), np.random.default_rng(1)
    # one draw at a time, as the draws of many playlists together would need much memory
    draws = (random.multinomial(n_playlists, np.full(n_playlists, 1 / n_playlists)) for _ in range(N_RESAMPLES))
    resampled = np.array([draw @ hits / np.maximum(draw @ n_positions, 1.0) for draw in draws])
    total = hits.sum(axis=0) / max(n_positions.sum(), 1.0)
    tails = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2

    def with_interval(value: float, values: Floats) -> Estimate:
        low, high = np.quantile(values, tails)
        return Estimate(round(float(value), 6), round(float(low), 6), round(float(high), 6))

    return HeldOut(
        with_interval(total[0], resampled[:, 0]),
        with_interval(total[1], resampled[:, 1]),
        with_interval(total[1] - total[0], resampled[:, 1] - resampled[:, 0]),
    )


def _choose(positions: Integers, max_size: int) -> Integers:
    """Return at most ``max_size`` of the positions, ascending: all, or a random choice. The seed is fixed."""
    if len(positions) <= max_size:
        return positions
    return np.sort(np.random.default_rng(2).permutation(positions)[:max_size])
