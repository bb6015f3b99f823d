"""What sets a cluster apart, in words.

For every feature the cluster's mean is compared with the mean of all tracks, in standard deviations of all
tracks. A cluster is described by at most three features whose mean lies at least half a deviation off,
the farthest first; one and a half deviations off is "very". Where none does it is "middling". Clusters that would
read the same get their next features, weaker ones too, until they differ or none is left.
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
"""For every feature: what a high mean sounds like, and what a low one."""
NOTABLE, EXTREME = 0.5, 1.5
MAX_WORDS = 3
MIDDLING = "middling"


def describe_clusters(deviations: Sequence[Mapping[str, float]]) -> list[str]:
    """Return a description for every cluster.

    Parameters
    ----------
    deviations : for every cluster, each feature's distance from the mean of all tracks, in standard
        deviations; features that nobody has are left out

    >>> describe([{"bpm": 2.0, "loudness": 0.6}, {"bpm": -0.7, "loudness": 0.1}, {"bpm": 0.2}])
    ['very fast, loud', 'slow', 'middling']
    """
    ranked = [sorted(found.items(), key=lambda item: (-abs(item[1]), item[0])) for found in deviations]
    counts = [min(MAX_WORDS, sum(abs(z) >= NOTABLE for _, z in features)) for features in ranked]
    told = [_phrase(features, count) for features, count in zip(ranked, counts, strict=True)]
    for _ in WORDS:
        for index, features in enumerate(ranked):
            if told.count(told[index]) > 1 and counts[index] < len(features):
                counts[index] += 1
        told = [_phrase(features, count) for features, count in zip(ranked, counts, strict=True)]
    return told


def _phrase(features: Sequence[tuple[str, float]], count: int) -> str:
    return ", ".join(_word(name, z) for name, z in features[:count]) or MIDDLING


def _word(name: str, deviation: float) -> str:
    word = WORDS[name][deviation < 0]
    if abs(deviation) >= EXTREME:
        return f"very {word}"
    return word if abs(deviation) >= NOTABLE else f"rather {word}"
