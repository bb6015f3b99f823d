"""Neighbours by one k-d tree that every worker has whole: the fastest way while it fits."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segue.similarity.reasons import MAX_REASONS, NO_REASON

SIMILAR = "array<struct<track_id: string, distance: double, same_cluster: boolean, why: array<string>>>"
ROWS = f"track_id string, similar {SIMILAR}"
Bytes = NDArray[np.int8]


def similar_column(
    lengths: NDArray[np.int64],
    ids: pa.Array,
    distance: NDArray[np.float64],
    same_cluster: NDArray[np.bool_],
    why: Bytes,
    features: Sequence[str],
) -> pa.Array:
    """Return lists as Arrow has them.

    Parameters
    ----------
    lengths : of every list
    ids, distance, same_cluster : of all neighbours, one list behind the other
    why : indices of features, -1 behind the last, shape (n_neighbours, 3)
    features : their names
    """
    named = why != NO_REASON
    names = pa.array(features, pa.string()).take(pa.array(why[named].astype(np.int64)))
    reasons = pa.ListArray.from_arrays(_offsets(named.sum(axis=1)), names)
    neighbours = pa.StructArray.from_arrays(
        [ids, pa.array(distance), pa.array(same_cluster), reasons],
        names=["track_id", "distance", "same_cluster", "why"],
    )
    return pa.ListArray.from_arrays(_offsets(lengths), neighbours)


def pack_reasons(why: Bytes) -> NDArray[np.int64]:
    """Return three indices as one number, to be carried about."""
    return ((why.astype(np.int64) + 1) << (8 * np.arange(MAX_REASONS))).sum(axis=1)


def unpack_reasons(numbers: NDArray[np.int64]) -> Bytes:
    """Return the three indices of every number."""
    return (((numbers[:, None] >> (8 * np.arange(MAX_REASONS))) & 0xFF) - 1).astype(np.int8)


def _offsets(lengths: NDArray[np.int64]) -> pa.Array:
    return pa.array(np.r_[0, np.cumsum(lengths)].astype(np.int32))
