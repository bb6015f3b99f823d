"""Which features make a pair of tracks alike and set it apart from most tracks; no Spark here.

Every feature of a track has a rank: the share of all tracks that have less of it. A feature sets a pair apart when
both tracks lie in the same outer third, above two thirds of all tracks or below; the smaller the share of tracks that
go as far out as the more moderate of the two, the more it does. At most three such features are named, the most
telling first. Where there are fewer than two, those join in which fewest tracks lie between the pair, until
two are named.
"""

import numpy as np
from numpy.typing import NDArray

PARTS = 65_535
"""Ranks are whole numbers of so many parts, so that equal ones are equal from either end."""
_THIRD = PARTS // 3
FEWEST, MOST = 2, 3
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
    outer = tail <= _THIRD
    # features that set apart come before those that do not, whatever lies between
    order = np.argsort(np.where(outer, tail, PARTS + between), axis=-1, kind="stable")[..., :MOST].astype(np.int8)
    named = np.clip(outer.sum(axis=-1), FEWEST, MOST)
    told = np.full((*order.shape[:-1], MOST), NONE, dtype=np.int8)
    width = order.shape[-1]
    told[..., :width] = np.where(np.arange(width) < named[..., None], order, NONE)
    return told
