"""Why two tracks are alike, in words; no Spark here.

Where both lie in the same outer third of all tracks the feature has a word ("both acoustic and calm"); where they do
not, they are called as near to each other as they are ("within 2 BPM").
"""

import math
from collections.abc import Mapping, Sequence

from segue.clustering.words import WORDS
from segue.schema import FEATURES

_STEPS = {"beats per minute": (1.0, "{} BPM"), "dB": (0.1, "{} dB"), "seconds": (1.0, "{} s")}
_FRACTION_STEP = 0.01
_UNITS = {feature.name: feature.unit for feature in FEATURES}

Values = Mapping[str, float | None]


def worded(why: Sequence[str], one: Values, other: Values, thirds: Mapping[str, tuple[float, float]]) -> str:
    """Return the whys of a pair as one phrase.

    Parameters
    ----------
    why : features, the most telling first
    one, other : the pair's features in their units; None where a track lacks one
    thirds : for each feature what a third of all tracks lie below, and a third above

    >>> thirds = {"acousticness": (0.1, 0.6), "energy": (0.4, 0.8), "bpm": (100.0, 130.0)}
    >>> one, other = ({"acousticness": 0.9, "energy": 0.2, "bpm": x} for x in (118.0, 119.6))
    >>> worded(["acousticness", "energy", "bpm"], one, other, thirds)
    'both acoustic and calm, within 2 BPM'
    """
    words, gaps = [], []
    for name in why:
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            continue
        low, high = thirds[name]
        if min(a, b) >= high > low:
            words.append(WORDS[name][0])
        elif max(a, b) <= low < high:
            words.append(WORDS[name][1])
        else:
            gaps.append(_gap(name, abs(a - b)))
    told = [f"both {_joined(words)}"] if words else []
    return ", ".join(told + gaps)


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _gap(name: str, gap: float) -> str:
    """Return how near two values are, rounded up, so that it is never more than is said."""
    step, text = _STEPS.get(_UNITS[name], (_FRACTION_STEP, f"{{}} in {name}"))
    steps = math.ceil(round(gap / step, 6))
    if steps == 0:
        return "the same " + {"bpm": "BPM", "duration_s": "length"}.get(name, name)
    return "within " + text.format(f"{steps * step:.12g}")
