"""The arithmetic of the grid: many K-means at once over the same points, in sums that are exact.

Points and centres lie on a grid of multiples of 2^-bits in [-1, 1]. Then |c|^2 - 2 x.c, the only thing that decides
which centre is nearest, needs no more than the 53 bits of a float64 whatever the order of its sums, and so do counts
and sums of coordinates: labels and new centres do not depend on how the points are cut up, nor on the processor.
Sums of squares are not exact; they serve the scores alone.
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
"""Distances at a time, 2 MB: what a core's cache holds."""
_MIN_POINTS = 128
_MAX_EXPONENT = 500
_MAX_CENTRES = 128
"""Centres at a time, or the fewest sets that have more: the more there are, the fewer points, and the more calls."""


def grid_bits(n_features: int) -> int:
    """Return how fine the grid may be for labels to be exact: 24 bits up to 10 features, 23 up to 42, 22 up to 170.

    No part of |c|^2 - 2 x.c exceeds 3 n_features, and its terms are multiples of 2^(-2 bits).
    """
    return min(MAX_BITS, (MANTISSA - (3 * n_features - 1).bit_length()) // 2)


def max_points(n_features: int) -> int:
    """Return how many points a cluster may have for sums of coordinates to be exact: 2^29 up to 10 features."""
    return 1 << (MANTISSA - grid_bits(n_features))


def exponent(largest: float) -> int:
    """Return the power of two that brings the largest of values into (1/2, 1], or 0 where all of them are 0."""
    fraction, power = np.frexp(largest)
    # of the smallest numbers of all no more than this is needed, and its own powers stay finite
    return min(_MAX_EXPONENT, int(fraction == 0.5) - int(power))


def round_to_grid(values: Matrix, bits: int) -> Matrix:
    """Return values in [-1, 1] on the grid."""
    # with one zero: a negative one would make equal points differ in their bytes
    return np.ldexp(np.rint(np.ldexp(values, bits)), -bits) + 0.0


@dataclass(frozen=True, slots=True)
class Points:
    """Points in the two forms that the products need.

    ``columns`` has shape (n_features + 1, n_points), the last row all 1; ``moments`` has shape (n_points,
    n_features + 2): the weighted coordinates, the weights, the weighted squared lengths.
    """

    columns: Matrix
    moments: Matrix

    @classmethod
    def of(cls, rows: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> "Points":
        """Return points, shape (n_points, n_features), each counted as often as its weight (a whole number) says."""
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
        return self.columns.shape[1]

    @property
    def n_features(self) -> int:
        """The length of a point."""
        return len(self.columns) - 1

    @property
    def rows(self) -> Matrix:
        """The points, shape (n_points, n_features)."""
        return self.columns[:-1].T

    @property
    def weights(self) -> Matrix:
        """How often each point counts, shape (n_points,)."""
        return self.moments[:, -2]


def distance_form(centres: Matrix) -> Matrix:
    """Return the rows [-2 c, |c|^2], which times (x, 1) give |x - c|^2 - |x|^2."""
    return np.concatenate([-2 * centres, np.einsum("ij,ij->i", centres, centres)[:, None]], axis=1)


def centre_sums(points: Points, sets: Sequence[Matrix]) -> list[Matrix]:
    """Return what the points nearest to every centre add up to, for several sets of centres.

    Parameters
    ----------
    points : on the grid
    sets : arrays of shape (k, n_features), on the grid, the centres of one set all different

    Returns
    -------
    list of arrays of shape (k, n_features + 2)
        For each centre the sum of its points, their number, and the sum of their squared lengths; ties go to the
        lower centre.
    """
    found: list[Matrix] = []
    for group in _groups(sets):
        found += _centre_sums(points, group)
    return found


def _groups(sets: Sequence[Matrix]) -> list[list[Matrix]]:
    """Return the sets in groups that share a product: few enough centres that many points fit beside them."""
    groups: list[list[Matrix]] = []
    room = 0
    for centres in sets:
        if len(centres) > room or not groups:
            groups.append([])
            room = _MAX_CENTRES
        groups[-1].append(centres)
        room -= len(centres)
    return groups


def _centre_sums(points: Points, sets: Sequence[Matrix]) -> list[Matrix]:
    bounds = np.cumsum([0, *map(len, sets)])
    forms = np.concatenate([distance_form(centres) for centres in sets])
    size = max(_MIN_POINTS, min(len(points), _ELEMENTS // len(forms)))
    # centres down, points across: the minimum over centres then runs along whole rows
    gaps, nearest = np.empty((len(forms), size)), np.empty(size)
    total = np.zeros((len(forms), points.n_features + 2))
    for begin in range(0, len(points), size):
        end = min(begin + size, len(points))
        part, least = gaps[:, : end - begin], nearest[: end - begin]
        np.matmul(forms, points.columns[:, begin:end], out=part)
        n_chosen = 0  # of all sets
        for a, b in pairwise(bounds):
            of_set = part[a:b]
            np.min(of_set, axis=0, out=least)
            chosen = of_set == least
            n_chosen += int(np.count_nonzero(chosen))
            of_set[:] = chosen
        if n_chosen > len(sets) * len(least):
            _break_ties(part, bounds)
        total += part @ points.moments[begin:end]
    return np.split(total, bounds[1:-1])


def _break_ties(chosen: Matrix, bounds: NDArray[np.int64]) -> None:
    """Leave one choice per point and set, the lowest."""
    for a, b in pairwise(bounds):
        of_set = chosen[a:b]
        tied = np.flatnonzero(of_set.sum(axis=0) > 1)
        first = of_set[:, tied].argmax(axis=0)
        of_set[:, tied] = 0.0
        of_set[first, tied] = 1.0


def square_parts(rows: Matrix, bits: int) -> tuple[float, float]:
    """Return the sum of the squared lengths of points on the grid in two parts, each of which is exact."""
    squares = np.einsum("ij,ij->i", rows, rows)
    coarse = np.ldexp(np.rint(np.ldexp(squares, bits)), -bits)
    return float(coarse.sum()), float((squares - coarse).sum())


def column_argmin(gaps: Matrix) -> NDArray[np.int64]:
    """Return the row of the least value of each column, the lower of equals: ``argmin`` at several times its speed."""
    chosen = gaps == gaps.min(axis=0)
    if np.count_nonzero(chosen) > gaps.shape[1]:
        return gaps.argmin(axis=0)
    return (np.arange(float(len(gaps))) @ chosen).astype(np.int64)


def labels(points: Points, centres: Matrix) -> NDArray[np.int64]:
    """Return the index of the nearest centre of each point, the lower of equals."""
    return column_argmin(distance_form(centres) @ points.columns)


def updated_centres(total: Matrix, centres: Matrix, bits: int) -> Matrix:
    """Return the means of the points of each centre, on the grid; a centre without points stays where it is."""
    counts = total[:, -2]
    means = total[:, :-2] / np.maximum(counts, 1.0)[:, None]
    return np.where(counts[:, None] > 0, round_to_grid(means, bits), centres)
