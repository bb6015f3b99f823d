"""Additive sums over tracks, from which correlations, moments, quantiles and principal components are computed.

A batch of tracks becomes rows of (kind, key, values); rows of the same kind and key are added element by element,
whatever the partitions. The number of rows depends on the features alone.

Kinds
-----
PAIRWISE_MOMENTS (key 0) : counts, sums, sums of squares and of products of every pair of numbers, over the tracks that
    have both, of values centred and divided by the width of their range: shape (4, n, n), flattened
HISTOGRAM (key: index in ``NUMBERS``) : counts below the range of a number, in fine bins over it, and above it, shape
    (n_fine + 2,)
POPULARITY_BY_BIN (key: index in ``NUMBERS``) : counts and sums of popularity in coarse bins, shape (2, N_COARSE),
    flattened
SCATTER_MATRIX (key 0) : count, sums, and sums of products of the scaled features, shape (1 + m + m * m,)
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segue import schema
from segue.clustering import cluster_stats
from segue.clustering.model_card import ModelCard, scale_features

Floats = NDArray[np.float64]
Sums = dict[tuple[str, int], Floats]
NUMBERS = (*schema.FEATURE_NAMES, "popularity", "year")
"""The columns that are summed."""
SCHEMA = "kind string, key bigint, values array<double>"
PAIRWISE_MOMENTS, HISTOGRAM = "pairwise_moments", "histogram"
POPULARITY_BY_BIN, SCATTER_MATRIX = "popularity_by_bin", "scatter_matrix"
N_COARSE = 40
"""Bins for popularity."""
STEP = {"bpm": 1.0, "loudness": 1.0, "duration_s": 5.0, "popularity": 1.0, "year": 1.0}
"""Step of each number, 0.01 for fractions. Histogram bars are multiples of it, so rounded values fill them evenly."""
BINS_PER_STEP = 10
"""Fine bins per step of a number: the resolution of quantiles."""
_EDGES = {"duration_s": (0.0, 1200.0), "year": (1900.0, 2100.0)}
_RANGES = {f.name: (f.low, f.high if f.high is not None else 0.0) for f in schema.NUMBERS} | _EDGES
_MIDDLES = np.array([sum(_RANGES[name]) / 2 for name in NUMBERS])
_WIDTHS = np.array([_RANGES[name][1] - _RANGES[name][0] for name in NUMBERS])
_ARROW = pa.schema([("kind", pa.string()), ("key", pa.int64()), ("values", pa.list_(pa.float64()))])


def n_fine(name: str) -> int:
    """Return the number of fine bins of a number."""
    low, high = _RANGES[name]
    return round((high - low) / STEP.get(name, 0.01) * BINS_PER_STEP)


def edges(name: str, n_bins: int) -> Floats:
    """Return the edges of equal bins over the range of a number; values outside count in the first or last bin."""
    low, high = _RANGES[name]
    return np.linspace(low, high, n_bins + 1)


def batch_sums(batch: pa.RecordBatch, card: ModelCard) -> Sums:
    """Return the sums of one batch with the columns of ``NUMBERS``; null is missing. O(n_rows n_numbers^2)."""
    rows = np.stack([_column(batch, name) for name in NUMBERS], axis=1)
    is_finite = np.isfinite(rows)
    centred = np.where(is_finite, (rows - _MIDDLES) / _WIDTHS, 0.0)
    ones = is_finite.astype(np.float64)
    totals: Sums = {
        (PAIRWISE_MOMENTS, 0): np.stack(
            [ones.T @ ones, centred.T @ ones, (centred**2).T @ ones, centred.T @ centred]
        ).ravel()
    }
    popularity = NUMBERS.index("popularity")
    for index, name in enumerate(NUMBERS):
        values = rows[is_finite[:, index], index]
        totals[HISTOGRAM, index] = _histogram(name, values)
        both = is_finite[:, index] & is_finite[:, popularity]
        coarse = _bin(name, rows[both, index], N_COARSE)
        counts = np.bincount(coarse, minlength=N_COARSE).astype(np.float64)
        popularities = np.bincount(coarse, weights=rows[both, popularity], minlength=N_COARSE)
        totals[POPULARITY_BY_BIN, index] = np.concatenate([counts, popularities])
    points = scale_features(card, np.stack([rows[:, NUMBERS.index(name)] for name in card.features], axis=1))
    points = points[np.isfinite(points).all(axis=1)]
    totals[SCATTER_MATRIX, 0] = np.concatenate([[len(points)], points.sum(axis=0), (points.T @ points).ravel()])
    return totals


def add_sums(parts: Iterable[tuple[tuple[str, int], Floats]]) -> Sums:
    """Add up partial sums: arrays with the same (kind, key) are added element by element."""
    total: Sums = {}
    for key, values in parts:
        total[key] = total[key] + values if key in total else values
    return total


def to_batch(sums: Sums) -> pa.RecordBatch:
    """Return sums as an Arrow batch of ``SCHEMA``."""
    keys = list(sums)
    columns = [[kind for kind, _ in keys], [key for _, key in keys], [sums[key].tolist() for key in keys]]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, _ARROW, strict=True)], schema=_ARROW
    )


def correlation(sums: Sums) -> tuple[Floats, NDArray[np.int64]]:
    """Return Pearson's r and the number of tracks of every pair, over the tracks that have both.

    Returns
    -------
    r : shape (n, n), in [-1, 1]; NaN where fewer than three tracks have both, or one number is constant
    n_tracks : shape (n, n)
    """
    size = len(NUMBERS)
    n, first, square, product = sums[PAIRWISE_MOMENTS, 0].reshape(4, size, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        # first[i, j]: the sum of i over the tracks that have j too
        covariance = product - first * first.T / n
        variance = square - first**2 / n
        constant = variance <= 1e-12 * np.maximum(n, 1)
        r = covariance / np.sqrt(variance * variance.T)
    r[(n < 3) | constant | constant.T] = np.nan
    return np.clip(r, -1.0, 1.0), n.astype(np.int64)


def moments(sums: Sums) -> dict[str, tuple[int, float, float]]:
    """Return count, mean and population standard deviation of each number, in the unit of the tables.

    Numbers without any value are left out.
    """
    size = len(NUMBERS)
    n, first, square, _ = sums[PAIRWISE_MOMENTS, 0].reshape(4, size, size)
    result = {}
    for index, name in enumerate(NUMBERS):
        count = n[index, index]
        if not count:
            continue
        mean = first[index, index] / count
        deviation = max(square[index, index] / count - mean**2, 0.0) ** 0.5
        result[name] = (int(count), mean * _WIDTHS[index] + _MIDDLES[index], deviation * _WIDTHS[index])
    return result


def quantiles(sums: Sums, name: str, shares: Sequence[float]) -> list[float]:
    """Estimate quantiles of a number from its histogram. The error is at most one fine bin, a tenth of the step.

    Values outside the histogram's range count as its ends: durations above 1,200 s as 1,200 s.
    """
    histogram = sums[HISTOGRAM, NUMBERS.index(name)]
    counts = histogram[1:-1].copy()
    counts[[0, -1]] += histogram[[0, -1]]
    return cluster_stats.histogram_quantiles(counts, *_RANGES[name], shares)


def principal_axes(sums: Sums, n_features: int) -> tuple[Floats, Floats, Floats]:
    """Return mean, first two principal components and their shares of the variance, of the scaled points.

    The largest weight of a component is positive, which fixes its otherwise arbitrary sign.

    Returns
    -------
    mean : shape (n_features,)
    components : shape (2, n_features), unit vectors as rows; the second is zero where there is one feature
    shares : shape (2,), 0 to 1
    """
    values = sums[SCATTER_MATRIX, 0]
    n, first = values[0], values[1 : 1 + n_features]
    product = values[1 + n_features :].reshape(n_features, n_features)
    mean = first / n
    variances, vectors = np.linalg.eigh(product / n - np.outer(mean, mean))
    order = np.argsort(variances)[::-1][:2]
    components = vectors[:, order].T
    if len(components) < 2:
        components = np.vstack([components, np.zeros_like(components[0])])
    largest = np.abs(components).argmax(axis=1)
    components = components * np.where(components[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    total = np.maximum(variances, 0.0).sum()
    shares = np.maximum(variances[order], 0.0) / total if total > 0 else np.zeros(len(order))
    return mean, components, np.append(shares, 0.0)[:2]


def _column(batch: pa.RecordBatch, name: str) -> Floats:
    column = batch.column(batch.schema.get_field_index(name)).cast(pa.float64())
    values: Floats = column.to_numpy(zero_copy_only=False)
    return values


def _histogram(name: str, values: Floats) -> Floats:
    """Return counts below the range of a number, in its fine bins, and above it, shape (n_fine + 2,)."""
    low, high = _RANGES[name]
    bins = 1 + _bin(name, values, n_fine(name))
    bins[values < low], bins[values > high] = 0, n_fine(name) + 1
    return np.bincount(bins, minlength=n_fine(name) + 2).astype(np.float64)


def _bin(name: str, values: Floats, n_bins: int) -> NDArray[np.int64]:
    low, high = _RANGES[name]
    # 0.57 * 100 is slightly below 57 in binary
    index = np.floor((values - low) / (high - low) * n_bins + 1e-6)
    return np.clip(index, 0, n_bins - 1).astype(np.int64)
