"""Find the nearest centre of each point, and sum the points of each centre, for several sets of centres at once.

Points x and centres c are in fixed point: their coordinates are multiples of 2^-bits in [-1, 1]. The nearest centre of
x has the lowest |c|^2 - 2 x.c. This number is exact: added in any order, every partial sum fits into the 53 bits of a
float64. For the same reason, the number of a centre's points and the sums of their coordinates are exact, for up to
``max_points`` points per centre. So labels and new centres have the same bits for any partitions, batches and
processors. Sums of squared lengths are rounded; only scores use them. Points that are not in fixed point are accepted
too (``LocalPoints.centre_sums``): their sums are rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MANTISSA = 53
"""Number of bits of the significand of a float64: integers of up to 53 bits are exact."""
MAX_BITS = 24
"""Maximum number of fractional bits: a float32 holds every multiple of 2^-24 in [-1, 1] exactly."""
_ELEMENTS = 1 << 18
"""Number of distances computed at a time: 2 MB, which fits a core's cache."""
_MIN_POINTS = 128
"""Minimum number of points in a matrix product; the product with the last points may have fewer."""
_MAX_EXPONENT = 500
"""Maximum result of ``exponent``."""
_MAX_CENTRES = 128
"""Maximum number of centres in a matrix product, unless a single set has more.

A product has about ``_ELEMENTS`` distances: the more centres, the fewer points. Without a maximum, each set of
centres would need more, smaller batches of points.
"""


