"""Name the features in which two similar tracks agree, and differ from most other tracks.

Every feature of a track has a rank: the share of all tracks with lower values, plus half of those with the same value.
A feature is distinctive for a pair of tracks if both ranks are in the upper third, or both in the lower third. Its tail
is the share of tracks from the less extreme rank outwards: 0.2 for the ranks 0.9 and 0.8, 0.1 for 0.02 and 0.1. A
feature with a smaller tail is more distinctive.

Up to three features are named. The first two are the most distinctive ones. If fewer than two are distinctive, the
features with the smallest difference of ranks follow. The third is the remaining feature with the smallest difference
of ranks, if this is at most a twentieth. With ``Rules.harmonic``, the musical key (``KEY``) comes last.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segue.clustering.descriptions import WORDS
from segue.core.text import enumerate_words
from segue.schema import NUMBERS, POPULARITY
from segue.similarity.keys import UNKNOWN, camelot, key_code, key_name

HIGHEST_RANK = 65_535
"""The integer for the rank 1.0. Ranks are stored as integers, so that their differences are exact."""
_THIRD = HIGHEST_RANK // 3
_TWENTIETH = HIGHEST_RANK // 20
_USED = 3 * HIGHEST_RANK
"""Sort key of a feature already named, higher than all other sort keys."""
MAX_REASONS = 3
KEY = "key"
"""Name of the reason "both tracks are in the same musical key, or in compatible ones"."""
NO_REASON = -1
"""Pads the reasons of a pair with fewer than ``MAX_REASONS``."""


def as_ranks(shares: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Convert shares in [0, 1] to integer ranks from 0 to ``HIGHEST_RANK``, a uint16 array of the same shape."""
    return np.round(shares * HIGHEST_RANK).astype(np.uint16)


def distinctive_features(first: NDArray[np.uint16], second: NDArray[np.uint16]) -> NDArray[np.int8]:
    """Return up to three shared features of each pair of tracks, by the rules of the module. O(n_pairs n_features).

    Parameters
    ----------
    first, second : arrays of shape (..., n_features)
        Ranks (``as_ranks``) of the two tracks of each pair; the shapes broadcast.

    Returns
    -------
    array of int8, shape (..., 3)
        Indices of features, the most distinctive first, padded with ``NO_REASON`` (-1).

    >>> first, second = as_ranks(np.array([[0.9, 0.1, 0.5], [0.8, 0.9, 0.45]]))
    >>> distinctive_features(first, second)
    array([ 0,  2, -1], dtype=int8)
    """
    first, second = first.astype(np.int32), second.astype(np.int32)
    # the smaller one of the upper and the lower tail
    tail = np.minimum(HIGHEST_RANK - np.minimum(first, second), np.maximum(first, second))
    between = np.abs(first - second)
    # adding HIGHEST_RANK sorts features that are not distinctive behind the others
    sort_key = np.where(tail <= _THIRD, tail, HIGHEST_RANK + between)
    reasons = np.full((*sort_key.shape[:-1], MAX_REASONS), NO_REASON, dtype=np.int8)
    for position in range(min(MAX_REASONS, sort_key.shape[-1])):
        is_last = position == MAX_REASONS - 1
        sort_key = between if is_last else sort_key
        feature = sort_key.argmin(axis=-1)[..., None]
        value = np.take_along_axis(sort_key, feature, axis=-1)[..., 0]
        reasons[..., position] = np.where((not is_last) | (value <= _TWENTIETH), feature[..., 0], NO_REASON)
        for values in (sort_key, between):
            np.put_along_axis(values, feature, _USED, axis=-1)
    return reasons


_STEPS = {"beats per minute": (1.0, "{} BPM"), "dB": (0.1, "{} dB"), "seconds": (1.0, "{} s")} | {
    POPULARITY.unit: (1.0, "{} in popularity")
}
"""Step and format of a difference, by unit of the feature: 0.14 dB is rounded up to a multiple of 0.1, "0.2 dB"."""
_WORDS = WORDS | {"popularity": ("popular", "little known")}
"""Two words per feature: for values in the upper third of all tracks, and for values in the lower third."""
_PARTS_OF_DECADE = ("early", "early", "early", "early", "mid", "mid", "mid", "late", "late", "late")
"""The part of the decade, by the last digit of a year."""
_FRACTION_STEP = 0.01
_UNITS = {feature.name: feature.unit for feature in NUMBERS}
Values = Mapping[str, float | None]


