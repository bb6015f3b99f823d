"""Describe clusters in words, such as "80s rock, very fast, cheerful".

A description has up to ``MAX_PHRASES`` phrases, or more if clusters would otherwise have equal descriptions. The first
phrase is the cluster's typical decade or genre or both, if it has any. The others are for its most distinctive
features. Two numbers select these features:

* deviation: the cluster's mean minus the mean of all tracks, in standard deviations of all tracks;
* distinctiveness: the absolute deviation, plus half of the mean excess over the two clusters with the most similar
  deviations. The excess over another cluster is the absolute difference between its deviation and this cluster's, or 0
  if the other cluster deviates farther in the same direction.

The rules:

* The absolute deviation must be at least ``SLIGHT``. Phrases are stronger from ``NOTABLE`` and from ``EXTREME`` on.
* Low liveness, speechiness and instrumentalness are named only from ``NOTABLE`` on: see ``_RIGHT_SKEWED``.
* Of two features that contradict or repeat each other, only the more distinctive is named.
* A calm cluster is never called fast, because its measured tempo is often twice the real one.
* A feature is left out if its phrase repeats a word of the genre, such as "acoustic".
* If clusters have equal descriptions, phrases for further features are added, also for absolute deviations below
  ``SLIGHT``, until the descriptions differ or no feature is left.

If there is only one phrase, the first of these that applies is added:

* "mid-tempo" if the tempo is average;
* a feature that repeats the phrase, as in "energetic, loud";
* "otherwise mixed" if a deviating feature was left out as a contradiction;
* "otherwise average".

Descriptions are in English; ``reword`` replaces their phrases.
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
"""For each feature, a word for high values and a word for low values."""
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
"""For each feature, three phrases for high means (slight, notable, extreme), then three for low means."""
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
"""Pairs of contradictory features. ``("energy", False)`` means low energy, ``("bpm", True)`` means high bpm.

A feature is high if it is above the mean of all tracks, and low if below. A description names only one of a pair.
"""
_REPETITIONS = (
    {("energy", True), ("loudness", True)},
    {("energy", False), ("loudness", False)},
    {("instrumentalness", False), ("speechiness", False)},
)
"""Pairs of features with similar meanings, such as high energy and high loudness; written like ``_CONTRADICTIONS``.

A description names only one of a pair. It names both if one would be the only phrase: "energetic, loud".
"""
_RIGHT_SKEWED = ("liveness", "speechiness", "instrumentalness")
"""Features with right-skewed values: most tracks lie somewhat below the mean, and a few far above it.

So a slightly low mean says little about a cluster.
"""
_N_NEAREST = 2
Deviations = Mapping[str, float]


def describe_clusters(deviations: Sequence[Deviations], kinds: Sequence[str] = ()) -> list[str]:
    """Return a description for every cluster, in the order of ``deviations``.

    Parameters
    ----------
    deviations : one mapping per cluster
        From feature name to the cluster's mean minus the mean of all tracks, in standard deviations of all tracks.
        A feature without known values is absent.
    kinds : one text per cluster, optional
        The cluster's typical decade, genre or both, such as "80s rock"; "" if it has none. This text is the first
        phrase of the description.

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
    """Return the names of a cluster's features, the most distinctive first.

    ``index`` is the position of the cluster in ``deviations``. A feature is left out if its deviation is 0, or if it
    contradicts or repeats a more distinctive feature. High bpm of a calm cluster is left out too. Features with
    deviations too small for a description come last.
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
    """Return whether a feature deviates enough to be named in a description.

    The absolute deviation must be at least ``NOTABLE`` if the feature is in ``_RIGHT_SKEWED`` and the deviation is
    negative, else at least ``SLIGHT``.
    """
    return abs(deviation) >= (NOTABLE if deviation < 0 and name in _RIGHT_SKEWED else SLIGHT)


def _related(own: Deviations, name: str, names: Sequence[str], pairs: Sequence[set[tuple[str, bool]]]) -> bool:
    """Return whether the feature ``name`` forms one of the ``pairs`` with any of the features ``names``.

    ``pairs`` are ``_CONTRADICTIONS`` or ``_REPETITIONS``. ``own`` has the deviations of one cluster; a feature with a
    positive deviation is high. With ``{"energy": -1.0, "bpm": 0.5}``, for example, energy and bpm form the pair of low
    energy and high bpm.
    """
    return any({(name, own[name] > 0), (other, own[other] > 0)} in pairs for other in names)


def _distance(first: Deviations, second: Deviations) -> float:
    """Return the squared Euclidean distance of two clusters' deviations, rounded. An absent feature counts as 0."""
    names = sorted({*first, *second})
    return round(sum((first.get(name, 0.0) - second.get(name, 0.0)) ** 2 for name in names), 9)


def _describe(deviations: Deviations, names: Sequence[str], kind: str) -> str:
    """Return the description of one cluster, such as "80s rock, very fast, cheerful".

    The first phrase is ``kind``: a decade, genre or both (here "80s rock"), or "" for none. A phrase for each of the
    features ``names`` follows. A single phrase gets a second one from ``_second_phrase``. Without any phrase, the
    description is "mid-tempo, otherwise average", or "average in every respect" if ``deviations`` lacks bpm.
    """
    phrases = [kind] if kind else []
    phrases += [_phrase(name, deviations[name]) for name in names]
    if not phrases:
        return AVERAGE if "bpm" not in deviations else f"{MID_TEMPO}, {OTHERWISE_AVERAGE}"
    if len(phrases) == 1:
        phrases.append(_second_phrase(deviations, names))
    return ", ".join(phrases)


def _second_phrase(deviations: Deviations, names: Sequence[str]) -> str:
    """Return a second phrase for a description with only one, such as "mid-tempo" or "otherwise average".

    The rules are in the module's docstring. ``names`` has the feature of the first phrase, or is empty if the first
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
    """Return the phrase for a feature and its deviation: ``("bpm", -0.3) -> "fairly slow"``.

    For example, larger deviations of bpm give "slow" (-1.0) and "very slow" (-2.0).
    """
    strength = sum(abs(deviation) >= limit for limit in (NOTABLE, EXTREME))
    return PHRASES[name][deviation < 0][strength]
