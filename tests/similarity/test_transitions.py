"""Test orders of tracks by hand, and against all permutations."""

import itertools

import numpy as np
import pytest
from pyspark.sql import functions as F

from segue.similarity.keys import UNKNOWN, key_code
from segue.similarity.transitions import MAX_EXACT, collect_order, smooth_path, transition_costs

A_MINOR, E_MINOR, C_MAJOR, F_SHARP_MAJOR = (key_code(*key) for key in ((9, 0), (4, 0), (0, 1), (6, 1)))


@pytest.mark.parametrize(
    ("first", "second", "cost"),
    [
        ((120.0, A_MINOR, 0.5), (120.0, A_MINOR, 0.5), 0.0),
        ((70.0, A_MINOR, 0.5), (140.0, A_MINOR, 0.5), 0.0),  # double tempo
        ((90.0, A_MINOR, 0.5), (90.0 * 2 ** (1 / 12), A_MINOR, 0.5), 1.0),
        ((90.0, A_MINOR, 0.5), (90.0 * 2 ** (11 / 12), A_MINOR, 0.5), 1.0),  # a twelfth below double tempo
        ((100.0, A_MINOR, 0.5), (50.0 * 2 ** (-1 / 4), A_MINOR, 0.5), 3.0),  # half tempo, and a quarter of an octave
        ((100.0, A_MINOR, 0.5), (100.0 * 2**0.5, A_MINOR, 0.5), 6.0),
        ((120.0, A_MINOR, 0.5), (120.0, E_MINOR, 0.5), 1.0),
        ((120.0, E_MINOR, 0.5), (120.0, C_MAJOR, 0.5), 2.0),
        ((120.0, A_MINOR, 0.5), (120.0, F_SHARP_MAJOR, 0.5), 7.0),
        ((120.0, A_MINOR, 0.5), (120.0, A_MINOR, 0.8), 3.0),
        ((120.0, UNKNOWN, np.nan), (np.nan, A_MINOR, 0.8), 0.0),
    ],
)
def test_cost_of_a_transition(first, second, cost):
    columns = zip(first, second, strict=True)
    costs = transition_costs(*(np.array(column) for column in columns))
    assert costs == pytest.approx(np.array([[0.0, cost], [cost, 0.0]]), abs=1e-8)


def length(path, costs):
    return costs[path[:-1], path[1:]].sum()


def random_costs(rng, n):
    points = rng.integers(0, 6, (n, 2))
    return np.abs(points[:, None] - points).sum(axis=2).astype(float)


@pytest.mark.parametrize("n", range(2, 8))
def test_no_permutation_is_shorter(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        costs = random_costs(rng, n)
        path = smooth_path(costs)
        assert path[0] == 0 and sorted(path) == list(range(n))
        assert length(path, costs) == min(
            length(np.array([0, *rest]), costs) for rest in itertools.permutations(range(1, n))
        )


@pytest.mark.parametrize("n", [MAX_EXACT + 1, 60])
def test_no_reversal_of_a_part_makes_a_path_of_many_tracks_shorter(n):
    points = np.random.default_rng(n).random((n, 2))
    costs = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    path = smooth_path(costs)
    assert path[0] == 0 and sorted(path) == list(range(n))
    reversals = [np.r_[path[:i], path[i:j][::-1], path[j:]] for i in range(1, n) for j in range(i + 2, n + 1)]
    assert length(path, costs) <= min(length(other, costs) for other in reversals) + 1e-6
    # the nearest track next, as a start
    left, nearest = set(range(1, n)), [0]
    while left:
        nearest.append(min(left, key=lambda track: costs[nearest[-1], track]))
        left.remove(nearest[-1])
    assert length(path, costs) <= length(np.array(nearest), costs)


def test_one_track_or_none():
    assert smooth_path(np.zeros((1, 1))).tolist() == [0]
    assert smooth_path(np.zeros((0, 0))).tolist() == []


def test_tracks_of_a_catalogue_in_an_obvious_order(spark):
    rows = [
        ("best", 120.0, 0.5, 9, 0),
        ("far", 170.0, 0.9, 6, 1),
        ("near", 121.0, 0.5, 9, 0),
        ("double", 244.0, 0.6, 4, 0),
        ("unused", 120.0, 0.5, 9, 0),
    ]
    tracks = spark.createDataFrame(rows, "track_id string, bpm double, energy double, key int, mode int")
    ids = ["best", "far", "double", "near"]
    assert [ids[i] for i in collect_order(tracks.repartition(3), ids)] == ["best", "near", "double", "far"]
    # without keys and energies, in the order of tempo
    bare = tracks.drop("key", "mode").withColumn("energy", F.lit(None).cast("double"))
    assert [ids[i] for i in collect_order(bare, ids)] == ["best", "near", "double", "far"]