def describe_reasons(
    why: Sequence[str], first: Values, second: Values, thirds: Mapping[str, tuple[float, float]]
) -> str:
    """Describe in a phrase the features shared by two tracks: "both calm, within 2 BPM"; "" if there are none.

    Parameters
    ----------
    why : sequence of str
        Names of the shared features, the most distinctive first, and ``KEY`` for the musical key.
    first, second : mapping of str to float or None
        Feature values of the two tracks, in the features' units; for the reason ``KEY`` also ``key`` and ``mode``. The
        phrase leaves out features without a value.
    thirds : mapping of str to (float, float)
        The 1/3 and 2/3 quantiles of each feature over all tracks; not needed for ``year`` and ``KEY``.

    >>> thirds = {"acousticness": (0.1, 0.6), "energy": (0.4, 0.8), "bpm": (100.0, 130.0)}
    >>> first, second = ({"acousticness": 0.9, "energy": 0.2, "bpm": bpm} for bpm in (118.0, 119.6))
    >>> describe_reasons(["acousticness", "energy", "bpm"], first, second, thirds)
    'both acoustic and calm, within 2 BPM'
    >>> describe_reasons(["energy", "year"], first | {"year": 1981}, second | {"year": 1983}, thirds)
    'both calm, both from the early 1980s'
    >>> describe_reasons(["key"], {"key": 9, "mode": 0}, {"key": 4, "mode": 0}, {})
    'keys 8A and 9A'
    """
    adjectives, differences, years = [], [], []
    keys = _describe_keys(first, second) if KEY in why else []
    for name in why:
        a, b = first.get(name), second.get(name)
        if a is None or b is None or name == KEY:
            continue
        if name == "year":
            years.append(_describe_years(int(a), int(b)))
            continue
        low, high = thirds[name]
        if min(a, b) >= high > low:
            adjectives.append(_WORDS[name][0])
        elif max(a, b) <= low < high:
            adjectives.append(_WORDS[name][1])
        else:
            differences.append(_describe_difference(name, abs(a - b)))
    both = [f"both {enumerate_words(adjectives)}"] if adjectives else []
    return ", ".join(both + years + differences + keys)


def _describe_keys(first: Values, second: Values) -> list[str]:
    """Return a list of one text with the musical keys of two tracks: ["both in A minor (8A)"]; [] if one is unknown."""
    a, b = (key_code(track.get("key"), track.get("mode")) for track in (first, second))
    if UNKNOWN in (a, b):
        return []
    return [f"both in {key_name(a)}" if a == b else f"keys {camelot(a)} and {camelot(b)}"]


def _describe_years(first: int, second: int) -> str:
    """Return two years of release in words, such as "both from the early 1980s" or "2 years apart"."""
    difference = abs(first - second)
    if difference == 0:
        return f"both from {first}"
    if first // 10 == second // 10:
        parts = {_PARTS_OF_DECADE[year % 10] for year in (first, second)}
        part = f"{parts.pop()} " if len(parts) == 1 else ""
        return f"both from the {part}{first // 10 * 10}s"
    return f"{difference} year{'s' if difference > 1 else ''} apart"


def _describe_difference(name: str, difference: float) -> str:
    """Return the difference of two values of the feature ``name`` in words, such as "within 2 BPM".

    The difference is rounded up to a multiple of 1 BPM, 0.1 dB, 1 s or 0.01 (popularity: 1); 0 BPM is "the same BPM".
    """
    step, text = _STEPS.get(_UNITS[name], (_FRACTION_STEP, f"{{}} in {name}"))
    steps = math.ceil(round(difference / step, 6))
    if steps == 0:
        return "the same " + {"bpm": "BPM", "duration_s": "length"}.get(name, name)
    return "within " + text.format(f"{steps * step:.12g}")
