"""Weights learned from playlists, where the answer is known by construction; shares and intervals by definition."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array

from segue.errors import InputError
from segue.similarity import learned_weights, learning, weight_search
from segue.similarity.learning import PlaylistSample, count_hits, estimate, hold_out, learn_weights
from segue.similarity.rules import Rules


def sample_of(points, playlists, artist=None):
    """Return a PlaylistSample; ``playlists`` are lists of positions."""
    n_tracks = len(points)
    membership = np.zeros((n_tracks, len(playlists)), dtype=np.int32)
    for column, tracks in enumerate(playlists):
        membership[tracks, column] = 1
    codes = np.arange(n_tracks)
    return PlaylistSample(points, points, codes if artist is None else artist, codes, csr_array(membership))


def ordered_playlists(values, size=12):
    """Return playlists of consecutive positions in the order of ``values``."""
    order = np.argsort(values)
    return [order[start : start + size] for start in range(0, len(values), size)]


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(4).normal(size=(480, 4))


@pytest.mark.parametrize("coordinate", [0, 2])
def test_weight_of_the_coordinate_that_makes_playlists_grows(points, coordinate):
    sample = sample_of(points, ordered_playlists(points[:, coordinate]))
    weights = learn_weights(sample, np.ones(4))
    others = np.delete(weights, coordinate)
    assert (weights[coordinate] > 5 * others).all()
    assert (weights**2).sum() == pytest.approx(4, rel=1e-3)
    held_out = hold_out(sample, np.ones(4), Rules())
    assert held_out.gain.low > 0.1
    assert held_out.gain.value == pytest.approx(held_out.after.value - held_out.before.value, abs=2e-6)


def test_random_playlists_give_no_certain_gain(points):
    shuffled = np.random.default_rng(5).permutation(len(points))
    held_out = hold_out(sample_of(points, ordered_playlists(shuffled)), np.ones(4), Rules())
    assert held_out.gain.low <= 0


def test_playlists_of_one_artist_teach_nothing(points):
    # most playlists are albums, near in coordinate 0, by an artist each; the others are near in coordinate 1
    first, second = ordered_playlists(points[:, 0]), ordered_playlists(points[:, 1])[::3]
    artist = np.empty(len(points), dtype=np.int64)
    for code, tracks in enumerate(first):
        artist[tracks] = code
    weights = learn_weights(sample_of(points, [*first, *second], artist), np.ones(4))
    assert weights[1] > 5 * weights[0]


def test_share_is_that_of_the_definition_with_ties_and_artists():
    random = np.random.default_rng(6)
    points, artist = random.integers(0, 3, (60, 3)).astype(float), random.integers(0, 25, 60)
    relevant = random.random((8, 60)) < 0.3
    queries, weights = np.arange(8) * 7, np.array([1.0, 0.5, 2.0])
    with ThreadPoolExecutor(2) as threads:
        squares = weight_search.SquaredDistances(points, queries, csr_array(relevant), artist, threads)
        for feature, weight in enumerate(weights):
            squares.add(feature, weight**2)
        share, changed = squares.share(), squares.shares(0, [3.0**2 - 1, 0.0])
    for factor, value in ((1.0, share), (3.0, changed[0]), (1.0, changed[1])):
        expected = 0.0
        scaled = points * weights * [factor, 1, 1]
        for row, query in enumerate(queries):
            others = np.flatnonzero(artist != artist[query])
            distance = ((scaled[others] - scaled[query]) ** 2).sum(axis=1)
            tenth = np.sort(distance)[9]
            is_tied = distance == tenth
            expected += relevant[row, others[distance < tenth]].sum()
            expected += relevant[row, others[is_tied]].mean() * (10 - (distance < tenth).sum())
        assert value == pytest.approx(expected / 80, rel=1e-6)


def test_hits_are_counted_by_playlist_and_under_the_rules():
    # tracks on a line; the second and the third are by the artist of the first, so that one of them is in its list
    points, artist = np.arange(6.0)[:, None], np.array([0, 0, 0, 1, 2, 3])
    sample = sample_of(points, [[0, 1, 2], [0, 3], [4, 5]], artist)
    hits, n_positions = count_hits(sample, points, np.array([0, 1]), Rules(length=2, per_artist=1))
    # lists: 0 -> 1, 3 (both hits, of two playlists); 1 -> 0, 3 (one); 2 -> 1, 3 (one); 3 -> 2, 4 (none)
    assert hits.tolist() == [1 + 1 + 1, 1]
    assert n_positions.tolist() == [1 + 2 + 2, 1 + 2]


def test_interval_is_that_of_scipys_bootstrap():
    random = np.random.default_rng(7)
    before, after = random.integers(0, 5, 40), random.integers(1, 8, 40)
    result = estimate(np.stack([before, after], axis=1).astype(float), np.full(40, 10.0))
    expected = stats.bootstrap(((after - before) / 10,), np.mean, method="percentile", rng=1).confidence_interval
    assert result.gain.value == pytest.approx((after - before).mean() / 10, abs=1e-6)
    assert (result.gain.low, result.gain.high) == pytest.approx(expected, abs=0.01)
    assert result.before.low < result.before.value < result.before.high


def test_too_few_playlists_are_refused():
    learning.require_playlists([2] * 10 + [1])
    with pytest.raises(InputError, match=r"9 of 11 playlists have 2 or more tracks .*, expected at least 10"):
        learning.require_playlists([2] * 9 + [1, 0])


def test_playlists_are_chosen_as_a_whole_up_to_a_number_of_tracks(monkeypatch):
    monkeypatch.setattr(learned_weights, "MAX_LISTED", 50)
    members = [[f"{number} {track}" for track in range(3)] for number in range(40)]
    chosen = learned_weights.choose_playlists([*members, [f"large {track}" for track in range(51)]])
    assert len(chosen) == 16 and all(len(ids) == 3 for ids in chosen)
