"""The features named for pairs of tracks, by hand, and their wording."""

import numpy as np
import pytest

from segue.similarity.reasons import NO_REASON, as_ranks, describe_reasons, distinctive_features


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # first feature: tail 0.2; second: tail 0.05, so more distinctive; third: equal
        ([0.95, 0.05, 0.5], [0.80, 0.02, 0.5], [1, 0, 2]),
        # opposite ends are not distinctive: the features with the fewest tracks between are named
        ([0.95, 0.50, 0.40], [0.05, 0.52, 0.45], [1, 2]),
        # one distinctive feature, one with few tracks between, and a third with too many
        ([0.90, 0.50, 0.60], [0.90, 0.60, 0.50], [0, 1]),
        ([0.9, 0.8, 0.1, 0.15], [0.9, 0.8, 0.1, 0.15], [0, 2, 1]),
        ([0.5], [0.9], [0]),
    ],
)
def test_distinctive_features_of_a_pair(first, second, expected):
    padded = expected + [NO_REASON] * (3 - len(expected))
    for pair in ((first, second), (second, first)):
        assert distinctive_features(*(as_ranks(np.array(shares)) for shares in pair)).tolist() == padded


THIRDS = {"acousticness": (0.1, 0.6), "energy": (0.4, 0.8), "bpm": (100.0, 130.0), "loudness": (-9.0, -5.0)}
FIRST = {"acousticness": 0.9, "energy": 0.2, "bpm": 118.0, "loudness": -7.0, "key": 9, "mode": 0}


@pytest.mark.parametrize(
    ("why", "second", "phrase"),
    [
        (
            ["acousticness", "energy", "bpm"],
            {"acousticness": 0.7, "energy": 0.4, "bpm": 119.2},
            "both acoustic and calm, within 2 BPM",
        ),
        (["acousticness"], {"acousticness": 0.6}, "both acoustic"),
        (["bpm", "loudness"], {"bpm": 118.0, "loudness": -7.25}, "the same BPM, within 0.3 dB"),
        (["energy"], {"energy": 0.405}, "within 0.21 in energy"),
        (["key"], {"key": 9, "mode": 0}, "both in A minor (8A)"),
        (["energy", "key"], {"energy": 0.3, "key": 0, "mode": 1}, "both calm, keys 8A and 8B"),
        (["key"], {"key": 9}, ""),
        # a feature without a value is left out
        (["acousticness", "energy"], {"acousticness": None, "energy": 0.1}, "both calm"),
        ([], {}, ""),
    ],
)
def test_reasons_become_a_phrase(why, second, phrase):
    assert describe_reasons(why, FIRST, second, THIRDS) == phrase


def test_three_adjectives_are_enumerated():
    thirds = dict.fromkeys(("bpm", "energy", "loudness"), (0.3, 0.6))
    fast = dict.fromkeys(thirds, 0.9)
    assert describe_reasons(list(thirds), fast, fast, thirds) == "both fast, energetic and loud"
