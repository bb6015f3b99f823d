"""Sum points by their nearest centre for several K-means at once, in sums that are exact.

Points and centres lie on a grid of multiples of 2^-bits in [-1, 1]. Then |c|^2 - 2 x.c, which alone decides the nearest
centre, fits into the 53 bits of a float64 in whatever order its terms are added, and so do counts and sums of
coordinates. Labels and new centres therefore depend neither on partitions or batches nor on the processor. Sums of
squares are rounded; only scores use them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MANTISSA = 53
MAX_BITS = 24
"""A float32 holds multiples of 2^-24 in [-1, 1]."""
_ELEMENTS = 1 << 18
"""Distances computed at a time: 2 MB, which a core's cache holds."""
_MIN_POINTS = 128
_MAX_EXPONENT = 500
_MAX_CENTRES = 128
"""Most centres in a product, unless a single set has more. More centres leave fewer points for a product, so that more
products are needed."""


def grid_bits(n_features: int) -> int:
    """Return the bits of a grid with exact labels: 24 up to 10 features, 23 up to 42, 22 up to 170.

    No partial sum of |c|^2 - 2 x.c exceeds 3 n_features, and its terms are multiples of 2^(-2 bits).
    """
    return min(MAX_BITS, (MANTISSA - (3 * n_features - 1).bit_length()) // 2)


def max_points(n_features: int) -> int:
    """Return the most points of a cluster whose sums of coordinates are exact: 2^29 up to 10 features."""
    return 1 << (MANTISSA - grid_bits(n_features))


def exponent(max_abs: float) -> int:
    """Return the power of two that scales the largest absolute value into (1/2, 1], or 0 if that value is 0."""
    fraction, power = np.frexp(max_abs)
    # larger powers would be infinite as floats; values that small need no exact scale
    return min(_MAX_EXPONENT, int(fraction == 0.5) - int(power))


def round_to_grid(values: Matrix, bits: int) -> Matrix:
    """Return values in [-1, 1] rounded to multiples of 2^-bits, halves to even."""
    # adding 0.0 replaces -0.0, which would make equal points differ in their bytes
    return np.ldexp(np.rint(np.ldexp(values, bits)), -bits) + 0.0


@dataclass(frozen=True, slots=True)
class Points:
    """Weighted points in the two forms that matrix products need."""

    columns: Matrix
    """Shape (n_features + 1, n_points): the coordinates, and a last row of ones."""
    moments: Matrix
    """Shape (n_points, n_features + 2): weighted coordinates, weights, weighted squared lengths."""

    @classmethod
    def of(cls, rows: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> "Points":
        """Make Points from rows of shape (n_points, n_features) and whole-number weights, 1 each by default."""
        n, d = rows.shape
        columns = np.empty((d + 1, n))
        columns[:d] = rows.T
        columns[d] = 1.0
        moments = np.empty((n, d + 2))
        moments[:, :d] = rows
        moments[:, d] = 1.0
        moments[:, d + 1] = np.einsum("ij,ij->i", moments[:, :d], moments[:, :d])
        if weights is not None:
            moments *= weights[:, None]
        return cls(columns, moments)

    def __len__(self) -> int:
        return int(self.columns.shape[1])

    @property
    def n_features(self) -> int:
        """Number of coordinates of a point."""
        return len(self.columns) - 1

    @property
    def rows(self) -> Matrix:
        """Unweighted points, shape (n_points, n_features)."""
        return self.columns[:-1].T

    @property
    def weights(self) -> Matrix:
        """Weight of each point, shape (n_points,)."""
        return self.moments[:, -2]


def distance_form(centres: Matrix) -> Matrix:
    """Return the rows [-2 c, |c|^2], shape (k, n_features + 1), which times (x, 1) give |x - c|^2 - |x|^2."""
    return np.concatenate([-2 * centres, np.einsum("ij,ij->i", centres, centres)[:, None]], axis=1)


def centre_sums(points: Points, centre_sets: Sequence[Matrix]) -> list[Matrix]:
    """Sum the points nearest to each centre, for several sets of centres. O(n d) for each centre.

    Parameters
    ----------
    points : on the grid
    centre_sets : arrays of shape (k, n_features), on the grid, the centres of one set all different

    Returns
    -------
    list of arrays of shape (k, n_features + 2)
        For each centre the sum of its points, their number, and the sum of their squared lengths. A point between
        centres at the same distance belongs to the one with the lowest index.
    """
    sums: list[Matrix] = []
    for group in _groups(centre_sets):
        sums += _group_sums(points, group)
    return sums


def _groups(centre_sets: Sequence[Matrix]) -> list[list[Matrix]]:
    """Return the sets in groups that share a product, each of ``_MAX_CENTRES`` centres at most or of one set."""
    groups: list[list[Matrix]] = []
    room = 0
    for centres in centre_sets:
        if len(centres) > room or not groups:
            groups.append([])
            room = _MAX_CENTRES
        groups[-1].append(centres)
        room -= len(centres)
    return groups


def _group_sums(points: Points, centre_sets: Sequence[Matrix]) -> list[Matrix]:
    bounds = np.cumsum([0, *map(len, centre_sets)])
    forms = np.concatenate([distance_form(centres) for centres in centre_sets])
    size = max(_MIN_POINTS, min(len(points), _ELEMENTS // len(forms)))
    # a row per centre, a column per point: the minimum over centres then runs along contiguous rows
    distances, minima = np.empty((len(forms), size)), np.empty(size)
    sums = np.zeros((len(forms), points.n_features + 2))
    for begin in range(0, len(points), size):
        end = min(begin + size, len(points))
        part, minimum = distances[:, : end - begin], minima[: end - begin]
        np.matmul(forms, points.columns[:, begin:end], out=part)
        n_nearest = 0  # over all sets
        for a, b in pairwise(bounds):
            of_set = part[a:b]
            np.min(of_set, axis=0, out=minimum)
            is_nearest = of_set == minimum
            n_nearest += int(np.count_nonzero(is_nearest))
            of_set[:] = is_nearest
        if n_nearest > len(centre_sets) * len(minimum):
            _break_ties(part, bounds)
        sums += part @ points.moments[begin:end]
    return np.split(sums, bounds[1:-1])


def _break_ties(is_nearest: Matrix, bounds: NDArray[np.int64]) -> None:
    """Leave one 1 per point and set, that of the lowest centre. Changes ``is_nearest`` in place."""
    for a, b in pairwise(bounds):
        of_set = is_nearest[a:b]
        tied = np.flatnonzero(of_set.sum(axis=0) > 1)
        first = of_set[:, tied].argmax(axis=0)
        of_set[:, tied] = 0.0
        of_set[first, tied] = 1.0


def square_parts(rows: Matrix, bits: int) -> tuple[float, float]:
    """Return the sum of the squared lengths of points on the grid as two exact summands, coarse and fine."""
    squares = np.einsum("ij,ij->i", rows, rows)
    coarse = np.ldexp(np.rint(np.ldexp(squares, bits)), -bits)
    return float(coarse.sum()), float((squares - coarse).sum())


def column_argmin(values: Matrix) -> NDArray[np.int64]:
    """Return the row of each column's minimum, the lowest of equals: ``argmin(axis=0)`` at several times its speed."""
    is_minimum = values == values.min(axis=0)
    if np.count_nonzero(is_minimum) > values.shape[1]:
        indices: NDArray[np.int64] = values.argmin(axis=0)
    else:
        indices = (np.arange(float(len(values))) @ is_minimum).astype(np.int64)
    return indices


def labels(points: Points, centres: Matrix) -> NDArray[np.int64]:
    """Return the index of each point's nearest centre, the lowest of equals, shape (n_points,)."""
    return column_argmin(distance_form(centres) @ points.columns)


def updated_centres(sums: Matrix, centres: Matrix, bits: int) -> Matrix:
    """Return the mean of each centre's points on the grid; a centre without points keeps its position.

    Parameters
    ----------
    sums : result of ``centre_sums`` for ``centres``, shape (k, n_features + 2)
    centres : shape (k, n_features)
    bits : of the grid
    """
    counts = sums[:, -2]
    means = sums[:, :-2] / np.maximum(counts, 1.0)[:, None]
    return np.where(counts[:, None] > 0, round_to_grid(means, bits), centres)
