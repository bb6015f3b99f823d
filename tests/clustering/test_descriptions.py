"""Test descriptions of clusters by the rule in the module's docstring."""

import random

import pytest

from segue import schema
from segue.clustering.descriptions import WORDS, describe_clusters


@pytest.mark.parametrize(
    ("deviations", "expected"),
    [
        ({"bpm": 0.5}, "fast"),
        ({"bpm": -0.5}, "slow"),
        ({"bpm": 0.499, "valence": -0.499}, "middling"),
        ({"bpm": 1.499}, "fast"),
        ({"bpm": 1.5}, "very fast"),
        ({"acousticness": -1.5}, "very electric"),
        ({"loudness": 0.6, "bpm": -2.0, "valence": 0.1}, "very slow, loud"),
        ({"bpm": 0.6, "valence": 0.9, "liveness": -0.8, "energy": 0.7}, "cheerful, studio, energetic"),
        ({"valence": 0.7, "bpm": -0.7}, "slow, cheerful"),  # a tie is broken by name
        ({"danceability": 1.0, "loudness": 1.2, "bpm": 1.1}, "loud, fast, danceable"),
        ({}, "middling"),
    ],
)
def test_description_of_one_cluster(deviations, expected):
    assert describe_clusters([deviations]) == [expected]


def test_equal_descriptions_get_the_next_features():
    first = {"bpm": 1.0, "loudness": 0.4, "valence": 0.2}
    second = {"bpm": 0.9, "loudness": 0.1, "valence": -0.3}
    assert describe_clusters([first, second, {"bpm": -1.0}]) == ["fast, rather loud", "fast, rather sombre", "slow"]


def test_equal_descriptions_of_three_words_get_a_fourth_word():
    shared = {"bpm": 1.0, "loudness": 0.9, "energy": 0.8}
    assert describe_clusters([shared | {"valence": 0.7}, shared | {"valence": -0.7}]) == [
        "fast, loud, energetic, cheerful",
        "fast, loud, energetic, sombre",
    ]


def test_two_middling_clusters_get_distinct_descriptions():
    assert describe_clusters([{"bpm": 0.1}, {"bpm": -0.1}]) == ["rather fast", "rather slow"]


def test_descriptions_stay_equal_without_a_distinguishing_feature():
    assert describe_clusters([{"bpm": 1.0}, {"bpm": 1.1}]) == ["fast", "fast"]


def test_no_clusters_have_no_descriptions():
    assert describe_clusters([]) == []


def test_every_feature_has_two_unique_words():
    assert set(WORDS) == set(schema.FEATURE_NAMES)
    words = [word for pair in WORDS.values() for word in pair]
    assert len(set(words)) == 2 * len(WORDS)


def test_descriptions_do_not_depend_on_the_order_of_clusters():
    rng = random.Random(1)
    clusters = [{name: rng.gauss(0, 1) for name in WORDS} for _ in range(12)]
    phrases = describe_clusters(clusters)
    assert len(set(phrases)) == 12
    assert describe_clusters(clusters[::-1]) == phrases[::-1]