def fixed_point_bits(n_features: int) -> int:
    """Return the largest number of fractional bits, at most 24, with which |c|^2 - 2 x.c is exact.

    The point x and the centre c have ``n_features`` coordinates in [-1, 1], multiples of 2^-bits. The result is 24 for
    up to 10 features, 23 for up to 42, and 22 for up to 170.

    Reason: the terms of the sum are multiples of 2^(-2 bits), and no partial sum exceeds 3 n_features in absolute
    value. So every partial sum fits into the 53 bits of a float64.
    """
    return min(MAX_BITS, (MANTISSA - (3 * n_features - 1).bit_length()) // 2)


def max_points(n_features: int) -> int:
    """Return the maximum number of points in a cluster for exact sums of coordinates.

    The result is 2^29 for up to 10 features. It is larger for more features, because coordinates then have fewer bits.
    """
    return 1 << (MANTISSA - fixed_point_bits(n_features))


def exponent(max_abs: float) -> int:
    """Return the integer e with ``max_abs`` * 2^e in (1/2, 1]: ``0.3 -> 1``, ``6.0 -> -3``.

    The factor 2^e scales values into [-1, 1]. Returns 500 if e would be larger, and 0 if ``max_abs`` is 0.
    """
    fraction, power = np.frexp(max_abs)
    # for the smallest numbers 2^e would be infinite as a float; values that small need no exact scale
    return min(_MAX_EXPONENT, int(fraction == 0.5) - int(power))


def round_to_fixed_point(values: Matrix, bits: int) -> Matrix:
    """Round values in [-1, 1] to multiples of 2^-bits, ties to even; return an array of the same shape."""
    # + 0.0 turns -0.0 into 0.0; otherwise equal points could differ in their bytes
    return np.ldexp(np.rint(np.ldexp(values, bits)), -bits) + 0.0


@dataclass(frozen=True, slots=True)
class Points:
    """Points with weights, stored twice, as columns and as rows: matrix products need both layouts."""

    homogeneous_columns: Matrix
    """Shape (n_features + 1, n_points): a column has the coordinates of a point, and a 1."""
    weighted_rows: Matrix
    """Shape (n_points, n_features + 2): a row has the coordinates of a point, a 1 and the squared length.

    All are multiplied by the point's weight.
    """

    @classmethod
    def of(cls, rows: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> "Points":
        """Make Points from coordinates.

        Parameters
        ----------
        rows : shape (n_points, n_features)
        weights : weight of each point, whole numbers, shape (n_points,); by default 1 each
        """
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
        """Coordinates of the points, not weighted, shape (n_points, n_features)."""
        return self.homogeneous_columns[:-1].T

    @property
    def weights(self) -> Matrix:
        """Weight of each point, shape (n_points,)."""
        return self.weighted_rows[:, -2]


def distance_coefficients(centres: Matrix) -> Matrix:
    """Return the coefficients for squared distances to each centre c: rows (-2 c, |c|^2), shape (k, n_features + 1).

    The product of a row with (x, 1) is |x - c|^2 - |x|^2.
    """
    return np.concatenate([-2 * centres, np.einsum("ij,ij->i", centres, centres)[:, None]], axis=1)


def centre_sums(points: Points, centre_sets: Sequence[Matrix]) -> list[Matrix]:
    """Sum the points nearest to each centre, for several sets of centres. O(n d) for each centre.

    Parameters
    ----------
    points : coordinates in [-1, 1]; if they are multiples of 2^-bits, their sums are exact
    centre_sets : arrays of shape (k, n_features); coordinates are multiples of 2^-bits in [-1, 1]

    Returns
    -------
    list of arrays of shape (k, n_features + 2)
        One for each set, with one row per centre: the sum of the points nearest to the centre (n_features columns),
        their number, and the sum of their squared lengths, all weighted. A point equally near to several centres of a
        set belongs to the first of them.
    """
    sums: list[Matrix] = []
    for group in _groups(centre_sets):
        sums += _group_sums(points, group)
    return sums


def _groups(centre_sets: Sequence[Matrix]) -> list[list[Matrix]]:
    """Divide sets of centres into groups, in order. A batch of points needs one matrix product per group.

    The sets of a group have at most ``_MAX_CENTRES`` centres together. A larger set is a group of its own.
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
    """Sum the points nearest to each centre, for the sets of one group, with one matrix product per batch of points.

    Parameters and result are those of ``centre_sums``.
    """
    bounds = np.cumsum([0, *map(len, centre_sets)])
    coefficients = np.concatenate([distance_coefficients(centres) for centres in centre_sets])
    size = max(_MIN_POINTS, min(len(points), _ELEMENTS // len(coefficients)))
    # one row per centre, one column per point: the minimum over centres then compares whole rows, which are contiguous
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
    """Assign each point to the first of several equally near centres of a set. Changes ``is_nearest`` in place.

    Parameters
    ----------
    is_nearest : shape (n_centres, n_points); a row is a centre, with all sets one after the other
        1 for the centre of each set that is nearest to the point (column), or for several centres on a tie; else 0.
    bounds : index of the first row of each set, and at the end the number of rows
    """
    for a, b in pairwise(bounds):
        set_part = is_nearest[a:b]
        tied = np.flatnonzero(set_part.sum(axis=0) > 1)
        first = set_part[:, tied].argmax(axis=0)
        set_part[:, tied] = 0.0
        set_part[first, tied] = 1.0


def square_parts(rows: Matrix, bits: int) -> tuple[float, float]:
    """Return the sum of the squared lengths of points, as two exact numbers to be added.

    Each squared length is split into a rounded part, a multiple of 2^-bits, and a remainder. The first number is the
    sum of the rounded parts, the second is the sum of the remainders. Both sums are exact for any order of the points;
    their total may need more bits than a float64 has.

    Parameters
    ----------
    rows : points, shape (n_points, n_features); coordinates are multiples of 2^-bits in [-1, 1]
    bits : number of fractional bits
    """
    squares = np.einsum("ij,ij->i", rows, rows)
    coarse = np.ldexp(np.rint(np.ldexp(squares, bits)), -bits)
    return float(coarse.sum()), float((squares - coarse).sum())


def column_argmin(values: Matrix) -> NDArray[np.int64]:
    """Return the row index of each column's minimum, on a tie the first. Faster than ``values.argmin(axis=0)``."""
    is_minimum = values == values.min(axis=0)
    if np.count_nonzero(is_minimum) > values.shape[1]:
        indices: NDArray[np.int64] = values.argmin(axis=0)
    else:
        indices = (np.arange(float(len(values))) @ is_minimum).astype(np.int64)
    return indices


def labels(points: Points, centres: Matrix) -> NDArray[np.int64]:
    """Return the index of each point's nearest centre, shape (n_points,); on a tie the lowest index."""
    return column_argmin(distance_coefficients(centres) @ points.homogeneous_columns)


def updated_centres(sums: Matrix, centres: Matrix, bits: int) -> Matrix:
    """Return the mean of each centre's points, rounded to multiples of 2^-bits. A centre without points is unchanged.

    Parameters
    ----------
    sums : result of ``centre_sums`` for ``centres``, shape (k, n_features + 2)
    centres : shape (k, n_features)
    bits : number of fractional bits of the result

    Returns
    -------
    array of shape (k, n_features)
    """
    counts = sums[:, -2]
    means = sums[:, :-2] / np.maximum(counts, 1.0)[:, None]
    return np.where(counts[:, None] > 0, round_to_fixed_point(means, bits), centres)
