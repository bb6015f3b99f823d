"""Test descriptions of clusters by the rule in the module's docstring."""

import random

import pytest

from segue import schema
from segue.clustering.descriptions import PHRASES, WORDS, describe_clusters, reword


@pytest.mark.parametrize(
    ("deviations", "expected"),
    [
        ({"bpm": 0.5, "valence": 0.25}, "up-tempo, fairly cheerful"),
        ({"bpm": -0.499, "valence": -0.249}, "fairly slow, otherwise average"),
        ({"valence": 1.499, "bpm": 0.1}, "cheerful, mid-tempo"),
        ({"valence": 1.5}, "exuberant, otherwise average"),
        ({"acousticness": -1.5, "liveness": 0.5}, "fully plugged-in, live feel"),
        ({"valence": 0.7, "bpm": -0.7}, "slow, cheerful"),  # a tie is broken by name
        ({"danceability": 1.0, "valence": 1.2, "bpm": 1.1, "liveness": 0.9}, "cheerful, up-tempo, danceable"),
        ({"energy": -1.2, "bpm": 1.0, "valence": -0.3}, "calm, fairly wistful"),  # a calm cluster is not fast
        ({"energy": -0.3, "bpm": 1.0, "acousticness": 0.9}, "acoustic, fairly calm"),  # nor fast rather than calm
        ({"energy": -0.2, "bpm": 1.0, "acousticness": 0.9}, "up-tempo, acoustic"),
        ({"energy": 1.2, "loudness": 1.1, "bpm": 0.3}, "energetic, fairly up-tempo"),  # loud says nothing more
        ({"energy": 1.2, "loudness": 1.1, "bpm": 0.1}, "energetic, mid-tempo"),
        ({"energy": -1.2, "loudness": -1.1}, "calm, quiet"),  # but it is no average
        ({"energy": -1.2, "bpm": 1.0, "valence": 0.2}, "calm, otherwise mixed"),  # nor is what contradicts
        ({"instrumentalness": 2.0, "speechiness": 0.6, "bpm": 0.0}, "purely instrumental, mid-tempo"),
        ({"instrumentalness": 2.0, "speechiness": -0.6}, "purely instrumental, otherwise mixed"),  # not sung
        ({"danceability": -0.6, "speechiness": -0.4, "liveness": -0.5}, "little groove, studio sound"),  # most are sung
        ({"bpm": 0.1}, "mid-tempo, otherwise average"),
        ({}, "average in every respect"),
    ],
)
def test_description_of_one_cluster(deviations, expected):
    assert describe_clusters([deviations]) == [expected]


def test_features_that_the_nearest_cluster_shares_come_later():
    first = {"acousticness": 1.0, "valence": 0.8}
    second = {"acousticness": 1.0, "valence": -0.8}
    # acousticness 1.0 and nothing beyond the other; valence 0.8 and half of 1.6
    assert describe_clusters([first, second]) == ["cheerful, acoustic", "wistful, acoustic"]


def test_features_below_the_limit_are_not_named_however_distinctive():
    first, second = {"acousticness": 0.5, "valence": 0.2}, {"acousticness": 0.5, "valence": -3.0}
    assert describe_clusters([first, second])[0] == "acoustic, otherwise average"


GERMAN = {
    "slight": "eher {}",
    "extreme": "sehr {}",
    "bpm": {"high": "schnell", "low": "langsam"},
    "speechiness": {"high": ["etwas Sprache", "gesprochen", "Hörspiel"]},
    "mid_tempo": "mittleres Tempo",
    "otherwise_average": "sonst durchschnittlich",
}


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("very fast, partly spoken", "sehr schnell, gesprochen"),
        ("fairly slow, otherwise average", "eher langsam, sonst durchschnittlich"),
        ("90s rock, mostly spoken, mid-tempo", "90s rock, Hörspiel, mittleres Tempo"),
        ("slow, sung, otherwise mixed", "langsam, sung, otherwise mixed"),  # no other words are given
        ("mid-tempo, jazz, some speech", "mid-tempo, jazz, etwas Sprache"),  # the genre "mid-tempo, jazz"
        ("jazz", "jazz"),
    ],
)
def test_other_words_for_the_phrases_of_a_description(description, expected):
    assert reword(description, GERMAN) == expected
    assert reword(description, {}) == description


def test_kind_comes_first_and_leaves_room_for_two_phrases():
    deviations = {"valence": 1.2, "bpm": 1.1, "danceability": 1.0}
    assert describe_clusters([deviations, {}], ["80s dance pop", "jazz"]) == [
        "80s dance pop, cheerful, up-tempo",
        "jazz, otherwise average",
    ]


def test_phrase_that_repeats_the_kind_is_left_out():
    deviations = {"acousticness": 1.2, "speechiness": 2.0, "energy": -0.7}
    assert describe_clusters([deviations, deviations], ["90s Acoustic", "spoken word"]) == [
        "90s Acoustic, mostly spoken, calm",
        "spoken word, acoustic, calm",
    ]


def test_equal_descriptions_get_the_next_features():
    shared = {"bpm": 1.0, "acousticness": 0.9, "energy": 0.8}
    assert describe_clusters([shared | {"valence": 0.1}, shared | {"valence": -0.1}, {"bpm": -1.0}]) == [
        "up-tempo, acoustic, energetic, fairly cheerful",
        "up-tempo, acoustic, energetic, fairly wistful",
        "slow, otherwise average",
    ]


def test_descriptions_stay_equal_without_a_distinguishing_feature():
    assert describe_clusters([{"bpm": 1.0}, {"bpm": 1.0}]) == ["up-tempo, otherwise average"] * 2


def test_no_clusters_have_no_descriptions():
    assert describe_clusters([]) == []


def test_every_feature_has_its_own_words():
    assert set(WORDS) == set(PHRASES) == set(schema.FEATURE_NAMES)
    for words in ([w for pair in WORDS.values() for w in pair], [p for s in PHRASES.values() for t in s for p in t]):
        assert len(set(words)) == len(words)


def test_descriptions_do_not_depend_on_the_order_of_clusters():
    rng = random.Random(1)
    clusters = [{name: rng.gauss(0, 1) for name in WORDS} for _ in range(12)]
    phrases = describe_clusters(clusters)
    assert len(set(phrases)) == 12
    assert all(phrase.count(",") for phrase in phrases)
    assert describe_clusters(clusters[::-1]) == phrases[::-1]
