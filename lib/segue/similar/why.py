"""Which features make a pair of tracks alike and set it apart from most tracks; no Spark here.

Every feature of a track has a rank: the share of all tracks that have less of it. A feature sets a pair apart when
both tracks lie in the same outer third, above two thirds of all tracks or below; the smaller the share of tracks that
go as far out as the more moderate of the two, the more it does. The two that do so most are named. Where there are
fewer, those join in which fewest tracks lie between the pair, until two are named; and the next such feature is the
third, where no more than a twentieth of all tracks lie between.
"""

import numpy as np
from numpy.typing import NDArray

PARTS = 65_535
"""Ranks are whole numbers of so many parts, so that equal ones are equal from either end."""
_THIRD = PARTS // 3
_TWENTIETH = PARTS // 20
MOST = 3
_NEVER = 3 * PARTS
NONE = -1


def as_ranks(shares: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return shares from 0 to 1 as ranks, in two bytes each."""
    return np.round(shares * PARTS).astype(np.uint16)


def telling_features(one: NDArray[np.uint16], other: NDArray[np.uint16]) -> NDArray[np.int8]:
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
    told = np.full((*value.shape[:-1], MOST), NONE, dtype=np.int8)
    for place in range(min(MOST, value.shape[-1])):
        value = between if place == MOST - 1 else value
        named = value.argmin(axis=-1)[..., None]
        near = np.take_along_axis(value, named, axis=-1)[..., 0]
        told[..., place] = np.where((place < MOST - 1) | (near <= _TWENTIETH), named[..., 0], NONE)
        for taken in (value, between):
            np.put_along_axis(taken, named, _NEVER, axis=-1)
    return told
