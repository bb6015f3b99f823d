"""Sum points by their nearest centre, for several sets of centres at once.

Points x and centres c are in fixed point: rounded to multiples of 2^-bits in [-1, 1]. The nearest centre is the centre
with the lowest |c|^2 - 2 x.c. This number fits exactly into the 53 bits of a float64, in whatever order its terms are
added; so do the number of a centre's points and the sums of their coordinates. Labels and new centres therefore have
the same bits for any partitions, batches and processors. Sums of squares are rounded; only scores use them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MANTISSA = 53
MAX_BITS = 24
"""Maximum number of fractional bits: a float32 holds every multiple of 2^-24 in [-1, 1] exactly."""
_ELEMENTS = 1 << 18
"""Number of distances computed at a time: they take 2 MB, which a core's cache holds."""
_MIN_POINTS = 128
"""Minimum number of points in a matrix product."""
_MAX_EXPONENT = 500
_MAX_CENTRES = 128
"""Maximum number of centres in a matrix product, unless one set alone has more. With more centres, a product of the
same size has fewer points, so that more products are needed."""


def fixed_point_bits(n_features: int) -> int:
    """Return the number of fractional bits of points: the maximum, up to 24, with which |c|^2 - 2 x.c is exact.

    It is 24 up to 10 features, 23 up to 42 and 22 up to 170. No partial sum of |c|^2 - 2 x.c exceeds 3 n_features, and
    its terms are multiples of 2^(-2 bits), so that it fits into the 53 bits of a float64.
    """
    return min(MAX_BITS, (MANTISSA - (3 * n_features - 1).bit_length()) // 2)


def max_points(n_features: int) -> int:
    """Return the maximum size of a cluster whose sums of coordinates are exact: 2^29 points for up to 10 features.

    With more features it is larger, since coordinates then have fewer of the 53 bits that a sum may have.
    """
    return 1 << (MANTISSA - fixed_point_bits(n_features))


def exponent(max_abs: float) -> int:
    """Return the integer e with ``max_abs`` * 2^e in (1/2, 1], or 500 if e would be larger; 0 if ``max_abs`` is 0."""
    fraction, power = np.frexp(max_abs)
    # larger powers would be infinite as floats; values that small need no exact scale
    return min(_MAX_EXPONENT, int(fraction == 0.5) - int(power))


def round_to_fixed_point(values: Matrix, bits: int) -> Matrix:
    """Round values in [-1, 1] to multiples of 2^-bits, ties to even; return an array of the same shape."""
    # adding 0.0 replaces -0.0, which would make equal points differ in their bytes
    return np.ldexp(np.rint(np.ldexp(values, bits)), -bits) + 0.0


@dataclass(frozen=True, slots=True)
class Points:
    """Points with weights, stored as columns and as rows: the two layouts that matrix products need."""

    homogeneous_columns: Matrix
    """Shape (n_features + 1, n_points): the coordinates, and a last row of ones."""
    weighted_rows: Matrix
    """Shape (n_points, n_features + 2): weighted coordinates, weights, weighted squared lengths."""

    @classmethod
    def of(cls, rows: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> "Points":
        """Return Points made from rows of shape (n_points, n_features) and whole-number weights, by default 1 each."""
        n, d = rows.shape
        homogeneous_columns = np.empty((d + 1, n))
        homogeneous_columns[:d] = rows.T
        homogeneous_columns[d] = 1.0
        weighted_rows = np.empty((n, d + 2))
        weighted_rows[:, :d] = rows
        weighted_rows[:, d] = 1.0
        weighted_rows[:, d + 1] = np.einsum("ij,ij->i", weighted_rows[:, :d], weighted_rows[:, :d])
        if weights is not None:
            weighted_rows *= weights[:, None]
        return cls(homogeneous_columns, weighted_rows)

    def __len__(self) -> int:
        return int(self.homogeneous_columns.shape[1])

    @property
    def n_features(self) -> int:
        """Number of coordinates of a point."""
        return len(self.homogeneous_columns) - 1

    @property
    def rows(self) -> Matrix:
        """Unweighted points, shape (n_points, n_features)."""
        return self.homogeneous_columns[:-1].T

    @property
    def weights(self) -> Matrix:
        """Weight of each point, shape (n_points,)."""
        return self.weighted_rows[:, -2]


def distance_coefficients(centres: Matrix) -> Matrix:
    """Return an array of shape (k, n_features + 1), with a row [-2 c, |c|^2] for each centre c.

    The product of such a row with (x, 1) is |x - c|^2 - |x|^2.
    """
    return np.concatenate([-2 * centres, np.einsum("ij,ij->i", centres, centres)[:, None]], axis=1)


def centre_sums(points: Points, centre_sets: Sequence[Matrix]) -> list[Matrix]:
    """Sum the points nearest to each centre, for several sets of centres. O(n d) for each centre.

    Parameters
    ----------
    points : in [-1, 1]; sums are exact if the points are in fixed point (rounded to multiples of 2^-bits)
    centre_sets : arrays of shape (k, n_features), in fixed point; the centres of a set are all different

    Returns
    -------
    list of arrays of shape (k, n_features + 2)
        For each centre the sum of its points, the number of these points, and the sum of their squared lengths, all
        weighted. A point at equal distances from several centres belongs to the centre with the lowest index.
    """
    sums: list[Matrix] = []
    for group in _groups(centre_sets):
        sums += _group_sums(points, group)
    return sums


def _groups(centre_sets: Sequence[Matrix]) -> list[list[Matrix]]:
    """Divide sets of centres into groups, each for one matrix product, in the same order.

    The sets of a group have up to ``_MAX_CENTRES`` centres together, or the group is one set with more centres.
    """
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
    """Do what ``centre_sums`` does, with one matrix product for all sets per batch of points."""
    bounds = np.cumsum([0, *map(len, centre_sets)])
    coefficients = np.concatenate([distance_coefficients(centres) for centres in centre_sets])
    size = max(_MIN_POINTS, min(len(points), _ELEMENTS // len(coefficients)))
    # a row per centre, a column per point: the minimum over centres then runs along contiguous rows
    distances, minima = np.empty((len(coefficients), size)), np.empty(size)
    sums = np.zeros((len(coefficients), points.n_features + 2))
    for begin in range(0, len(points), size):
        end = min(begin + size, len(points))
        part, minimum = distances[:, : end - begin], minima[: end - begin]
        np.matmul(coefficients, points.homogeneous_columns[:, begin:end], out=part)
        n_nearest = 0  # over all sets
        for a, b in pairwise(bounds):
            set_part = part[a:b]
            np.min(set_part, axis=0, out=minimum)
            is_nearest = set_part == minimum
            n_nearest += int(np.count_nonzero(is_nearest))
            set_part[:] = is_nearest
        if n_nearest > len(centre_sets) * len(minimum):
            _break_ties(part, bounds)
        sums += part @ points.weighted_rows[begin:end]
    return np.split(sums, bounds[1:-1])


def _break_ties(is_nearest: Matrix, bounds: NDArray[np.int64]) -> None:
    """Within each set, keep only the first of several centres that are equally near to a point. Changes ``is_nearest``.

    Parameters
    ----------
    is_nearest : 1 where a centre (row) is nearest to a point (column) within its set, else 0
    bounds : index of the first row of each set, and at the end the number of rows
    """
    for a, b in pairwise(bounds):
        set_part = is_nearest[a:b]
        tied = np.flatnonzero(set_part.sum(axis=0) > 1)
        first = set_part[:, tied].argmax(axis=0)
        set_part[:, tied] = 0.0
        set_part[first, tied] = 1.0


def square_parts(rows: Matrix, bits: int) -> tuple[float, float]:
    """Return the sum of the squared lengths of points in fixed point, as two numbers to be added: coarse and fine part.

    Each part is exact for any order of the points; the total may need more bits than a float64 has.
    """
    squares = np.einsum("ij,ij->i", rows, rows)
    coarse = np.ldexp(np.rint(np.ldexp(squares, bits)), -bits)
    return float(coarse.sum()), float((squares - coarse).sum())


def column_argmin(values: Matrix) -> NDArray[np.int64]:
    """Return the row index of each column's minimum, on a tie the lowest: a faster ``values.argmin(axis=0)``."""
    is_minimum = values == values.min(axis=0)
    if np.count_nonzero(is_minimum) > values.shape[1]:
        indices: NDArray[np.int64] = values.argmin(axis=0)
    else:
        indices = (np.arange(float(len(values))) @ is_minimum).astype(np.int64)
    return indices


def labels(points: Points, centres: Matrix) -> NDArray[np.int64]:
    """Return an array of shape (n_points,): the index of each point's nearest centre, on a tie the lowest index."""
    return column_argmin(distance_coefficients(centres) @ points.homogeneous_columns)


def updated_centres(sums: Matrix, centres: Matrix, bits: int) -> Matrix:
    """Return the mean of each centre's points, rounded to fixed point; a centre without points stays unchanged.

    Parameters
    ----------
    sums : result of ``centre_sums`` for ``centres``, shape (k, n_features + 2)
    centres : shape (k, n_features)
    bits : fractional bits of the result

    Returns
    -------
    array of shape (k, n_features)
    """
    counts = sums[:, -2]
    means = sums[:, :-2] / np.maximum(counts, 1.0)[:, None]
    return np.where(counts[:, None] > 0, round_to_fixed_point(means, bits), centres)
