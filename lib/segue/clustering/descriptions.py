"""Describe clusters in words: by a genre or decade concentrated in them, and by their distinctive features.

The deviation of a feature is the cluster's mean minus the mean of all tracks, in standard deviations of all tracks. The
excess is the difference to the deviation of another cluster, at least 0 and averaged over the two nearest clusters. The
distinctiveness is the absolute deviation plus half the excess. A description names up to ``MAX_PHRASES`` features with
a deviation of at least ``SLIGHT``, the most distinctive first. Words are stronger for deviations from ``NOTABLE`` and
from ``EXTREME`` on. Low means of liveness, speechiness and instrumentalness are named from ``NOTABLE`` on: few tracks
are far above the mean of all tracks, and most lie somewhat below. Of features that contradict or repeat each other,
only the more distinctive is named. But a calm cluster is never called fast, as its tempo is often a doubled one.

Every description has two parts at least. A single phrase is followed by the first of these that applies:

* "mid-tempo" if the tempo is average;
* a feature that repeats the phrase, as in "energetic, loud";
* "otherwise mixed" if a deviating feature was left out as a contradiction;
* "otherwise average".

If clusters have equal descriptions, phrases for further features are added until the descriptions differ or no feature
is left.

The descriptions of a model, in ``model.json``, are in English; ``reword`` replaces their phrases by other words.
"""

from collections.abc import Mapping, Sequence

from segue.settings.words import DIRECTIONS, SENTENCES, Words, expand

WORDS = {
    "bpm": ("fast", "slow"),
    "loudness": ("loud", "quiet"),
    "energy": ("energetic", "calm"),
    "danceability": ("danceable", "hardly danceable"),
    "liveness": ("live", "studio"),
    "valence": ("cheerful", "sombre"),
    "acousticness": ("acoustic", "plugged-in"),
    "speechiness": ("rich in speech", "free of speech"),
    "instrumentalness": ("instrumental", "vocal"),
    "duration_s": ("long", "short"),
}
"""For every feature, one word for high and one for low values, used in ``segue.similarity.reasons``."""
PHRASES = {
    "bpm": (("fairly up-tempo", "up-tempo", "very fast"), ("fairly slow", "slow", "very slow")),
    "loudness": (("fairly loud", "loud", "very loud"), ("fairly quiet", "quiet", "very quiet")),
    "energy": (("fairly energetic", "energetic", "high-energy"), ("fairly calm", "calm", "very calm")),
    "danceability": (
        ("fairly danceable", "danceable", "made for dancing"),
        ("less groove", "little groove", "hardly any groove"),
    ),
    "liveness": (("some live feel", "live feel", "strong live feel"), ("mostly studio", "studio sound", "pure studio")),
    "valence": (("fairly cheerful", "cheerful", "exuberant"), ("fairly wistful", "wistful", "sombre")),
    "acousticness": (
        ("fairly acoustic", "acoustic", "purely acoustic"),
        ("mostly plugged-in", "plugged-in", "fully plugged-in"),
    ),
    "speechiness": (("some speech", "partly spoken", "mostly spoken"), ("mostly sung", "sung", "sung throughout")),
    "instrumentalness": (
        ("partly instrumental", "instrumental", "purely instrumental"),
        ("mostly vocal", "vocal", "vocal throughout"),
    ),
    "duration_s": (("fairly long", "long tracks", "very long tracks"), ("fairly short", "short tracks", "very short")),
}
"""For each feature, three phrases for means above the overall mean (slight, notable, extreme), and three for below."""
SLIGHT, NOTABLE, EXTREME = 0.25, 0.5, 1.5
MAX_PHRASES = 3
MID_TEMPO, OTHERWISE_AVERAGE, OTHERWISE_MIXED = "mid-tempo", "otherwise average", "otherwise mixed"
AVERAGE = "average in every respect"
_CONTRADICTIONS = (
    {("energy", False), ("bpm", True)},
    {("energy", True), ("loudness", False)},
    {("energy", False), ("loudness", True)},
    {("instrumentalness", True), ("speechiness", True)},
    {("instrumentalness", True), ("speechiness", False)},
)
"""Pairs of (feature, whether its mean is above that of all tracks) that contradict each other, such as low energy and
high bpm. A description names only one of a pair."""
_REPETITIONS = (
    {("energy", True), ("loudness", True)},
    {("energy", False), ("loudness", False)},
    {("instrumentalness", False), ("speechiness", False)},
)
"""Pairs of (feature, whether its mean is above that of all tracks) with similar meanings, such as high energy and
high loudness. A description names only one of a pair, or both if one would be the only phrase ("energetic, loud")."""
_RIGHT_SKEWED = ("liveness", "speechiness", "instrumentalness")
"""Features in which most tracks lie somewhat below the mean, so that a slightly low mean says little of a cluster."""
_N_NEAREST = 2
Deviations = Mapping[str, float]


