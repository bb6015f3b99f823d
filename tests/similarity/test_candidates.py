"""The search against the definition: exact to the bit, whatever ties, twins, limits and bounds."""

import numpy as np
import pytest
from tests.similarity import oracle

from segue.similarity.candidates import Candidates, Tracks
from segue.similarity.rules import Rules, drop_redundant_coincident, select, select_one


def random_tracks(rng, n, *, features, levels, artists, recordings, releases=True):
    """Tracks on a coarse grid: the fewer levels, the more ties and twins."""
    artist = rng.integers(0, artists, n)
    recording = artist * 1000 + rng.integers(0, recordings, n) if releases else np.arange(n)
    year = np.where(rng.random(n) < 0.1, np.nan, rng.integers(1990, 2000, n).astype(float))
    return Tracks(rng.integers(0, levels, (n, features)) / levels, rng.permutation(n), artist, recording, year)


def as_dicts(tracks):
    return [
        {
            "track_id": int(tracks.order[i]),
            "point": tracks.points[i].tolist(),
            "artist": int(tracks.artist[i]),
            "recording": int(tracks.recording[i]),
            "year": None if np.isnan(tracks.year[i]) else tracks.year[i],
            "genre": None,
        }
        for i in range(len(tracks))
    ]


def lists(found, tracks):
    return [
        [(int(tracks.order[i]), float(d)) for i, d in zip(index, distance, strict=True) if i >= 0]
        for index, distance in zip(found.index, found.distance, strict=True)
    ]


@pytest.mark.parametrize("levels", [1, 2, 4, 1000])
@pytest.mark.parametrize(("artists", "recordings"), [(1, 1), (2, 5), (40, 3), (300, 50)])
@pytest.mark.parametrize("rules", [Rules(10, 0), Rules(10, 2), Rules(10, 1, 1), Rules(3, 2, 0)])
def test_lists_are_those_of_the_definition(levels, artists, recordings, rules):
    rng = np.random.default_rng(levels * 1000 + artists)
    for n in (1, 2, 9, 250):
        tracks = random_tracks(rng, n, features=2, levels=levels, artists=artists, recordings=recordings)
        asked = rng.permutation(n)[:12]
        found = Candidates(tracks, rules).nearest(tracks.take(asked))
        known = as_dicts(tracks)
        limits = {"length": rules.length, "per_artist": rules.per_artist, "years_apart": rules.years_apart}
        assert lists(found, tracks) == [oracle.similar(known[i], known, **limits) for i in asked]


def test_thousands_at_one_point_are_searched_exactly_and_not_all():
    rng = np.random.default_rng(1)
    n = 5000
    tracks = random_tracks(rng, n, features=3, levels=1, artists=400, recordings=4)
    rules = Rules(10, 2)
    assert len(drop_redundant_coincident(*(getattr(tracks, f) for f in Tracks.__slots__), rules)) <= 52
    asked = rng.permutation(n)[:40]
    known = as_dicts(tracks)
    found = Candidates(tracks, rules).nearest(tracks.take(asked))
    assert lists(found, tracks) == [oracle.similar(known[i], known) for i in asked]


def test_one_artist_between_a_track_and_everybody_else():
    # 700 nearer tracks of one artist, more than are ever fetched, stand before the others
    n = 720
    points = np.r_[np.linspace(0, 1, 700), np.linspace(2, 3, 20)][:, None]
    artist = np.r_[np.zeros(700, dtype=int), np.arange(1, 21)]
    tracks = Tracks(points, np.arange(n), artist, np.arange(n), np.full(n, np.nan))
    (found,) = Candidates(tracks, Rules(10, 2)).nearest(tracks.take(np.array([0]))).index
    assert found.tolist() == [1, 2, *range(700, 708)]


def test_nothing_beyond_a_bound():
    points = np.arange(20.0)[:, None]
    tracks = Tracks(points, np.arange(20), np.arange(20), np.arange(20), np.full(20, np.nan))
    asked = tracks.take(np.array([5, 5, 5]))
    found = Candidates(tracks, Rules(10, 2)).nearest(asked, np.array([0.5, 2.0, np.inf]))
    assert [(row >= 0).sum() for row in found.index] == [0, 4, 10]
    assert found.index[1][:4].tolist() == [4, 6, 3, 7]


def test_nobody_to_choose_from():
    none = Tracks(np.empty((0, 2)), *(np.empty(0, dtype=np.int64),) * 3, np.empty(0))
    asked = Tracks(np.zeros((1, 2)), *(np.zeros(1, dtype=np.int64),) * 3, np.zeros(1))
    assert Candidates(none, Rules()).nearest(asked).index.tolist() == [[-1] * 10]


def test_choosing_for_many_and_for_one_is_the_same():
    rng = np.random.default_rng(2)
    artist = rng.integers(0, 5, (200, 40))
    recording = artist * 10 + rng.integers(0, 4, artist.shape)
    for rules in (Rules(10, 2), Rules(6, 0), Rules(10, 1)):
        rows = select(np.ones(artist.shape, dtype=bool), artist, recording, rules)
        each = [select_one(a, r, rules).tolist() for a, r in zip(artist, recording, strict=True)]
        assert [row[row >= 0].tolist() for row in rows] == each
