"""Which features are named, by hand, and their words."""

import numpy as np
import pytest

from segue.similarity.reasons import as_ranks, describe_reasons, distinctive_features


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        # both low on the second and high on the first; the more moderate of the two counts; the third is the same
        ([0.95, 0.05, 0.5], [0.80, 0.02, 0.5], [1, 0, 2]),
        # opposite ends set nothing apart: those with the fewest tracks between them
        ([0.95, 0.50, 0.40], [0.05, 0.52, 0.45], [1, 2]),
        # one sets apart, one joins in, the last is not near enough
        ([0.90, 0.50, 0.60], [0.90, 0.60, 0.50], [0, 1]),
        ([0.9, 0.8, 0.1, 0.15], [0.9, 0.8, 0.1, 0.15], [0, 2, 1]),
        ([0.5], [0.9], [0]),
    ],
)
def test_features_that_are_named(one, other, named):
    wanted = named + [-1] * (3 - len(named))
    for pair in ((one, other), (other, one)):
        assert distinctive_features(*(as_ranks(np.array(shares)) for shares in pair)).tolist() == wanted


THIRDS = {"acousticness": (0.1, 0.6), "energy": (0.4, 0.8), "bpm": (100.0, 130.0), "loudness": (-9.0, -5.0)}
ONE = {"acousticness": 0.9, "energy": 0.2, "bpm": 118.0, "loudness": -7.0}


@pytest.mark.parametrize(
    ("why", "other", "phrase"),
    [
        (
            ["acousticness", "energy", "bpm"],
            {"acousticness": 0.7, "energy": 0.4, "bpm": 119.2},
            "both acoustic and calm, within 2 BPM",
        ),
        (["acousticness"], {"acousticness": 0.6}, "both acoustic"),
        (["bpm", "loudness"], {"bpm": 118.0, "loudness": -7.25}, "the same BPM, within 0.3 dB"),
        (["energy"], {"energy": 0.405}, "within 0.21 in energy"),
        # a track that lacks the feature has nothing to say of it
        (["acousticness", "energy"], {"acousticness": None, "energy": 0.1}, "both calm"),
        ([], {}, ""),
    ],
)
def test_words(why, other, phrase):
    assert describe_reasons(why, ONE, other, THIRDS) == phrase


def test_three_words():
    thirds = dict.fromkeys(("bpm", "energy", "loudness"), (0.3, 0.6))
    fast = dict.fromkeys(thirds, 0.9)
    assert describe_reasons(list(thirds), fast, fast, thirds) == "both fast, energetic and loud"
