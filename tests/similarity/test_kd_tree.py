"""The search against the definition, bit for bit, with ties, coincident points, limits and bounds."""

from dataclasses import asdict

import numpy as np
import pytest
from tests.similarity import oracle

from segue.similarity.kd_tree import CandidateTree
from segue.similarity.rules import Rules, Tracks, drop_redundant_coincident, fill, select, select_one


def random_tracks(rng, n, *, features, levels, artists, recordings):
    """Return tracks on a coarse grid: the fewer levels, the more ties and coincident points."""
    artist = rng.integers(0, artists, n)
    recording = artist * 1000 + rng.integers(0, recordings, n)
    year = np.where(rng.random(n) < 0.1, np.nan, rng.integers(1990, 2000, n).astype(float))
    points, order, key = rng.integers(0, levels, (n, features)) / levels, rng.permutation(n), rng.integers(-1, 24, n)
    return Tracks(points, order, artist, recording, year, key)


def distinct_tracks(points, artist):
    """Return tracks of one recording each, without years."""
    index = np.arange(len(points))
    return Tracks(points[:, None], index, artist, index, np.full(len(points), np.nan), np.full(len(points), -1))


def as_dicts(tracks):
    return [
        {
            "track_id": int(tracks.id_order[i]),
            "point": tracks.points[i].tolist(),
            "artist": int(tracks.artist[i]),
            "recording": int(tracks.recording[i]),
            "year": None if np.isnan(tracks.year[i]) else tracks.year[i],
            "genre": None,
            "key": None if tracks.key[i] < 0 else (oracle.MINOR, oracle.MAJOR)[tracks.key[i] % 2][tracks.key[i] // 2],
            "mode": int(tracks.key[i] % 2),
        }
        for i in range(len(tracks))
    ]


def as_lists(result, tracks):
    return [
        [(int(tracks.id_order[i]), float(d)) for i, d in zip(index, distance, strict=True) if i >= 0]
        for index, distance in zip(result.index, result.distance, strict=True)
    ]


@pytest.mark.guard("cap-gives-way", "harmonic-keys")
@pytest.mark.parametrize("levels", [1, 2, 4, 1000])
@pytest.mark.parametrize(("artists", "recordings"), [(1, 1), (2, 5), (40, 3), (300, 50)])
@pytest.mark.parametrize(
    "rules", [Rules(10, 0), Rules(10, 2), Rules(10, 1, 1), Rules(3, 2, 0), Rules(10, 2, None, True)]
)
def test_lists_equal_the_definition(levels, artists, recordings, rules):
    rng = np.random.default_rng(levels * 1000 + artists)
    for n in (1, 2, 9, 250):
        tracks = random_tracks(rng, n, features=2, levels=levels, artists=artists, recordings=recordings)
        queries = rng.permutation(n)[:12]
        result = CandidateTree(tracks, rules).nearest(tracks.take(queries))
        rows = as_dicts(tracks)
        limits = asdict(rules)
        assert as_lists(result, tracks) == [oracle.similar(rows[i], rows, **limits) for i in queries]


def test_most_of_many_coincident_tracks_are_dropped_exactly():
    rng = np.random.default_rng(1)
    n = 5000
    tracks = random_tracks(rng, n, features=3, levels=1, artists=400, recordings=4)
    rules = Rules(10, 2)
    assert len(drop_redundant_coincident(tracks, rules)) <= 52 + 21
    queries = rng.permutation(n)[:40]
    rows = as_dicts(tracks)
    result = CandidateTree(tracks, rules).nearest(tracks.take(queries))
    assert as_lists(result, tracks) == [oracle.similar(rows[i], rows) for i in queries]


def test_a_list_beyond_the_largest_fetch_is_complete():
    # 700 tracks of one artist, more than the largest fetch, are nearer than all others
    points = np.r_[np.linspace(0, 1, 700), np.linspace(2, 3, 20)]
    tracks = distinct_tracks(points, np.r_[np.zeros(700, dtype=int), np.arange(1, 21)])
    (index,) = CandidateTree(tracks, Rules(10, 2)).nearest(tracks.take(np.array([0]))).index
    assert index.tolist() == [1, 2, *range(700, 708)]


def test_candidates_beyond_max_distance_are_left_out():
    tracks = distinct_tracks(np.arange(20.0), np.arange(20))
    queries = tracks.take(np.array([5, 5, 5]))
    result = CandidateTree(tracks, Rules(10, 2)).nearest(queries, np.array([0.5, 2.0, np.inf]))
    assert [(row >= 0).sum() for row in result.index] == [0, 4, 10]
    assert result.index[1][:4].tolist() == [4, 6, 3, 7]


def test_lists_are_empty_without_candidates():
    none = Tracks(np.empty((0, 2)), *(np.empty(0, dtype=np.int64),) * 3, np.empty(0), np.empty(0, dtype=np.int64))
    queries = Tracks(np.zeros((1, 2)), *(np.zeros(1, dtype=np.int64),) * 3, np.zeros(1), np.zeros(1, dtype=np.int64))
    for rules in (Rules(), Rules(harmonic=True)):
        assert CandidateTree(none, rules).nearest(queries).index.tolist() == [[-1] * 10]


def test_select_and_select_one_agree():
    rng = np.random.default_rng(2)
    artist = rng.integers(0, 5, (200, 40))
    recording = artist * 10 + rng.integers(0, 4, artist.shape)
    for rules in (Rules(10, 2), Rules(6, 0), Rules(10, 1)):
        is_allowed = np.ones(artist.shape, dtype=bool)
        rows = fill(select(is_allowed, artist, recording, rules), is_allowed, recording)
        each = [select_one(a, r, rules).tolist() for a, r in zip(artist, recording, strict=True)]
        assert [row[row >= 0].tolist() for row in rows] == each