def describe_clusters(deviations: Sequence[Deviations], kinds: Sequence[str] = ()) -> list[str]:
    """Return a description for every cluster, in the order of ``deviations``.

    Parameters
    ----------
    deviations : one mapping per cluster
        From feature name to the cluster's mean minus the mean of all tracks, in standard deviations of all tracks.
        Features without a deviation are absent.
    kinds : one text per cluster, optional
        A genre or decade concentrated in the cluster, such as "80s rock", or "". A genre or decade comes first in the
        description and takes the place of one phrase.

    >>> describe_clusters([{"bpm": 2.0, "loudness": 0.6}, {"bpm": 0.1, "loudness": -0.3}], ["", "jazz"])
    ['very fast, loud', 'jazz, fairly quiet']
    """
    kinds = kinds or [""] * len(deviations)
    ranked = [
        # without phrases that would repeat the genre, such as "spoken word" or "acoustic"
        [
            name
            for name in _distinctive_features(deviations, index)
            if not set(_phrase(name, features[name]).split()) & set(kind.lower().split())
        ]
        for index, (features, kind) in enumerate(zip(deviations, kinds, strict=True))
    ]
    counts = [
        sum(_is_notable(name, features[name]) for name in names[: MAX_PHRASES - bool(kind)])
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


def reword(description: str, words: Words) -> str:
    """Replace the phrases of a description by other words; a genre or decade at its beginning stays unchanged.

    Parameters
    ----------
    description : from ``describe_clusters``
    words : the setting ``label.words``, see ``segue.settings.words``

    >>> reword("80s rock, very fast, cheerful", {"bpm": {"high": "schnell"}, "extreme": "sehr {}"})
    '80s rock, sehr schnell, cheerful'
    """
    given = expand(words)
    sentences = zip(SENTENCES, (MID_TEMPO, OTHERWISE_AVERAGE, OTHERWISE_MIXED, AVERAGE), strict=True)
    replacements = {phrase: words.get(name, phrase) for name, phrase in sentences}
    for name, directions in PHRASES.items():
        for direction, phrases in zip(DIRECTIONS, directions, strict=True):
            replacements |= dict(zip(phrases, given.get((name, direction), phrases), strict=True))
    parts = description.split(", ")
    n_last = next((n for n, part in enumerate(reversed(parts)) if part not in replacements), len(parts))
    start = len(parts) - n_last
    return ", ".join([*parts[:start], *(replacements[part] for part in parts[start:])])


def _distinctive_features(deviations: Sequence[Deviations], index: int) -> list[str]:
    """Return the features of the cluster at ``index`` in ``deviations``, the most distinctive first.

    A feature is left out if it contradicts or repeats a more distinctive one, if its deviation is 0, or if it would
    call a calm cluster fast. Features that deviate too little to be named come last.
    """
    own = deviations[index]
    others = [features for i, features in enumerate(deviations) if i != index]
    nearest = sorted(others, key=lambda features: (_distance(own, features), sorted(features.items())))[:_N_NEAREST]

    def sort_key(name: str) -> tuple[bool, float, str]:
        sign = 1 if own[name] > 0 else -1
        beyond = [max(0.0, sign * (own[name] - features.get(name, 0.0))) for features in nearest]
        distinctiveness = abs(own[name]) + sum(beyond) / (2 * max(len(beyond), 1))
        return not _is_notable(name, own[name]), -round(distinctiveness, 9), name

    is_calm = own.get("energy", 0.0) <= -SLIGHT
    named = [name for name in own if own[name] and not (name == "bpm" and own[name] > 0 and is_calm)]
    names: list[str] = []
    for name in sorted(named, key=sort_key):
        if not _related(own, name, names, _CONTRADICTIONS + _REPETITIONS):
            names.append(name)
    return names


def _is_notable(name: str, deviation: float) -> bool:
    """Return whether the feature ``name`` deviates enough to be named in a description.

    The absolute value of ``deviation`` must be at least ``SLIGHT``. If the deviation is negative and the feature one
    of ``_RIGHT_SKEWED``, the absolute value must be at least ``NOTABLE``.
    """
    return abs(deviation) >= (NOTABLE if deviation < 0 and name in _RIGHT_SKEWED else SLIGHT)


def _related(own: Deviations, name: str, names: Sequence[str], pairs: Sequence[set[tuple[str, bool]]]) -> bool:
    """Return whether the feature ``name`` forms one of ``pairs`` with any of the features ``names``.

    ``pairs`` are ``_CONTRADICTIONS`` or ``_REPETITIONS``, such as high energy with low loudness. Features are high or
    low by the sign of their deviation in ``own``, the deviations of one cluster.
    """
    return any({(name, own[name] > 0), (other, own[other] > 0)} in pairs for other in names)


def _distance(first: Deviations, second: Deviations) -> float:
    """Return the squared Euclidean distance of two clusters' deviations; an absent feature counts as 0."""
    names = sorted({*first, *second})
    return round(sum((first.get(name, 0.0) - second.get(name, 0.0)) ** 2 for name in names), 9)


def _describe(deviations: Deviations, names: Sequence[str], kind: str) -> str:
    """Return the description of a cluster, such as "80s rock, very fast, cheerful".

    The description has ``kind``, a genre or decade (here "80s rock"), unless ``kind`` is empty. A phrase for each of
    the features ``names`` follows. If these are one phrase only, ``_second_phrase`` adds another. If there is none, the
    description is "mid-tempo, otherwise average", or "average in every respect" if bpm has no deviation.
    """
    phrases = [kind] if kind else []
    phrases += [_phrase(name, deviations[name]) for name in names]
    if not phrases:
        return AVERAGE if "bpm" not in deviations else f"{MID_TEMPO}, {OTHERWISE_AVERAGE}"
    if len(phrases) == 1:
        phrases.append(_second_phrase(deviations, names))
    return ", ".join(phrases)


def _second_phrase(deviations: Deviations, names: Sequence[str]) -> str:
    """Return a second phrase for a description that has only one, such as "mid-tempo" or "otherwise average".

    The module's docstring has the rules. ``names`` has the feature of the first phrase; ``names`` is empty if the first
    phrase is a genre or decade.
    """
    if "bpm" not in names and abs(deviations.get("bpm", SLIGHT)) < SLIGHT:
        return MID_TEMPO
    deviating = sorted(name for name, value in deviations.items() if _is_notable(name, value) and name not in names)
    repeated = [name for name in deviating if _related(deviations, name, names, _REPETITIONS)]
    if repeated:
        return _phrase(repeated[0], deviations[repeated[0]])
    is_mixed = any(_related(deviations, name, names, _CONTRADICTIONS) for name in deviating)
    return OTHERWISE_MIXED if is_mixed else OTHERWISE_AVERAGE


def _phrase(name: str, deviation: float) -> str:
    """Return the phrase for a feature that deviates by ``deviation`` standard deviations.

    For a negative deviation of bpm, by rising absolute value: "fairly slow", "slow" or "very slow".
    """
    strength = sum(abs(deviation) >= limit for limit in (NOTABLE, EXTREME))
    return PHRASES[name][deviation < 0][strength]
