"""The space in which tracks are compared: a number per feature becomes a coordinate; no Spark here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MINMAX, STANDARD, QUANTILE = "minmax", "standard", "quantile"
KNOTS = 1001
"""Points at which the distribution of a feature is kept: a rank is good to a thousandth."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What was learned of all tracks, a value per feature each.

    A missing value becomes that of ``fill``. Then ``minmax`` makes x (x - lowest) / (highest - lowest), ``standard``
    (x - mean) / deviation, 0 where all tracks are alike, and ``quantile`` the share of tracks below x, half of those
    that are equal to x included (read off ``KNOTS`` quantiles, straight lines between them).
    """

    features: tuple[str, ...]
    kind: str
    fill: Matrix
    """Shape (n_features,), in the features' units."""
    centre: Matrix
    width: Matrix
    knots: Matrix
    """The quantiles of every feature, rising, shape (n_features, KNOTS)."""

    def filled(self, values: Matrix) -> Matrix:
        """Return the values, shape (n_tracks, n_features), with NaN replaced."""
        return np.where(np.isnan(values), self.fill, values)

    def points(self, values: Matrix) -> Matrix:
        """Return the coordinates of tracks that lack nothing, shape (n_tracks, n_features)."""
        if self.kind == QUANTILE:
            return self.ranks(values)
        found: Matrix = np.where(
            self.width > 0, (values - self.centre) / np.where(self.width > 0, self.width, 1.0), 0.0
        )
        return found

    def ranks(self, values: Matrix) -> Matrix:
        """Return the share of tracks below each value, half of those equal to it included, 0 to 1."""
        columns = [rank(values[:, index], knots) for index, knots in enumerate(self.knots)]
        return np.stack(columns, axis=1)


def rank(values: Matrix, knots: Matrix) -> Matrix:
    """Return where values stand among ``knots``, rising quantiles at equal steps, 0 to 1.

    >>> rank(np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 2.0, 2.0, 5.0]))
    array([0. , 0.5, 1. ])
    """
    steps = np.linspace(0.0, 1.0, len(knots))
    # numpy takes the last of equal knots; read from behind, the first
    above = np.interp(values, knots, steps)
    below = -np.interp(-values, -knots[::-1], -steps[::-1])
    return (above + below) / 2


def quantiles(sample: Matrix, fill: Sequence[float]) -> Matrix:
    """Return the quantiles of every column of a sample, NaN left out, shape (n_features, KNOTS)."""
    steps = np.linspace(0.0, 1.0, KNOTS)
    found = []
    for column, value in zip(sample.T, fill, strict=True):
        known = column[~np.isnan(column)]
        found.append(np.quantile(known, steps) if len(known) else np.full(KNOTS, value))
    return np.stack(found)
