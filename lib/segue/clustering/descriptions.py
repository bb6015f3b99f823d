"""Describe clusters by the features in which they differ most from all tracks.

For every feature, the cluster's mean is compared with the mean of all tracks, in standard deviations of all tracks. The
description names up to ``MAX_WORDS`` features whose mean is at least ``NOTABLE`` deviations away, the largest deviation
first; from ``EXTREME`` deviations the word is preceded by "very". A cluster without such a feature is "middling".
To clusters with equal descriptions, words for further features are added until the descriptions differ or no feature is
left; below ``NOTABLE`` deviations the word is preceded by "rather".
"""

from collections.abc import Mapping, Sequence

WORDS = {
    "bpm": ("fast", "slow"),
    "loudness": ("loud", "quiet"),
    "energy": ("energetic", "calm"),
    "danceability": ("danceable", "hardly danceable"),
    "liveness": ("live", "studio"),
    "valence": ("cheerful", "sombre"),
    "acousticness": ("acoustic", "electric"),
    "speechiness": ("wordy", "sung"),
    "instrumentalness": ("instrumental", "vocal"),
    "duration_s": ("long", "short"),
}
"""For every feature, the word for a mean above the mean of all tracks, and the word for a mean below it."""
NOTABLE, EXTREME = 0.5, 1.5
MAX_WORDS = 3
MIDDLING = "middling"


def describe_clusters(deviations: Sequence[Mapping[str, float]]) -> list[str]:
    """Return a description for every cluster, in the order of ``deviations``.

    Parameters
    ----------
    deviations : one mapping per cluster
        From feature name to the cluster's mean minus the mean of all tracks, in standard deviations of all tracks.
        Features without such a value are absent.

    >>> describe_clusters([{"bpm": 2.0, "loudness": 0.6}, {"bpm": -0.7, "loudness": 0.1}, {"bpm": 0.2}])
    ['very fast, loud', 'slow', 'middling']
    """
    ranked = [sorted(features.items(), key=lambda item: (-abs(item[1]), item[0])) for features in deviations]
    counts = [min(MAX_WORDS, sum(abs(deviation) >= NOTABLE for _, deviation in features)) for features in ranked]
    phrases = _phrases(ranked, counts)
    for _ in WORDS:
        for index, features in enumerate(ranked):
            if phrases.count(phrases[index]) > 1 and counts[index] < len(features):
                counts[index] += 1
        phrases = _phrases(ranked, counts)
    return phrases


def _phrases(ranked: Sequence[Sequence[tuple[str, float]]], counts: Sequence[int]) -> list[str]:
    """Return a description for each cluster: words for its first features in ``ranked``, or ``MIDDLING`` if none.

    Parameters
    ----------
    ranked : for each cluster, pairs of feature name and deviation, largest absolute deviation first
    counts : for each cluster, the number of features to describe
    """
    return [
        ", ".join(_word(name, deviation) for name, deviation in features[:count]) or MIDDLING
        for features, count in zip(ranked, counts, strict=True)
    ]


def _word(name: str, deviation: float) -> str:
    """Return the word for a feature that deviates by ``deviation`` standard deviations, with "very" or "rather"."""
    word = WORDS[name][deviation < 0]
    if abs(deviation) >= EXTREME:
        return f"very {word}"
    return word if abs(deviation) >= NOTABLE else f"rather {word}"
