"""Describe clusters in words: by a genre or decade that is concentrated in them, and by features that set them apart.

The deviation of a feature is the cluster's mean minus the mean of all tracks, in standard deviations of all tracks. The
distinctiveness of a feature is its deviation, without sign, plus half of how far it goes beyond the deviations of the
two nearest clusters, on average. A description names up to ``MAX_PHRASES`` features with a deviation of at least
``SLIGHT``, the most distinctive first; from ``NOTABLE`` and ``EXTREME`` on with stronger words. Of features that
contradict or repeat each other, only the more distinctive is named. An example is a calm cluster with a fast tempo,
which is often a doubled one.

Every description has two parts at least: where at most one feature deviates, "mid-tempo" or "otherwise average"
follows. To clusters with equal descriptions, phrases for further features are added until they differ or no feature is
left.
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
"""For every feature, one word for a high value and one for a low value, as of a pair of tracks."""
PHRASES = {
    "bpm": (("fairly up-tempo", "up-tempo", "very fast"), ("fairly slow", "slow", "very slow")),
    "loudness": (("fairly loud", "loud", "very loud"), ("fairly quiet", "quiet", "very quiet")),
    "energy": (("fairly energetic", "energetic", "high-energy"), ("fairly calm", "calm", "very calm")),
    "danceability": (
        ("fairly danceable", "danceable", "made for dancing"),
        ("more for listening", "for listening", "for listening only"),
    ),
    "liveness": (("some live feel", "live feel", "recorded live"), ("mostly studio", "studio sound", "pure studio")),
    "valence": (("fairly cheerful", "cheerful", "exuberant"), ("fairly wistful", "wistful", "sombre")),
    "acousticness": (
        ("fairly acoustic", "acoustic", "purely acoustic"),
        ("mostly full band", "full band", "big full-band sound"),
    ),
    "speechiness": (("some speech", "spoken", "spoken word"), ("mostly sung", "sung", "sung throughout")),
    "instrumentalness": (
        ("partly instrumental", "instrumental", "purely instrumental"),
        ("mostly vocal", "vocal", "vocal throughout"),
    ),
    "duration_s": (("fairly long", "long tracks", "very long tracks"), ("fairly short", "short tracks", "very short")),
}
"""For every feature, phrases for means above and below the mean of all tracks: slight, notable and extreme."""
SLIGHT, NOTABLE, EXTREME = 0.25, 0.5, 1.5
MAX_PHRASES = 3
MID_TEMPO, OTHERWISE_AVERAGE, AVERAGE = "mid-tempo", "otherwise average", "average in every respect"
_CONTRADICTIONS = (
    {("energy", False), ("bpm", True)},
    {("energy", True), ("loudness", False)},
    {("energy", False), ("loudness", True)},
    {("instrumentalness", True), ("speechiness", True)},
    # repetitions: loudness and energy rise together
    {("energy", True), ("loudness", True)},
    {("energy", False), ("loudness", False)},
)
"""Pairs of features, each with whether it is above the mean, of which a description names one."""
_N_NEAREST = 2
Deviations = Mapping[str, float]


def describe_clusters(deviations: Sequence[Deviations], kinds: Sequence[str] = ()) -> list[str]:
    """Return a description for every cluster, in the order of ``deviations``.

    Parameters
    ----------
    deviations : one mapping per cluster
        From feature name to the cluster's mean minus the mean of all tracks, in standard deviations of all tracks.
        Features without such a value are absent.
    kinds : one text per cluster, optional
        A genre or decade that is concentrated in the cluster, such as "80s rock"; "" if none is. It comes first, and
        leaves room for one phrase less.

    >>> describe_clusters([{"bpm": 2.0, "loudness": 0.6}, {"bpm": 0.1, "loudness": -0.3}], ["", "jazz"])
    ['very fast, loud', 'jazz, fairly quiet']
    """
    kinds = kinds or [""] * len(deviations)
    ranked = [
        # a genre such as "spoken word" or "acoustic" says what the phrase for a feature would repeat
        [name for name in _distinctive_features(deviations, index) if _phrase(name, features[name]) not in kind.lower()]
        for index, (features, kind) in enumerate(zip(deviations, kinds, strict=True))
    ]
    counts = [
        sum(abs(features[name]) >= SLIGHT for name in names[: MAX_PHRASES - bool(kind)])
        for features, names, kind in zip(deviations, ranked, kinds, strict=True)
    ]

    def describe() -> list[str]:
        rows = zip(deviations, ranked, counts, kinds, strict=True)
        return [_describe(features, names[:count], kind) for features, names, count, kind in rows]

    phrases = describe()
    for _ in PHRASES:
        for index, names in enumerate(ranked):
            if phrases.count(phrases[index]) > 1 and counts[index] < len(names):
                counts[index] += 1
        phrases = describe()
    return phrases


def _distinctive_features(deviations: Sequence[Deviations], index: int) -> list[str]:
    """Return the features of a cluster, the most distinctive first, without those that contradict or repeat another."""
    own = deviations[index]
    others = [features for i, features in enumerate(deviations) if i != index]
    nearest = sorted(others, key=lambda features: (_distance(own, features), sorted(features.items())))[:_N_NEAREST]

    def distinctiveness(name: str) -> float:
        sign = 1 if own[name] > 0 else -1
        beyond = [max(0.0, sign * (own[name] - features.get(name, 0.0))) for features in nearest]
        return abs(own[name]) + sum(beyond) / (2 * max(len(beyond), 1))

    names: list[str] = []
    for name in sorted((name for name in own if own[name]), key=lambda name: (-round(distinctiveness(name), 9), name)):
        pairs = ({(name, own[name] > 0), (other, own[other] > 0)} for other in names)
        if not any(pair in _CONTRADICTIONS for pair in pairs):
            names.append(name)
    return names


def _distance(first: Deviations, second: Deviations) -> float:
    """Return the squared Euclidean distance of two clusters' deviations; an absent feature counts as 0."""
    names = sorted({*first, *second})
    return round(sum((first.get(name, 0.0) - second.get(name, 0.0)) ** 2 for name in names), 9)


def _describe(deviations: Deviations, names: Sequence[str], kind: str) -> str:
    """Return a description: the kind, if there is one, and a phrase for each of the features ``names``."""
    phrases = [kind] if kind else []
    phrases += [_phrase(name, deviations[name]) for name in names]
    if not phrases:
        return AVERAGE if "bpm" not in deviations else f"{MID_TEMPO}, {OTHERWISE_AVERAGE}"
    if len(phrases) == 1:
        is_mid_tempo = "bpm" not in names and abs(deviations.get("bpm", SLIGHT)) < SLIGHT
        phrases.append(MID_TEMPO if is_mid_tempo else OTHERWISE_AVERAGE)
    return ", ".join(phrases)


def _phrase(name: str, deviation: float) -> str:
    """Return the phrase for a feature that deviates by ``deviation`` standard deviations."""
    strength = sum(abs(deviation) >= limit for limit in (NOTABLE, EXTREME))
    return PHRASES[name][deviation < 0][strength]
