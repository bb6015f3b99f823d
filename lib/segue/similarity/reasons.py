"""Which features make a pair of tracks alike and set it apart from most tracks; no Spark here.

Every feature of a track has a rank: the share of all tracks that have less of it. A feature sets a pair apart when
both tracks lie in the same outer third, above two thirds of all tracks or below; the smaller the share of tracks that
go as far out as the more moderate of the two, the more it does. The two that do so most are named. Where there are
fewer, those join in which fewest tracks lie between the pair, until two are named; and the next such feature is the
third, where no more than a twentieth of all tracks lie between.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segue.clustering.descriptions import WORDS
from segue.schema import FEATURES

PARTS = 65_535
"""Ranks are whole numbers of so many parts, so that equal ones are equal from either end."""
_THIRD = PARTS // 3
_TWENTIETH = PARTS // 20
MAX_REASONS = 3
_NEVER = 3 * PARTS
NO_REASON = -1


def as_ranks(shares: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return shares from 0 to 1 as ranks, in two bytes each."""
    return np.round(shares * PARTS).astype(np.uint16)


def distinctive_features(one: NDArray[np.uint16], other: NDArray[np.uint16]) -> NDArray[np.int8]:
    """Return the features to name for pairs of tracks.

    Parameters
    ----------
    one, other : ranks of the pairs' tracks, 0 to 65535, shape (…, n_features); they broadcast

    Returns
    -------
    Indices of features, the most telling first, shape (…, 3); behind the last comes -1.

    >>> telling_features(as_ranks(np.array([0.9, 0.1, 0.5])), as_ranks(np.array([0.8, 0.9, 0.45])))
    array([ 0,  2, -1], dtype=int8)
    """
    one, other = one.astype(np.int32), other.astype(np.int32)
    # the share of tracks that go at least as far out as the more moderate of the two, on their common side
    tail = np.minimum(PARTS - np.minimum(one, other), np.maximum(one, other))
    between = np.abs(one - other)
    # features that set apart come before those that do not, whatever lies between
    value = np.where(tail <= _THIRD, tail, PARTS + between)
    told = np.full((*value.shape[:-1], MAX_REASONS), NO_REASON, dtype=np.int8)
    for place in range(min(MAX_REASONS, value.shape[-1])):
        value = between if place == MAX_REASONS - 1 else value
        named = value.argmin(axis=-1)[..., None]
        near = np.take_along_axis(value, named, axis=-1)[..., 0]
        told[..., place] = np.where((place < MAX_REASONS - 1) | (near <= _TWENTIETH), named[..., 0], NO_REASON)
        for taken in (value, between):
            np.put_along_axis(taken, named, _NEVER, axis=-1)
    return told


_STEPS = {"beats per minute": (1.0, "{} BPM"), "dB": (0.1, "{} dB"), "seconds": (1.0, "{} s")}
_FRACTION_STEP = 0.01
_UNITS = {feature.name: feature.unit for feature in FEATURES}
Values = Mapping[str, float | None]


def describe_reasons(why: Sequence[str], one: Values, other: Values, thirds: Mapping[str, tuple[float, float]]) -> str:
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
